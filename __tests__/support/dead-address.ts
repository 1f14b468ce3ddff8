import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';

const LISTEN = `
require('node:net')
  .createServer()
  .listen({ host: process.argv[1], port: Number(process.argv[2]), backlog: 1 }, () => console.log('listening'));`;
const CONNECT_MS = 300;
const MAX_CONNECTIONS = 10;

/** An address that no longer accepts connections. */
export interface DeadAddress {
  close(): void;
}

/**
 * Makes a port of a loopback address dead, so that connecting neither succeeds nor fails: the process that listens on it is stopped,
 * and its queue is full. Works on Linux, which drops further connections.
 */
export async function startDeadAddress(host: string, port: number): Promise<DeadAddress> {
  const child = spawn(process.execPath, ['-e', LISTEN, host, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sockets: Socket[] = [];
  const close = (): void => {
    sockets.forEach((socket) => socket.destroy());
    child.kill('SIGKILL');
  };
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', reject);
  });
  child.removeAllListeners('exit').kill('SIGSTOP');
  while (sockets.length < MAX_CONNECTIONS) {
    const socket = connect(port, host).on('error', () => undefined);
    sockets.push(socket);
    const isConnected = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, CONNECT_MS, false);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    if (!isConnected) {
      return { close };
    }
  }
  close();
  throw new Error(`${host}:${String(port)} still accepts connections.`);
}
