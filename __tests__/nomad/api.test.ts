import dns from 'node:dns';
import { getDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import packageJson from '../../package.json' with { type: 'json' };
import { Deadline } from '../../src/deadline.js';
import { NomadApi } from '../../src/nomad/api.js';
import type { Response } from '../../src/nomad/response.js';
import { listen, listenTcp } from '../../testbed/server.js';
import { catchFailure, connectTo, meetNomad, useProcess } from '../support/in-process.js';
import { answer, drop, hang, TOKEN, type Nomad, type Respond } from '../support/servers.js';

const LOGIN = { method: 'POST', path: '/v1/acl/login', body: { a: 1 } } as const;
const SELF = { method: 'GET', path: '/v1/acl/token/self', secretId: TOKEN.SecretID } as const;
const MIB = 1024 * 1024;

const output = useProcess();

/** Sends a call to a server that responds in this way. */
const send = (nomad: Nomad, connection = {}, limitMs = 10_000): Promise<Response> =>
  meetNomad(nomad, ({ api }) => api.send(LOGIN, limitMs), connection);

/** Sends a call to a server that writes bytes. */
async function sendTcp(respond: (socket: Socket) => void, scheme?: string): ReturnType<typeof catchFailure> {
  const server = await listenTcp((socket) => {
    socket.once('data', () => {
      respond(socket);
    });
  }, scheme);
  const api = new NomadApi(connectTo(server.url), new Deadline(60));
  const failure = await catchFailure(api.send(SELF, 10_000));
  api.close();
  await server.close();
  return failure;
}

describe('a request', () => {
  test('carries the extra headers, the version, the body and the region, below the base path', async () => {
    const options = { region: 'a&b=c/ü', extraHeaders: { 'x-team': 'platform' } };
    const requests = await meetNomad(
      answer(200),
      async ({ api, inputs, requests: seen }) => {
        await api.send(LOGIN, 10_000);
        const below = new NomadApi({ ...inputs.connection, url: `${inputs.connection.url}/base` }, new Deadline(60));
        await below.send(SELF, 10_000);
        below.close();
        return seen;
      },
      options,
    );
    expect(requests[0]).toMatchObject({
      url: `/v1/acl/login?region=${encodeURIComponent(options.region)}`,
      call: 'POST /v1/acl/login',
      body: '{"a":1}',
      headers: {
        'x-team': 'platform',
        'content-type': 'application/json',
        'user-agent': `nomad-jwt-auth/${packageJson.version}`,
      },
    });
    expect(requests[0]?.headers).not.toHaveProperty('x-nomad-token');
    expect(requests[1]).toMatchObject({
      call: 'GET /base/v1/acl/token/self',
      headers: { 'x-nomad-token': TOKEN.SecretID, 'x-team': 'platform' },
    });
    expect(requests[1]?.headers).not.toHaveProperty('content-type');
  });

  test('has the User-Agent of the extra headers if they contain one', async () => {
    await meetNomad(
      answer(200),
      async ({ api, requests }) => {
        await api.send(SELF, 10_000);
        expect(requests[0]).toMatchObject({ url: SELF.path, headers: { 'user-agent': 'octo-ci/1' } });
      },
      { extraHeaders: { 'user-agent': 'octo-ci/1' } },
    );
  });

  test('uses the same connection as the request before, and is logged for step debugging', async () => {
    let connections = 0;
    const server = await listen(
      (_, response) => response.writeHead(403).end('No'),
      undefined,
      () => (connections += 1),
    );
    const api = new NomadApi(connectTo(server.url), new Deadline(60));
    expect(await api.send(SELF, 10_000)).toMatchObject({ status: 403, text: 'No' });
    await Promise.all([api.send(SELF, 10_000), api.send(LOGIN, 10_000)]);
    api.close();
    await server.close();
    expect(connections).toBe(1);
    expect(output.text).toContain(`::debug::Connecting to Nomad at ${server.url} without a proxy\n`);
    expect(output.text).toMatch(/::debug::POST http:\S+\/v1\/acl\/login: 403 after \d+ ms\n/);
  });

  test.each([301, 302, 303, 307, 308])('does not follow a redirect with status %d', async (status) => {
    const location = 'https://login.example.com/';
    expect(await send(answer(status, '', { location }))).toMatchObject({ status, headers: { location } });
  });
});

describe('a response', () => {
  test('is read up to 1 MiB, and refused beyond', async () => {
    expect((await send(answer(200, 'x'.repeat(MIB)))).text).toHaveLength(MIB);
    const failure = await catchFailure(send(answer(200, 'x'.repeat(MIB + 1))));
    expect(failure.message).toMatch(/^Cannot reach Nomad at http:\S+: a response of more than 1 MiB$/);
    expect(failure.id).toBe('not-http');
  });

  test('is cut off if it never ends', async () => {
    const sockets: Socket[] = [];
    const flood: Respond = (_, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      if (response.socket !== null) {
        sockets.push(response.socket);
      }
      response.on('drain', write);
      write();
    };
    await meetNomad(flood, async ({ api }) => {
      expect(await catchFailure(api.send(LOGIN, 10_000))).toMatchObject({ id: 'not-http' });
      expect(sockets).toHaveLength(1);
      await new Promise((resolve) => sockets[0]?.once('close', resolve));
    });
  });

  test.each<[string, string, string]>([
    ['endless headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`, 'not-http'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'not-http'],
    [
      'contradicting lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
      'not-http',
    ],
    ['a length that is not a number', 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}', 'not-http'],
    ['the handshake of TLS', '\u0016\u0003\u0001', 'not-http'],
    ['nothing', '', 'connection-closed'],
  ])('that is %s is explained', async (_, bytes, id) => {
    const failure = await sendTcp((socket) => socket.end(bytes));
    expect([failure.id, failure.message]).toEqual([id, expect.stringMatching(/^Cannot reach Nomad at http:.*: \S/)]);
  });

  test('of a server without TLS to a TLS handshake is explained', async () => {
    expect(await sendTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'https')).toMatchObject({
      id: 'tls-not-supported',
    });
  });
});

describe('a server that hangs', () => {
  test('is not waited for beyond the limit, and the next request uses another connection', async () => {
    await meetNomad({ self: hang, login: answer(200, 'x') }, async ({ api, inputs }) => {
      const waiting = catchFailure(api.send(SELF, 10_000));
      const failure = await catchFailure(api.send(LOGIN, 50));
      expect(failure.message).toBe(`Nomad at ${inputs.connection.url} did not respond within 0.1 s`);
      expect([failure.id, (await waiting).id]).toEqual(['no-response', 'no-response']);
      expect(await api.send(LOGIN, 10_000)).toMatchObject({ status: 200, text: 'x' });
    });
    expect(output.text).toMatch(/::debug::POST \S+: NO_RESPONSE after \d+ ms/);
  });

  test('is not waited for beyond the limit if its response drips', async () => {
    const drip: Respond = (_, response) => {
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    expect(await catchFailure(send(drip, {}, 50))).toMatchObject({ id: 'no-response' });
  });
});

describe('a connection that is lost', () => {
  test.each<[string, Respond, string, string]>([
    ['a close', drop, 'connection-closed', 'server-busy'],
    ['a reset', (_, response) => response.socket?.resetAndDestroy(), 'connection-closed', 'server-busy'],
  ])('by %s is explained by whether the server has responded before', async (_, lose, first, later) => {
    await meetNomad({ login: lose }, async ({ api }) => {
      expect(await catchFailure(api.send(LOGIN, 10_000))).toMatchObject({ id: first });
      await api.send(SELF, 10_000);
      expect(await catchFailure(api.send(LOGIN, 10_000))).toMatchObject({ id: later });
    });
  });

  test('before the end of the body is not a response', async () => {
    const cut: Respond = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{', () => response.socket?.destroy());
    };
    expect(await catchFailure(send(cut))).toMatchObject({ id: 'connection-closed' });
  });
});

describe('an address', () => {
  const { lookup } = dns;
  afterEach(() => {
    dns.lookup = lookup;
  });

  test('that refuses connections is explained, with the reason of each address of the host', async () => {
    const server = await listen(() => undefined);
    await server.close();
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    dns.lookup = ((...[, , done]: [string, object, (error: null, all: object[]) => void]) => {
      done(null, addresses);
    }) as unknown as typeof dns.lookup;
    const api = new NomadApi(connectTo(server.url.replace('127.0.0.1', 'nomad.example.com')), new Deadline(60));
    const failure = await catchFailure(api.send(SELF, 10_000));
    api.close();
    const port = String(server.port);
    expect(failure.message).toBe(
      `Cannot reach Nomad at http://nomad.example.com:${port}: connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
    );
    expect(failure.id).toBe('connection-refused');
  });

  test.each([
    ['ENOTFOUND', 'unknown-host'],
    ['EAI_AGAIN', 'unknown-host'],
  ])('whose name is not resolved because of %s is explained', async (code, id) => {
    dns.lookup = ((...[host, , done]: [string, object, (error: Error) => void]) => {
      done(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }));
    }) as unknown as typeof dns.lookup;
    const api = new NomadApi(connectTo('http://nomad.example.com'), new Deadline(60));
    const failure = await catchFailure(api.send(SELF, 10_000));
    api.close();
    expect([failure.id, failure.message]).toEqual([id, expect.stringContaining(`${code} nomad.example.com`)]);
  });

  test('of a host with several gets a second, which is more than a round trip between continents', () => {
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBe(1_000);
  });
});

test('the API throws a Failure at once if the environment sets a malformed proxy', () => {
  process.env['HTTP_PROXY'] = 'socks5://proxy.example.com';
  expect(() => new NomadApi(connectTo('http://nomad.example.com'), new Deadline(60))).toThrow(/HTTP_PROXY/);
});
