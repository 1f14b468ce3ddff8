import { quote, redact } from '../secrets.js';

/** A complete HTTP response. */
export interface Response {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

// Nomad's errors are far shorter. This limits what the patterns of the catalogue have to search.
const MAX_SIGN_LENGTH = 4096;

/** Describes an unexpected response: the sign and the message of a failure, and the wait in milliseconds that it asks for. */
export function describeResponse(url: string, { status, headers, text }: Response) {
  const redirect = status >= 300 && status < 400 ? `a redirect to ${findTarget(url, headers['location'])}` : undefined;
  return {
    sign: `nomad ${String(status)} ${redirect ?? redact(text).slice(0, MAX_SIGN_LENGTH).trim()}`,
    message: `(${String(status)}): ${quote(redirect ?? summarize(text)) || 'an empty response'}`,
    retryAfterMs: parseRetryAfter(headers['retry-after']),
  };
}

// The title describes a web page best.
function summarize(body: string): string {
  if (!/^\s*</.test(body)) {
    return body;
  }
  const [, title = ''] = /<title[^>]{0,200}>\s*([^<]{1,200})/i.exec(body) ?? [];
  return title === '' ? 'a web page' : `a web page (${title.trim()})`;
}

// A Location can be relative, malformed, or carry a query with secrets.
function findTarget(url: string, location: unknown): string {
  if (typeof location !== 'string' || !URL.canParse(location, url)) {
    return 'an unknown address';
  }
  const { origin, pathname } = new URL(location, url);
  return origin === new URL(url).origin ? pathname : origin;
}

// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
function parseRetryAfter(value: unknown): number {
  const text = typeof value === 'string' ? value.trim() : '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
