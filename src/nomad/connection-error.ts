import { Failure, type Facts } from '../failures/failure.js';
import { quote, quoteName } from '../secrets.js';
import { formatSeconds, formatTime } from '../times.js';
import type { Certificate, Progress } from './dispatcher.js';
import { ProxyError } from './tunnel.js';

type ConnectionError = Error & { code?: string; reason?: string; errors?: Error[] };

/** The error of a call that got no response in time. */
export class Timeout extends Error {
  readonly code = 'NO_RESPONSE';

  constructor(limitMs: number) {
    super(`did not respond within ${formatSeconds(limitMs)}`);
  }
}

/** Returns the failure of a call that an error ended; `place` is the server, and the way to it, in words. */
export function explainError(error: Error, place: string, progress: Progress, facts: Partial<Facts>): Failure {
  if (error instanceof ProxyError) {
    const event = { from: 'proxy', status: error.status, text: '' } as const;
    return new Failure(event, `Cannot reach ${place}: ${error.message}`, facts, error);
  }
  const { to, certificate, error: ofSocket } = progress;
  const [code, reason] = readError(ofSocket?.code?.startsWith('ERR_SSL') ? ofSocket : error);
  const reached = to === 'nomad' && progress.hasResponded ? 'response' : progress.reached;
  return new Failure(
    { to, code, reached },
    error instanceof Timeout ? `${place} ${error.message}` : `Cannot reach ${place}: ${reason}`,
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
  const chain = listChain(leaf);
  const now = Date.now();
  const invalid = chain.find((each) => now < parse(each.valid_from) || now > parse(each.valid_to));
  const names = [...(leaf.subjectaltname ?? '').matchAll(/(?<=^|, )(?:DNS|IP Address):"?([^",]+)/g)];
  return {
    names: names.map(([, name = '']) => quoteName(name, 100)),
    issuer: readName(chain.at(-1)?.issuer),
    validity: invalid
      ? `${readName(invalid.subject)} is valid from ${formatTime(parse(invalid.valid_from))} to ${formatTime(parse(invalid.valid_to))}`
      : '',
  };
}

// A self-signed certificate is its own issuer.
function listChain(certificate: Certificate): Certificate[] {
  const { issuerCertificate: issuer, fingerprint256 } = certificate;
  return issuer === undefined || issuer.fingerprint256 === fingerprint256
    ? [certificate]
    : [certificate, ...listChain(issuer)];
}

const parse = (time = ''): number => Date.parse(time);
const readName = (subject: Certificate['subject']): string =>
  quoteName(String(subject?.CN ?? subject?.O ?? 'without a name'), 100);
