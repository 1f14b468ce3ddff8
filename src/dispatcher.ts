import { setFlagsFromString } from 'node:v8';
import type { Proxy } from './proxy.js';
import { Agent, ProxyAgent, type Dispatcher } from './undici.js';

/** Where Nomad is, and what TLS is to prove and to expect. */
export interface DispatcherOptions {
  url: string;
  tlsSkipVerify: boolean;
  caCertificate: string | undefined;
  clientCertificate: string | undefined;
  clientKey: string | undefined;
  tlsServerName: string | undefined;
}

const MAX_CONNECT_MS = 2_500;
// GitHub can take a while to mint a token, and the connection to Nomad waits for it.
const KEEP_ALIVE_MS = 60_000;

// V8 would optimize the one big WebAssembly function that is undici's parser, for three short answers, and the exit would
// wait for it: half of the CPU time on Node 20, a third on Node 24. Set any earlier, before Node's own modules are loaded,
// a flag has those compiled anew, which costs as much. A Node that does not know it would say so in the log, and go on.
setFlagsFromString('--wasm-tiering-budget=1000000000');

/** Creates the undici dispatcher that connects to Nomad with the TLS options, through the proxy if there is one. */
export function createDispatcher(options: DispatcherOptions, proxy: Proxy | undefined): Dispatcher {
  const tls = {
    timeout: MAX_CONNECT_MS,
    rejectUnauthorized: !options.tlsSkipVerify,
    ...(options.caCertificate !== undefined && { ca: options.caCertificate }),
    ...(options.clientCertificate !== undefined && { cert: options.clientCertificate }),
    ...(options.clientKey !== undefined && { key: options.clientKey }),
    ...(options.tlsServerName !== undefined && { servername: options.tlsServerName }),
  };
  const shared = { connections: 1, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS };
  if (proxy === undefined) {
    return new Agent({ ...shared, connect: tls });
  }
  return new ProxyAgent({
    ...shared,
    uri: proxy.origin,
    ...(proxy.authorization !== undefined && { token: proxy.authorization }),
    requestTls: tls,
    proxyTls: { timeout: MAX_CONNECT_MS },
    // Many proxies refuse to tunnel to a port that speaks plain HTTP, and pass such requests on instead.
    proxyTunnel: options.url.startsWith('https:'),
  });
}
