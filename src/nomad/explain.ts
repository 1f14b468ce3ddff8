import type { DetailedPeerCertificate as Certificate } from 'node:tls';
import { Failure, type Event, type Facts } from '../failures/failure.js';
import { describeServer } from '../proxy.js';
import { quote, quoteName, redact } from '../secrets.js';
import { formatTime } from '../time.js';
import type { Progress } from './socket.js';

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

/** The refusal of a proxy. */
export class ProxyError extends Error {
  constructor(readonly status: number) {
    super(`the proxy answered ${String(status)}`);
  }
}

type ConnectionError = Error & { code?: string; reason?: string; errors?: Error[] };

/** Returns the failure of a call that an error ended. */
export function explainError(error: Error, progress: Progress, facts: Pick<Facts, 'url' | 'proxy'>): Failure {
  const { to, certificate, error: ofSocket } = progress;
  const [code, reason] = readError(ofSocket?.code?.startsWith('ERR_SSL') ? ofSocket : error);
  const reached = to === 'nomad' && progress.hasResponded ? 'response' : progress.reached;
  const event: Event =
    error instanceof ProxyError ? { from: 'proxy', status: error.status, text: '' } : { to, code, reached };
  return new Failure(
    event,
    `Cannot reach ${describeServer('Nomad', facts)}: ${reason}`,
    { ...facts, certificate: certificate && describeCertificate(certificate) },
    error,
  );
}

function readError({ name, code = name, reason = '', message, errors = [] }: ConnectionError): [string, string] {
  // The rest of the message advises changing how Node is started.
  const said = message.replace(/(; if the root CA is installed locally.*)?[:\s]*$/s, '');
  // OpenSSL has a short reason; a host with several addresses fails with an error for each, and an empty message.
  const others = [...new Set(errors.map((each) => each.message))].join('; ');
  return [code, quote((code.startsWith('ERR_SSL') && reason) || said || others || code)];
}

function describeCertificate(leaf: Certificate): Facts['certificate'] {
  const names = [...(leaf.subjectaltname ?? '').matchAll(/(?<=^|, )(?:DNS|IP Address):"?([^",]+)/g)];
  const issuer: Partial<Certificate['issuer']> = listChain(leaf).at(-1)?.issuer ?? {};
  return {
    names: names.map(([, name = '']) => quoteName(name, 100)),
    issuer: quoteName(String(issuer.CN ?? issuer.O ?? 'without a name'), 100),
    validity: `${formatTime(leaf.valid_from)} to ${formatTime(leaf.valid_to)}`,
  };
}

// A self-signed certificate is its own issuer, and the issuer of the last one is missing.
function listChain(certificate: Certificate): Certificate[] {
  const { issuerCertificate: issuer, fingerprint256 } = certificate as Partial<Certificate>;
  return issuer && issuer.fingerprint256 !== fingerprint256 ? [certificate, ...listChain(issuer)] : [certificate];
}
