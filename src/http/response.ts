import { HttpCodes } from '@actions/http-client';
import { Failure, type FailedResponse, type Target } from '../failures/failure.js';
import { excerpt, quote } from '../secrets.js';

/** A complete HTTP response. */
export interface Response {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

const SUCCESS: number = HttpCodes.OK;
const REDIRECTS: number[] = [
  HttpCodes.MovedPermanently,
  HttpCodes.ResourceMoved,
  HttpCodes.SeeOther,
  HttpCodes.TemporaryRedirect,
  HttpCodes.PermanentRedirect,
];
const MAX_BODY_BYTES = 1024 * 1024;
// Nomad's errors are far shorter. This limits what the patterns have to search.
const MAX_EXCERPT_LENGTH = 4096;

/** Reads the body of a response as text; undefined if it is longer than 1 MiB. */
export async function readBody(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Tells whether a response is the one that GitHub and Nomad send if all went well. */
export function isSuccess({ status }: Response): boolean {
  return status === SUCCESS;
}

/** Describes a response with an unexpected status; the message adds the status and the server's own message to `summary`. */
export function describeResponse(summary: string, target: Target, response: Response): Failure {
  const { status, headers, text } = response;
  const body = excerpt(text, MAX_EXCERPT_LENGTH);
  const said = REDIRECTS.includes(status) ? describeRedirect(target.url, headers['location']) : quote(summarize(body));
  const details: FailedResponse = { status, body, retryAfterMs: parseRetryAfter(headers['retry-after']) };
  return new Failure(`${summary} (${String(status)}): ${said || 'an empty response'}`, { target, response: details });
}

// The title describes a web page best, and "message" an error in JSON.
function summarize(body: string): string {
  if (/^\s*</.test(body)) {
    const title = findTitle(body);
    return title === '' ? 'a web page' : `a web page (${title})`;
  }
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? message : body;
  } catch {
    return body;
  }
}

function findTitle(page: string): string {
  const start = page.toLowerCase().indexOf('<title');
  const [title = ''] = start === -1 ? [] : page.slice(page.indexOf('>', start) + 1).split('<', 1);
  return title.trim();
}

// A Location can be relative, malformed, or carry a query with secrets.
function describeRedirect(url: string, location: unknown): string {
  const address = typeof location === 'string' ? excerpt(location, MAX_EXCERPT_LENGTH) : '';
  if (address === '' || !URL.canParse(address, url)) {
    return 'a redirect';
  }
  const { origin, pathname } = new URL(address, url);
  return `a redirect to ${quote(origin === new URL(url).origin ? pathname : origin)}`;
}

// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
function parseRetryAfter(value: unknown): number | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
