import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { quote } from '../secrets.js';

/** An error of Node or undici, with its optional properties. */
export type NetworkError = Error & { code?: string; reason?: string; errors?: Error[]; cert?: PeerCertificate };

const hosts = new WeakMap<object, string>();
let lastAlert: NetworkError | undefined;

// undici reports a connection that a TLS alert ended as closed by the other side, without the alert, and does not say whether it was
// connecting to the proxy or through it. https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
subscribe('undici:client:connected', (message) => {
  (message as { socket: Socket }).socket.once('error', (error: NetworkError) => {
    lastAlert = error.code?.startsWith('ERR_SSL') ? error : undefined;
  });
});
subscribe('undici:client:connectError', (message) => {
  const { connectParams, error } = message as { connectParams: { host: string }; error: object };
  // Through a proxy, the same error also reaches the connection to the server.
  hosts.set(error, hosts.get(error) ?? connectParams.host);
});

/** Describes an error that ended a request: whose it is, its code (or the status of the proxy), and the reason in words. */
export function describeError(
  error: NetworkError,
  proxy: string | undefined,
): { source: 'network' | 'proxy'; code: string; reason: string } {
  const status = /^Proxy[^(]*\((\d{3})\)/.exec(error.message)?.[1];
  if (status !== undefined) {
    return { source: 'proxy', code: status, reason: `the proxy answered ${status}` };
  }
  // Behind a proxy, undici throws this error instead of the failure that the connection was destroyed with.
  if (error.code === 'UND_ERR_DESTROYED') {
    return { source: 'network', code: 'NO_RESPONSE', reason: 'no response' };
  }
  const cause = lastAlert ?? error;
  lastAlert = undefined;
  const isProxys =
    proxy !== undefined && hosts.get((error.cause as object | undefined) ?? error) === new URL(proxy).host;
  return { source: isProxys ? 'proxy' : 'network', code: cause.code ?? cause.name, reason: quote(findReason(cause)) };
}

// OpenSSL has a short reason; a host with several addresses fails with an error for each, and an empty message.
function findReason({ code = 'unknown error', reason, message, errors = [] }: NetworkError): string {
  if (reason !== undefined && code.startsWith('ERR_SSL')) {
    return reason;
  }
  const said = message
    // The rest of the message advises changing how Node is started.
    .replace(/; if the root CA is installed locally.*$/s, '')
    .replace(/[:\s]+$/, '');
  return said || [...new Set(errors.map((each) => each.message))].join('; ') || code;
}
