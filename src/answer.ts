import { RequestFailure } from './failure.js';
import { quote } from './secrets.js';

/** One HTTP answer, read to its end. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Throws a RequestFailure with what Nomad says to a request, such as "the login", unless its answer is a 200. */
export function expectSuccess(what: string, { status, headers, text }: Answer, url: string): void {
  if (/^30[12378]$/.test(String(status))) {
    throw new Error(describeRedirect(what, url, status, headers['location']));
  }
  if (status !== 200) {
    throw new RequestFailure(
      `Nomad refused ${what} (${String(status)}): ${quote(summarize(text)) || 'an empty answer'}`,
      {
        peer: 'Nomad',
        status,
        said: text,
        retryAfterMs: parseRetryAfter(headers['retry-after']),
      },
    );
  }
}

// Of a web page, its title says most.
function summarize(text: string): string {
  const [, title] = /<title[^>]*>([^<]*)/i.exec(text) ?? [];
  return /^\s*</.test(text) ? `a web page${title === undefined ? '' : ` (${title.trim()})`}` : text;
}

// A Location can be relative, no address at all, or carry a query that is nobody's business.
function describeRedirect(what: string, url: string, status: number, location: unknown): string {
  const { origin } = new URL(url);
  const isAddress = typeof location === 'string' && URL.canParse(location, url);
  const target = new URL(isAddress ? location : url, url);
  const where = target.origin === origin ? quote(target.pathname) : quote(target.origin);
  return (
    `${origin} answers ${what} with a redirect (${String(status)})${isAddress ? ` to ${where}` : ''}. ` +
    `Redirects are not followed, as they would carry secrets away: set the input url to the address of Nomad itself.`
  );
}

// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
function parseRetryAfter(value: unknown): number | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
