import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { connect } from 'node:net';
import { open, type LoopbackServer } from './server.js';

/** An HTTP proxy that connects to the loopback address for every host, so any host name can be used. */
export interface ForwardProxy extends LoopbackServer {
  /** The requests that it received: "CONNECT host:port", or the method and the absolute URL. */
  requests: string[];
}

/** Options of a proxy. */
export interface ProxyOptions {
  /** The credentials it requires, as "user:password". */
  credentials?: string;
  /** The status with which it refuses every request. */
  refuseWith?: number;
  /** The certificate of a proxy that is itself reached over TLS. */
  tls?: ServerOptions;
}

/** Starts a proxy that tunnels CONNECT and forwards requests for absolute http URLs. */
export async function startProxy({ credentials, refuseWith, tls }: ProxyOptions = {}): Promise<ForwardProxy> {
  const requests: string[] = [];
  const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const findRefusal = (authorization: string | undefined): number | undefined =>
    authorization === expected ? refuseWith : 407;

  const forward: RequestListener = (request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const refusal = findRefusal(request.headers['proxy-authorization']);
    if (refusal !== undefined) {
      response.writeHead(refusal).end('No');
      return;
    }
    const { port, pathname, search } = new URL(request.url ?? '');
    const { method } = request;
    const headers = { ...request.headers };
    delete headers['proxy-authorization'];
    const onward = httpRequest({ host: '127.0.0.1', port, path: pathname + search, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  };

  const server = tls ? createTlsServer(tls, forward) : createServer(forward);
  server.on('connect', ({ url = '', headers }, socket) => {
    requests.push(`CONNECT ${url}`);
    const refusal = findRefusal(headers['proxy-authorization']);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${String(refusal)} No\r\n\r\n`);
      return;
    }
    const onward = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });

  return { ...(await open(server, tls ? 'https' : 'http')), requests };
}
