import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';

/** A server on a free port of the loopback address. */
export interface LoopbackServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Starts an HTTP server or, given a certificate, an HTTPS server. */
export function listen(
  onRequest: RequestListener,
  tls?: ServerOptions,
  onConnection: () => void = () => undefined,
): Promise<LoopbackServer> {
  const server: Server = tls ? createHttpsServer(tls, onRequest) : createHttpServer(onRequest);
  server.on('connection', onConnection);
  return open(server, tls ? 'https' : 'http');
}

/** Starts a TCP server without a protocol; `scheme` is the scheme of its URL. */
export function listenTcp(onConnection: (socket: Socket) => void, scheme = 'http'): Promise<LoopbackServer> {
  return open(createTcpServer(onConnection), scheme);
}

/** Opens a server on a free port of the loopback address; `scheme` is the scheme of its URL. */
export async function open(server: TcpServer, scheme: string): Promise<LoopbackServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) =>
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket))),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test that fails before it closes its server must not keep the process alive.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `${scheme}://127.0.0.1:${String(port)}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        sockets.forEach((socket) => socket.destroy());
      }),
  };
}

/** Reads the whole body of a request as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
