import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, isIP, setDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import * as tls from 'node:tls';
import type { Reached } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import type { Proxy } from '../proxy.js';
import { formatSeconds } from '../time.js';
import { ProxyError } from './explain.js';

/** How far the latest connection came. */
export interface Progress {
  to: 'proxy' | 'nomad';
  reached: Reached;
  /** Whether the server has responded on this connection or an earlier one. */
  hasResponded: boolean;
  /** The certificate of the server, with the issuers that it has sent. */
  certificate?: tls.DetailedPeerCertificate;
  /** Destroying the dispatcher does not end a connection that is still opening. */
  socket?: Socket;
  /** The error of the socket: undici reports a TLS alert as a connection that was closed. */
  error?: NodeJS.ErrnoException | undefined;
}

// Node only tries each address of a host except the last for 250 ms, less than one round trip between continents and a retransmission.
setDefaultAutoSelectFamilyAttemptTimeout(1_000);

/** Returns the host of a server and the name that its certificate must have, which is empty for an IP address. https://www.rfc-editor.org/rfc/rfc6066#section-3 */
export function identify({ hostname }: URL, name?: string): { host: string; servername: string } {
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, servername: name ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : '') };
}

/** Opens a connection to Nomad, through the proxy if there is one; each step may take `stepMs`. */
export async function openSocket(
  connection: Connection,
  proxy: Proxy | undefined,
  stepMs: number,
  progress: Progress,
): Promise<Socket> {
  const { url, tlsSkipVerify, tlsServerName, caCertificate, clientCertificate, clientKey } = connection;
  const reach = async (reached: 'TCP' | 'TLS', socket: Socket): Promise<Socket> => {
    progress.socket = socket.once('error', (error) => (progress.error = error));
    const timeout = Object.assign(new Error(`timed out after ${formatSeconds(stepMs)}`), { code: 'ETIMEDOUT' });
    const timer = setTimeout(() => socket.destroy(timeout), stepMs).unref();
    await once(socket, reached === 'TCP' ? 'connect' : 'secureConnect').finally(() => clearTimeout(timer));
    progress.reached = reached;
    return socket;
  };
  const secure = (plain: Socket, options: tls.ConnectionOptions): Promise<Socket> => {
    const socket = tls.connect({ socket: plain, ALPNProtocols: ['http/1.1'], ...options });
    // Before Node verifies the certificate, and forgets it if it is not valid.
    socket.prependOnceListener('secure', () => (progress.certificate = socket.getPeerCertificate(true)));
    return reach('TLS', socket);
  };
  const server = new URL(url);
  const first = new URL(proxy?.origin ?? url);
  Object.assign(progress, { to: proxy === undefined ? 'nomad' : 'proxy', reached: 'nothing', error: undefined });
  const port = Number(first.port || (first.protocol === 'https:' ? 443 : 80));
  let socket = await reach('TCP', connect({ host: identify(first).host, port, noDelay: true }));
  if (proxy !== undefined && first.protocol === 'https:') {
    socket = await secure(socket, identify(first));
  }
  if (proxy !== undefined && server.protocol === 'https:') {
    await openTunnel(socket, server, proxy.authorization);
  }
  progress.to = 'nomad';
  if (server.protocol === 'http:') {
    return socket;
  }
  progress.reached = 'TCP';
  return secure(socket, {
    ...identify(server, tlsServerName),
    rejectUnauthorized: !tlsSkipVerify,
    ca: caCertificate?.text,
    // Like the nomad CLI, trust an intermediate CA, or the server's certificate itself. Node 20.18 and later can do this.
    allowPartialTrustChain: caCertificate !== undefined,
    cert: clientCertificate?.text,
    key: clientKey,
  });
}

// https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
async function openTunnel(socket: Socket, { host, port }: URL, authorization: string | undefined): Promise<void> {
  const path = port ? host : `${host}:443`;
  const headers = { host: path, ...(authorization && { 'proxy-authorization': authorization }) };
  const tunnel = request({ method: 'CONNECT', path, headers, createConnection: () => socket }).end();
  const [{ statusCode: status = 0 }] = (await once(tunnel, 'connect')) as [IncomingMessage];
  if (status !== 200) {
    socket.destroy();
    throw new ProxyError(status);
  }
}
