import { Failure, type Facts } from '../failures/failure.js';
import { quote, redact } from '../secrets.js';

/** A complete HTTP response. */
export interface Response {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

// Nomad's errors are far shorter. This limits what the patterns of the catalogue have to search.
const MAX_TEXT_LENGTH = 4096;

/** Returns the failure of a call that got an unexpected response; `summary` says what failed. */
export function explainResponse(summary: string, response: Response, known: Partial<Facts>): Failure {
  const { status, headers, text } = response;
  const target = status >= 300 && status < 400 ? findTarget(known.url, headers['location']) : '';
  const reason = target === '' ? summarize(text, headers['content-encoding']) : `a redirect to ${target}`;
  return new Failure(
    { from: 'nomad', status, text: redact(text).slice(0, MAX_TEXT_LENGTH).trim() },
    `${summary} (${String(status)}): ${quote(reason) || 'an empty response'}`,
    { ...known, target, retryAfterMs: parseRetryAfter(headers['retry-after']) },
  );
}

// The title describes a web page best.
function summarize(body: string, encoding: unknown = 'identity'): string {
  if (encoding !== 'identity') {
    return `a body in the encoding ${String(encoding)}`;
  }
  if (!/^\s*</.test(body)) {
    return body;
  }
  const [, title = ''] = /<title[^>]{0,200}>\s*([^<]{1,200})/i.exec(body) ?? [];
  return title === '' ? 'a web page' : `a web page (${title.trim()})`;
}

// A Location can be relative, malformed, or carry a query with secrets.
function findTarget(url = '', location: unknown): string {
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
