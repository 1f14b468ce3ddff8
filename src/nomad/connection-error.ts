import type { DetailedPeerCertificate as Certificate } from 'node:tls';
import { Failure, type Event, type Facts } from '../failures/failure.js';
import { describeServer } from '../proxy.js';
import { quote, quoteName } from '../secrets.js';
import { formatTime } from '../times.js';
import type { Progress } from './socket.js';

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
