import { channel } from 'node:diagnostics_channel';
import type { RequestListener } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConnectionWatch } from '../../src/http/connection-watch.js';
import { startProxy } from '../../testbed/forward-proxy.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen, listenTcp, type LoopbackServer } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { startDeadAddress, type DeadAddress } from '../support/dead-address.js';
import { fakeDns } from '../support/fake-dns.js';
import { whatFailed } from '../support/what-failed.js';

const TOKEN = JSON.stringify(CANNED_TOKEN);
const NAME = 'nomad.example.com';
const IDENTITY = { identityToken: 'e30.e30.x' };
// Other systems have only one IPv4 loopback address, 127.0.0.1.
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

const named = (url: string, name = NAME): string => url.replace('127.0.0.1', name);
const logIn = (
  inputs: Record<string, string>,
  command?: string[],
  env: Record<string, string> = {},
): Promise<StageResult> => runMain({ inputs: { ...IDENTITY, ...inputs }, env, ...(command && { command }) });

async function withServer<T>(onRequest: RequestListener, use: (server: LoopbackServer) => Promise<T>): Promise<T> {
  const server = await listen(onRequest);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

describeOnLinux('a host with several addresses', () => {
  let server: LoopbackServer;
  let dead: DeadAddress;
  let connectedMs: number;

  beforeAll(async () => {
    const accept: RequestListener = (_, response) => response.end(TOKEN);
    server = await listen(accept, undefined, () => (connectedMs ||= Date.now()));
    dead = await startDeadAddress('127.0.0.2', server.port);
  });

  afterAll(async () => {
    dead.close();
    await server.close();
  });

  test('is reached through the second address if the first is dead, after one second instead of 250 ms', async () => {
    connectedMs = 0;
    const command = [process.execPath, ...fakeDns('127.0.0.2', '127.0.0.1')];
    const result = await logIn({ url: named(server.url) }, command);
    expect(result.exitCode).toBe(0);
    const [, lookupMs] = /lookup at (\d+)/.exec(result.raw) ?? [];
    expect(connectedMs - Number(lookupMs)).toBeGreaterThan(900);
  });

  test('is also reached for GitHub if the first address is dead', async () => {
    const jwt = JSON.stringify({ value: 'e30.e30.c2lnbmF0dXJlLWh1bnRlcjI' });
    const github = await listen((_, response) => response.end(jwt));
    const deadGithub = await startDeadAddress('127.0.0.2', github.port);
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${named(github.url, 'github.example.com')}/?v=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bearer',
    };
    const command = [process.execPath, ...fakeDns('127.0.0.2', '127.0.0.1')];
    const result = await logIn({ url: server.url, identityToken: '' }, command, env);
    deadGithub.close();
    await github.close();
    expect(result.exitCode).toBe(0);
  });

  test('causes an error with the reason for each address if none works', async () => {
    const closed = await listen(() => undefined);
    await closed.close();
    const command = [process.execPath, ...fakeDns('127.0.0.2', '127.0.0.3')];
    const result = await logIn({ url: named(closed.url), timeout: '1' }, command);
    const port = String(closed.port);
    expect(whatFailed(result)).toContain(
      `Cannot reach Nomad at ${named(closed.url)}: connect ECONNREFUSED 127.0.0.2:${port}; connect ECONNREFUSED 127.0.0.3:${port}`,
    );
  });

  test('causes a timeout error if all addresses are dead', async () => {
    const command = [process.execPath, ...fakeDns('127.0.0.2', '127.0.0.2')];
    const result = await logIn({ url: named(server.url), timeout: '15' }, command);
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at http:\S+: .*(timeout|ETIMEDOUT)/i);
  });
});

describe('a redirect from Nomad', () => {
  test.each([301, 302, 303, 307, 308])('is not followed: %d', async (status) => {
    let strangers = 0;
    const accept: RequestListener = (_, response) => {
      strangers += 1;
      response.end(TOKEN);
    };
    await withServer(accept, async (stranger) => {
      const redirect: RequestListener = (_, response) => response.writeHead(status, { location: stranger.url }).end();
      const result = await withServer(redirect, ({ url }) => logIn({ url }));
      expect(whatFailed(result)).toBe(`Nomad refused the login (${String(status)}): a redirect to ${stranger.url}`);
    });
    expect(strangers).toBe(0);
  });
});

describe('an endless or malformed response from Nomad', () => {
  test('is cut off after 1 MiB, and the login is not repeated', async () => {
    let requests = 0;
    const sendEndlessly: RequestListener = (_, response) => {
      requests += 1;
      const send = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      };
      response.on('drain', send);
      send();
    };
    const result = await withServer(sendEndlessly, ({ url }) => logIn({ url, timeout: '20' }));
    expect(whatFailed(result)).toMatch(/^Nomad at .* sent a response of more than 1 MiB$/);
    expect(requests).toBe(1);
  });

  test.each<[string, (socket: Socket) => void]>([
    ['endless headers', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(1024 * 1024)}`)],
    ['interim responses', (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000))],
    ['another protocol', (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')],
    [
      'two responses',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n'),
    ],
    [
      'contradicting lengths',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}'),
    ],
    ['a length that is not a number', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}')],
    ['nothing', () => undefined],
  ])('causes one error: %s', async (_, respond) => {
    const server = await listenTcp((socket) => {
      socket.once('data', () => {
        respond(socket);
      });
    });
    const result = await logIn({ url: server.url, timeout: '1' });
    await server.close();
    expect(whatFailed(result)).toMatch(/Nomad/);
  });
});

describe('a host', () => {
  test.each([
    '*',
    NAME,
    'example.com',
    '.example.com',
    '*.example.com',
    `other.example.com ${NAME}`,
    `${NAME.toUpperCase()}.`,
  ])('is reached without the proxy if NO_PROXY is %j', async (noProxy) => {
    const proxy = await startProxy();
    const result = await withServer(
      (_, response) => response.end(TOKEN),
      ({ url }) =>
        logIn({ url: named(url) }, [process.execPath, ...fakeDns('127.0.0.1')], {
          HTTP_PROXY: proxy.url,
          NO_PROXY: noProxy,
        }),
    );
    await proxy.close();
    expect(result.exitCode).toBe(0);
    expect(proxy.requests).toEqual([]);
  });

  test('is reached without the proxy if the url adds a dot to the name in NO_PROXY', async () => {
    const proxy = await startProxy();
    const result = await withServer(
      (_, response) => response.end(TOKEN),
      ({ url }) =>
        logIn({ url: named(url, `${NAME}.`) }, [process.execPath, ...fakeDns('127.0.0.1')], {
          HTTP_PROXY: proxy.url,
          NO_PROXY: NAME,
        }),
    );
    await proxy.close();
    expect(result.exitCode).toBe(0);
    expect(proxy.requests).toEqual([]);
  });

  test('is reached through the proxy if its name only begins like a loopback address', async () => {
    const proxy = await startProxy();
    const result = await withServer(
      (_, response) => response.end(TOKEN),
      ({ url }) => logIn({ url: named(url, '127.example.com') }, undefined, { HTTP_PROXY: proxy.url }),
    );
    await proxy.close();
    expect(result.exitCode).toBe(0);
    expect(proxy.requests.length).toBeGreaterThan(0);
  });
});

describe('the watch of a connection', () => {
  test('counts the connections to its own addresses, until it is closed', () => {
    const connected = channel('undici:client:connected');
    const connect = (host: string): void => {
      connected.publish({ connectParams: { host }, socket: new Socket() });
    };
    const watch = new ConnectionWatch('https://nomad.example.com:4646', 'http://proxy.example.com:3128');
    ['nomad.example.com:4646', 'proxy.example.com:3128', 'github.example.com', 'nomad.example.com:4647'].forEach(
      connect,
    );
    expect(watch.connections).toBe(2);
    watch.close();
    connect('nomad.example.com:4646');
    expect(watch.connections).toBe(2);
  });
});
