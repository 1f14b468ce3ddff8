import { isIP, setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import type buildConnector from 'undici/types/connector.js';
import type Dispatcher from 'undici/types/dispatcher.js';
import type { Connection } from '../inputs/inputs.js';
import type { Proxy } from '../proxy.js';
import { Agent, ProxyAgent } from './undici.js';

// Node only tries each address of a host except the last for 250 ms, less than one round trip between continents and a retransmission.
const MAX_ADDRESS_MS = 1_000;
// GitHub can take a while to issue a JWT, and the connection to Nomad is idle until then.
const KEEP_ALIVE_MS = 60_000;
// Far more than any response from Nomad.
const MAX_RESPONSE_BYTES = 1024 * 1024;

setDefaultAutoSelectFamilyAttemptTimeout(MAX_ADDRESS_MS);

/** Returns the name that a server's certificate must have; empty for an IP address. https://www.rfc-editor.org/rfc/rfc6066#section-3 */
export function findServerName({ url, tlsServerName }: Connection): string {
  const host = new URL(url).hostname.replace(/^\[|\]$|\.$/g, '');
  return tlsServerName ?? (isIP(host) === 0 ? host : '');
}

/** Creates the undici dispatcher for one server, through the proxy if there is one; opening a connection may take `connectMs`. */
export function createDispatcher(options: Connection, proxy: Proxy | undefined, connectMs: number): Dispatcher {
  const { url, tlsSkipVerify, caCertificate, clientCertificate, clientKey } = options;
  const connect = {
    timeout: connectMs,
    rejectUnauthorized: !tlsSkipVerify,
    ca: caCertificate?.text,
    // Like the nomad CLI, trust an intermediate CA, or the server's certificate itself. Node 20.18 and later can do this.
    allowPartialTrustChain: caCertificate !== undefined,
    cert: clientCertificate?.text,
    key: clientKey?.text,
    servername: findServerName(options),
  };
  const shared = {
    connections: 1,
    pipelining: 2,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxResponseSize: MAX_RESPONSE_BYTES,
  };
  if (proxy === undefined) {
    return new Agent({ ...shared, connect });
  }
  return new ProxyAgent({
    ...shared,
    uri: proxy.origin,
    ...(proxy.authorization !== undefined && { token: proxy.authorization }),
    requestTls: connect,
    proxyTls: { timeout: connectMs },
    // undici takes the IP address of a proxy for a server name, and Node then prints a warning.
    clientFactory: (_, { connect: open }: { connect: buildConnector.connector }) =>
      new Agent({ connect: (to, done) => open({ ...to, servername: '' }, done) }),
    // Many proxies refuse to tunnel plain HTTP, and forward such requests instead.
    proxyTunnel: url.startsWith('https:'),
  });
}
