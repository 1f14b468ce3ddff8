import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import type { Connection } from '../inputs/inputs.js';
import type { Proxy } from '../proxy.js';
import { quote, quoteName } from '../secrets.js';
import { findServerName } from './dispatcher.js';
import { formatTime } from '../times.js';

type Certificate = Partial<DetailedPeerCertificate>;
type ConnectionError = Error & { code?: string; reason?: string; errors?: Error[]; cert?: Certificate };

const MAX_HANDSHAKE_MS = 2_000;
const hosts = new WeakMap<object, string>();
let lastAlert: ConnectionError | undefined;

// undici reports a connection that a TLS alert ended as closed by the other side, without the alert, and does not say whether it was
// connecting to the proxy or through it. https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
subscribe('undici:client:connected', (message) => {
  (message as { socket: Socket }).socket.once('error', (error: ConnectionError) => {
    lastAlert = error.code?.startsWith('ERR_SSL') ? error : undefined;
  });
});
subscribe('undici:client:connectError', (message) => {
  const { connectParams, error } = message as { connectParams: { host: string }; error: object };
  // Through a proxy, the same error also reaches the connection to the server.
  hosts.set(error, hosts.get(error) ?? connectParams.host);
});

/** Describes an error of Node or undici that ended a request: the sign of the failure, and the reason in words. */
export function describeError(error: ConnectionError, proxy?: Proxy): [sign: string, reason: string] {
  const status = /^Proxy[^(]*\((\d{3})\)/.exec(error.message)?.[1];
  if (status !== undefined) {
    return [`proxy ${status}`, `the proxy answered ${status}`];
  }
  // Behind a proxy, undici throws this error instead of the failure that the connection was destroyed with.
  if (error.code === 'UND_ERR_DESTROYED') {
    return ['network NO_RESPONSE', 'no response'];
  }
  const cause = lastAlert ?? error;
  lastAlert = undefined;
  const isProxys =
    proxy !== undefined && hosts.get((error.cause as object | undefined) ?? error) === new URL(proxy.origin).host;
  const reason = quote(findReason(cause));
  return [`${isProxys ? 'proxy' : 'network'} ${cause.code ?? cause.name} ${reason}`, reason];
}

// OpenSSL has a short reason; a host with several addresses fails with an error for each, and an empty message.
function findReason({ code = 'unknown error', reason = '', message, errors = [] }: ConnectionError): string {
  // The rest of the message advises changing how Node is started.
  const said = message.replace(/(; if the root CA is installed locally.*)?[:\s]*$/s, '');
  const others = new Set(errors.map((each) => each.message));
  return (code.startsWith('ERR_SSL') && reason) || said || [...others].join('; ') || code;
}

/** Describes the certificates with which a server failed verification; undefined for other errors. */
export async function inspectCertificate(error: ConnectionError, connection: Connection, proxy?: Proxy) {
  const { cert, code = '' } = error;
  const isAboutCertificate = /CERT|ISSUER|SIGN/.test(code) && !code.startsWith('ERR_SSL');
  // Node only attaches certificates to errors about the name.
  const leaf = cert ?? (isAboutCertificate && !proxy ? await fetchCertificate(connection) : undefined);
  if (leaf === undefined) {
    return undefined;
  }
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

// Opens a connection that sends nothing.
function fetchCertificate(connection: Connection): Promise<Certificate | undefined> {
  const { hostname, port } = new URL(connection.url);
  const to = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
  const servername = findServerName(connection);
  return new Promise((resolve) => {
    const socket = connect({ ...to, servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate(true));
      socket.destroy();
    });
    socket.setTimeout(MAX_HANDSHAKE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy()).on('close', () => resolve(undefined));
  });
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
