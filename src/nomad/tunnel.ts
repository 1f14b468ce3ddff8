import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { Proxy } from '../proxy.js';
import type { Connect } from './undici.js';

/** The refusal of a proxy. */
export class ProxyError extends Error {
  constructor(readonly status: number) {
    super(`the proxy answered ${String(status)}`);
  }
}

/** Makes connections through a tunnel of a proxy: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6 */
export function throughTunnel({ authorization }: Proxy, toProxy: Connect<Socket>, toNomad: Connect): Connect {
  return (target, callback) => {
    // The name of the host has lost the brackets of an IPv6 address.
    const host = target.port ? String(target.host) : `${String(target.host)}:443`;
    const headers = { host, connection: 'keep-alive', ...(authorization && { 'proxy-authorization': authorization }) };
    request({ method: 'CONNECT', path: host, headers, createConnection: () => toProxy(target, () => undefined) })
      .once('connect', ({ statusCode: status = 0 }, httpSocket: Socket) => {
        if (status === 200) {
          toNomad({ ...target, httpSocket }, callback);
        } else {
          httpSocket.destroy();
          callback(new ProxyError(status), null);
        }
      })
      .once('error', (error) => callback(error, null))
      .end();
  };
}
