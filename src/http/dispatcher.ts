import { setDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import type { Proxy } from './proxy.js';
import { checkServerIdentity } from './trust.js';
import { Agent, buildConnector, ProxyAgent, type Connector, type Dispatcher } from './undici.js';

/** How to verify the server, and how to identify to it. */
export interface TlsOptions {
  tlsSkipVerify?: boolean;
  caCertificate?: string | undefined;
  clientCertificate?: string | undefined;
  clientKey?: string | undefined;
  tlsServerName?: string | undefined;
}

const MAX_CONNECT_MS = 3_000;
// Node only tries each address of a host except the last for 250 ms, less than one round trip between continents and a retransmission.
const MAX_ADDRESS_MS = 1_000;
// GitHub can take a while to issue a JWT, and the connection to Nomad is idle until then.
const KEEP_ALIVE_MS = 60_000;

setDefaultAutoSelectFamilyAttemptTimeout(MAX_ADDRESS_MS);

/**
 * Creates the undici dispatcher for one server, through the proxy if there is one. `roots` replace Node's own. `opening` contains
 * the sockets that are not connected yet: undici does not destroy them, and they would keep the process alive.
 */
export function createDispatcher(
  url: string,
  options: TlsOptions,
  proxy: Proxy | undefined,
  roots: string[] | undefined,
  opening: Set<Socket>,
): Dispatcher {
  const ca = options.caCertificate ?? roots;
  const connect = {
    timeout: MAX_CONNECT_MS,
    rejectUnauthorized: options.tlsSkipVerify !== true,
    checkServerIdentity,
    ...(ca !== undefined && { ca }),
    ...(options.clientCertificate !== undefined && { cert: options.clientCertificate }),
    ...(options.clientKey !== undefined && { key: options.clientKey }),
    ...(options.tlsServerName !== undefined && { servername: options.tlsServerName }),
  };
  const shared = { connections: 1, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS };
  if (proxy === undefined) {
    return new Agent({ ...shared, connect: track(buildConnector(connect), opening) });
  }
  return new ProxyAgent({
    ...shared,
    uri: proxy.origin,
    ...(proxy.authorization !== undefined && { token: proxy.authorization }),
    requestTls: connect,
    proxyTls: { timeout: MAX_CONNECT_MS },
    // Many proxies refuse to tunnel plain HTTP, and forward such requests instead.
    proxyTunnel: url.startsWith('https:'),
  });
}

function track(connect: Connector, opening: Set<Socket>): Connector {
  return (options, callback) => {
    const socket = connect(options, (...outcome) => {
      opening.delete(socket);
      callback(...outcome);
    });
    opening.add(socket);
    return socket;
  };
}
