import { once } from 'node:events';
import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import packageJson from '../../package.json' with { type: 'json' };
import { Deadline } from '../../src/time.js';
import { NomadApi } from '../../src/nomad/api.js';
import { explainError, type Response } from '../../src/nomad/explain.js';
import { listenTcp } from '../../testbed/server.js';
import { catchFailure, connectTo, meetNomad, useProcess } from '../support/in-process.js';
import { answer, drop, hang, TOKEN, type Received, type Respond } from '../support/servers.js';

const LOGIN = { method: 'POST', path: '/v1/acl/login', body: { a: 1 } } as const;
const SELF = { method: 'GET', path: '/v1/acl/token/self', secretId: TOKEN.SecretID } as const;
const MIB = 1024 * 1024;

const output = useProcess();

/** Sends a call to a server that responds in this way. */
const send = (nomad: Respond, limitMs = 10_000): Promise<Response> =>
  meetNomad(nomad, ({ api }) => api.send(LOGIN, limitMs));

/** Returns the failure of a call to an address. */
async function failAt(url: string): ReturnType<typeof catchFailure> {
  const api = new NomadApi(connectTo(url), new Deadline(60));
  const failure = await catchFailure(api.send(SELF, 10_000));
  api.close();
  return failure;
}

describe('a request', () => {
  /** Returns the requests of a call with a body and of one with a token. */
  const record = (extraHeaders: Record<string, string>, region?: string): Promise<Received[]> =>
    meetNomad(
      answer(200),
      async ({ api, requests }) => {
        await api.send(LOGIN, 10_000);
        await api.send(SELF, 10_000);
        return requests;
      },
      { extraHeaders, region },
    );

  test('carries the extra headers, the version and the region, and its body or token', async () => {
    const query = 'region=a%26b%3Dc%2F%C3%BC';
    const version = { 'user-agent': `nomad-jwt-auth/${packageJson.version}`, 'accept-encoding': 'identity' };
    const usual = { 'x-team': 'platform', ...version, host: expect.any(String), connection: 'keep-alive' };
    const ofBody = { 'content-type': 'application/json', 'content-length': '7' };
    const ofToken = { 'x-nomad-token': TOKEN.SecretID };
    expect((await record({ 'x-team': 'platform' }, 'a&b=c/ü')).map(({ call, ...rest }) => [call, rest])).toEqual([
      ['POST /v1/acl/login', { url: `${LOGIN.path}?${query}`, body: '{"a":1}', headers: { ...usual, ...ofBody } }],
      ['GET /v1/acl/token/self', { url: `${SELF.path}?${query}`, body: '', headers: { ...usual, ...ofToken } }],
    ]);
  });

  test('has the User-Agent of the extra headers if they contain one', async () => {
    const [request] = await record({ 'user-agent': 'octo-ci/1' });
    expect(request).toMatchObject({ url: LOGIN.path, headers: { 'user-agent': 'octo-ci/1' } });
  });

  test('uses the same connection, also after 30 idle seconds, because GitHub may take a while to issue the JWT', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'hrtime'] });
    const connections = new Set<unknown>();
    const respond: Respond = (_, response) => {
      connections.add(response.socket);
      // Node itself asks its clients to close idle connections after 5 seconds, unlike Nomad.
      response.writeHead(403, { connection: 'keep-alive' }).end('No');
    };
    await meetNomad(respond, async ({ api }) => {
      expect(await api.send(SELF, 10_000)).toMatchObject({ status: 403, text: 'No' });
      await jest.advanceTimersByTimeAsync(30_000);
      await Promise.all([api.send(SELF, 10_000), api.send(LOGIN, 10_000)]);
    });
    jest.useRealTimers();
    expect(connections.size).toBe(1);
  });

  test('does not follow a redirect', async () => {
    const location = 'https://login.example.com/';
    expect(await send(answer(307, '', { location }))).toMatchObject({ status: 307, headers: { location } });
  });
});

describe('a response', () => {
  test('is read up to 1 MiB, and refused beyond', async () => {
    expect((await send(answer(200, 'x'.repeat(MIB)))).text).toHaveLength(MIB);
    const failure = await catchFailure(send(answer(200, 'x'.repeat(MIB + 1))));
    expect(failure.message).toMatch(/^Cannot reach Nomad at http:\S+: Response content exceeded max size$/);
    expect(failure.id).toBe('network-error');
  });

  test.each([
    ['endless headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`, 'http', 'network-error'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'http', 'network-error'],
    ['a malformed length', 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}', 'http', 'network-error'],
    ['nothing', '', 'http', 'connection-closed'],
    ['cut off', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{', 'http', 'connection-closed'],
    ['not TLS', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'https', 'wrong-scheme'],
  ])('that is %s is explained', async (_, bytes, scheme, id) => {
    const server = await listenTcp((socket) => socket.once('data', () => socket.end(bytes)), scheme);
    const failure = await failAt(server.url);
    await server.close();
    expect([failure.id, failure.message]).toEqual([id, expect.stringMatching(/^Cannot reach Nomad at http.*: \S/)]);
  });
});

test('a server that hangs is not waited for beyond the limit, and the next request uses another connection', async () => {
  await meetNomad({ self: hang, login: answer(200, 'x') }, async ({ api, inputs }) => {
    const waiting = catchFailure(api.send(SELF, 10_000));
    const failure = await catchFailure(api.send(LOGIN, 50));
    expect(failure.message).toBe(`Cannot reach Nomad at ${inputs.connection.url}: no response within 0.1 s`);
    expect([failure.id, (await waiting).id]).toEqual(['no-response', 'no-response']);
    expect(await api.send(LOGIN, 10_000)).toMatchObject({ status: 200, text: 'x' });
  });
  expect(output.text).toMatch(/::debug::POST \S+: NO_RESPONSE after \d+ ms/);
});

test.each<[string, Respond]>([
  ['close', drop],
  ['reset', (_, response) => response.socket?.resetAndDestroy()],
])('the %s of a connection is explained by whether the server has responded before', async (_, lose) => {
  await meetNomad({ login: lose }, async ({ api }) => {
    const call = async (): Promise<unknown> => (await catchFailure(api.send(LOGIN, 10_000))).event;
    expect(await call()).toMatchObject({ to: 'nomad', reached: 'TCP' });
    await api.send(SELF, 10_000);
    expect(await call()).toMatchObject({ to: 'nomad', reached: 'response' });
  });
});

describe('a host with several addresses', () => {
  test('is explained with the reason of each', () => {
    const errors = [new Error('connect ECONNREFUSED ::1:9'), new Error('connect ECONNREFUSED 127.0.0.1:9')];
    const error = Object.assign(new AggregateError(errors), { code: 'ECONNREFUSED' });
    const progress = { to: 'nomad', reached: 'nothing', hasResponded: false } as const;
    const { id, message } = explainError(error, progress, { url: 'http://a.com', proxy: undefined });
    const reasons = 'connect ECONNREFUSED ::1:9; connect ECONNREFUSED 127.0.0.1:9';
    expect([id, message]).toEqual(['connection-refused', `Cannot reach Nomad at http://a.com: ${reasons}`]);
  });

  test('gives each a second, which is more than a round trip between continents', () =>
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBe(1_000));
});

describe('a proxy that never responds', () => {
  test('gets a sixth of the timeout to begin TLS', async () => {
    const silent = await listenTcp(() => undefined, 'https');
    process.env['HTTPS_PROXY'] = silent.url;
    const api = new NomadApi(connectTo('https://nomad.example.com'), new Deadline(3));
    expect((await catchFailure(api.send(SELF, 60_000))).message).toMatch(/the proxy https:.* timed out after 0\.5 s$/);
    api.close();
    await silent.close();
  });

  test('loses its connection when the call that waits for the tunnel ends', async () => {
    const lost: Promise<unknown>[] = [];
    const silent = await listenTcp((socket) => lost.push(once(socket.resume(), 'close')));
    process.env['HTTPS_PROXY'] = silent.url;
    const api = new NomadApi(connectTo('https://nomad.example.com'), new Deadline(60));
    expect((await catchFailure(api.send(SELF, 500))).id).toBe('no-response');
    expect(await Promise.all(lost)).toHaveLength(1);
    api.close();
    await silent.close();
  });
});
