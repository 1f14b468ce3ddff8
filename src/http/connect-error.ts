import type { PeerCertificate } from 'node:tls';
import { Failure, type NetworkError, type Target } from '../failures/failure.js';
import { quote } from '../secrets.js';
import { readCertificateNames } from './trust.js';

/** An error of Node or undici, with its optional properties. */
export type ConnectError = Error & { code?: string; reason?: string; errors?: Error[]; cert?: PeerCertificate };

/** How far the requests to a server had progressed. */
export type Progress = Pick<NetworkError, 'hadConnected' | 'hasResponded' | 'isConnected'>;

/** Describes an error that ended a request before its response was complete; the message is `summary` and the reason. */
export function describeError(summary: string, target: Target, error: ConnectError, progress: Progress): Failure {
  const proxyStatus = /^Proxy[^(]*\((\d{3})\)/.exec(error.message)?.[1];
  const reason = proxyStatus === undefined ? quote(findMessage(error)) : `the proxy answered ${proxyStatus}`;
  return new Failure(`${summary}: ${reason}`, {
    target,
    network: {
      code: error.code ?? '',
      ...progress,
      ...(proxyStatus !== undefined && { proxyStatus: Number(proxyStatus) }),
      ...(error.cert !== undefined && { certificateNames: readCertificateNames(error.cert) }),
    },
    cause: error,
  });
}

// OpenSSL has a short reason; a host with several addresses fails with an error for each, and an empty message.
function findMessage({ code = 'unknown error', reason, message, errors = [] }: ConnectError): string {
  if (reason !== undefined && code.startsWith('ERR_SSL')) {
    return reason;
  }
  const said = message
    // The rest of the message advises changing how Node is started.
    .replace(/; if the root CA is installed locally.*$/s, '')
    .replace(/[:\s]+$/, '');
  return said || [...new Set(errors.map((error) => error.message))].join('; ') || code;
}
