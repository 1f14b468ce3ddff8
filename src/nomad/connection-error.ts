import type { DetailedPeerCertificate as Certificate } from 'node:tls';
import { Timeout } from '../deadline.js';
import { Failure, type Facts } from '../failures/failure.js';
import { quote, quoteName } from '../secrets.js';
import { formatTime } from '../times.js';
import type { Progress } from './dispatcher.js';
import { ProxyError } from './tunnel.js';

type ConnectionError = Error & { code?: string; reason?: string; errors?: Error[] };

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
  const invalid = chain.find((each) => now < Date.parse(each.valid_from) || now > Date.parse(each.valid_to));
  const names = [...(leaf.subjectaltname ?? '').matchAll(/(?<=^|, )(?:DNS|IP Address):"?([^",]+)/g)];
  return {
    names: names.map(([, name = '']) => quoteName(name, 100)),
    issuer: readName(chain.at(-1)?.issuer),
    validity: invalid
      ? `${readName(invalid.subject)} is valid from ${formatTime(invalid.valid_from)} to ${formatTime(invalid.valid_to)}`
      : '',
  };
}

// A self-signed certificate is its own issuer, and the issuer of the last one is missing.
function listChain(certificate: Certificate): Certificate[] {
  const { issuerCertificate: issuer, fingerprint256 } = certificate as Partial<Certificate>;
  return issuer && issuer.fingerprint256 !== fingerprint256 ? [certificate, ...listChain(issuer)] : [certificate];
}

const readName = (subject?: Partial<Certificate['subject']>): string =>
  quoteName(String(subject?.CN ?? subject?.O ?? 'without a name'), 100);
