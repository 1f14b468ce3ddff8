import { isIP, setDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type Dispatcher from 'undici/types/dispatcher.js';
import type { Reached } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import type { Proxy } from '../proxy.js';
import { throughTunnel } from './tunnel.js';
import { Agent, buildConnector, type Connect, type ConnectOptions, type Target } from './undici.js';

/** How far the latest connection came. */
export interface Progress {
  to: 'proxy' | 'nomad';
  reached: Reached;
  /** Whether the server has responded on this connection or an earlier one. */
  hasResponded: boolean;
  /** The certificate of the server, with the issuers that it has sent. */
  certificate?: DetailedPeerCertificate | undefined;
  /** Destroying the dispatcher does not end a connection that is still opening. */
  socket?: Socket;
  /** The error of the socket: undici reports a TLS alert as a connection that was closed. */
  error?: NodeJS.ErrnoException | undefined;
}

// Node only tries each address of a host except the last for 250 ms, less than one round trip between continents and a retransmission.
setDefaultAutoSelectFamilyAttemptTimeout(1_000);

// GitHub can take a while to issue a JWT, and the connection to Nomad is idle until then.
const KEEP_ALIVE_MS = 60_000;

/** Returns the name that a server's certificate must have; empty for an IP address. https://www.rfc-editor.org/rfc/rfc6066#section-3 */
export function findServerName({ url, tlsServerName }: Connection): string {
  const host = new URL(url).hostname.replace(/^\[|\]$|\.$/g, '');
  return tlsServerName ?? (isIP(host) === 0 ? host : '');
}

/** Creates the undici dispatcher for one server, through the proxy if there is one; opening a connection may take `connectMs`. */
export function createDispatcher(
  options: Connection,
  proxy: Proxy | undefined,
  connectMs: number,
  progress: Progress,
): Dispatcher {
  return new Agent({
    connections: 1,
    pipelining: 2,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // Far more than any response from Nomad.
    maxResponseSize: 1024 * 1024,
    connect: createConnector(options, proxy, connectMs, progress),
  });
}

function createConnector(options: Connection, proxy: Proxy | undefined, timeout: number, progress: Progress): Connect {
  const { url, tlsSkipVerify, caCertificate, clientCertificate, clientKey } = options;
  const watch = (to: Progress['to'], tls: ConnectOptions, fixed: Partial<Target>): Connect<Socket> => {
    const connect = buildConnector({ timeout, ...tls });
    return (target, callback) => {
      const reached = target.httpSocket ? 'TCP' : 'nothing';
      Object.assign(progress, { to, reached, certificate: undefined, error: undefined });
      const socket = connect({ ...target, ...fixed }, callback);
      progress.socket = socket;
      socket.once('connect', () => (progress.reached = 'TCP'));
      socket.once('secureConnect', () => (progress.reached = 'TLS'));
      socket.once('error', (error) => (progress.error = error));
      // Before Node verifies the certificate, and forgets it if it is not valid.
      return socket.prependOnceListener('secure', function (this: TLSSocket) {
        progress.certificate = this.getPeerCertificate(true);
      });
    };
  };
  const tls = {
    rejectUnauthorized: !tlsSkipVerify,
    ca: caCertificate?.text,
    // Like the nomad CLI, trust an intermediate CA, or the server's certificate itself. Node 20.18 and later can do this.
    allowPartialTrustChain: caCertificate !== undefined,
    cert: clientCertificate?.text,
    key: clientKey,
  };
  const toNomad = watch('nomad', tls, { servername: findServerName(options) });
  if (proxy === undefined) {
    return toNomad;
  }
  const { protocol, hostname, host, port } = new URL(proxy.origin);
  const address = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port, servername: '' };
  const toProxy = watch('proxy', {}, address);
  return url.startsWith('https:')
    ? throughTunnel(proxy, toProxy, toNomad)
    : // Many proxies refuse to tunnel plain HTTP, and forward such requests instead.
      (target, callback) =>
        toProxy(target, (...result) => {
          progress.to = result[0] === null ? 'nomad' : 'proxy';
          callback(...result);
        });
}
