import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { createAuthority, createServerCertificate } from '../../testbed/certificates.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen, listenTcp } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { whatFailed } from '../support/what-failed.js';

type Fault = (response: ServerResponse, request: IncomingMessage) => void;

const TOKEN = JSON.stringify(CANNED_TOKEN);

const INPUTS = { identityToken: 'e30.e30.x' };

const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): Fault =>
  (response) =>
    response.writeHead(status, headers).end(body);

const reset: Fault = (response) => response.socket?.resetAndDestroy();
const close: Fault = (response) => response.socket?.destroy();
const stayQuiet: Fault = () => undefined;
const cutOff: Fault = (response) => {
  response.writeHead(200, { 'content-length': '1000' });
  response.write(TOKEN.slice(0, 50), () => response.socket?.destroy());
};
const drip: Fault = (response) => {
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => {
    clearInterval(timer);
  });
};

/** Runs a login against a server that fails the first logins in the given ways, and accepts the others. */
async function logInWith(
  faults: Fault[],
  inputs: Record<string, string> = {},
): Promise<[StageResult, attempts: number]> {
  let attempts = 0;
  const server = await listen((request, response) => {
    const fault = request.method === 'POST' ? faults[attempts++] : undefined;
    (fault ?? answer(200, {}, TOKEN))(response, request);
  });
  const result = await runMain({ inputs: { ...INPUTS, url: server.url, ...inputs } });
  await server.close();
  return [result, attempts];
}

describe('a login', () => {
  test.concurrent.each<[string, Fault]>([
    ['429', answer(429)],
    ['429 with Retry-After in seconds', answer(429, { 'retry-after': '0' })],
    ['429 with Retry-After as a date', answer(429, { 'retry-after': new Date().toUTCString() })],
    ['503 with Retry-After as nonsense', answer(503, { 'retry-after': 'soon' })],
    ['500 without a leader', answer(500, {}, 'No cluster leader')],
    ['502', answer(502)],
    ['503', answer(503)],
    ['504', answer(504)],
    ['401 without keys', answer(401, {}, 'fetching keys oidc: get keys failed')],
    ['a reset after the request', reset],
    ['a close without a response', close],
    ['a response that is cut off', cutOff],
    ['no response', stayQuiet],
    ['a response that never ends', drip],
  ])('succeeds on the third attempt after %s', async (_, fault) => {
    const [result, attempts] = await logInWith([fault, fault], { timeout: '9' });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(attempts).toBe(3);
    expect(result.log.match(/Retrying in \d+\.\d s \(\d+\.\d s left\)\./g)).toHaveLength(2);
  });
});

describe('a login that cannot succeed', () => {
  test.concurrent.each([400, 401, 403, 404, 405, 500, 501])('is not retried after status %d', async (status) => {
    const [result, attempts] = await logInWith(Array<Fault>(9).fill(answer(status, {}, 'So it is')));
    expect(whatFailed(result)).toBe(`Nomad refused the login (${String(status)}): So it is`);
    expect(attempts).toBe(1);
  });

  test('fails after one attempt if Retry-After exceeds the timeout', async () => {
    const [result, attempts] = await logInWith([answer(429, { 'retry-after': '3600' })]);
    expect(whatFailed(result)).toMatch(/^.*\(429\).*the response asks for a wait of 36\d\d\.\d s\)$/);
    expect(attempts).toBe(1);
  });

  test('fails at the timeout with one error if the server never responds', async () => {
    const [result, attempts] = await logInWith(Array<Fault>(99).fill(stayQuiet), { timeout: '1' });
    expect(result.exitCode).toBe(1);
    expect(whatFailed(result)).toMatch(/did not respond within .*\(\d attempts in \d\.\d s\)$/);
    expect(attempts).toBeGreaterThan(1);
  });

  test('fails at the timeout if the server is always busy', async () => {
    const [result, attempts] = await logInWith(Array<Fault>(99).fill(answer(503)), { timeout: '1' });
    expect(whatFailed(result)).toMatch(/\(503\).*attempts? in/);
    expect(attempts).toBe((result.log.match(/Retrying/g) ?? []).length + 1);
  });
});

describe('a response that is lost', () => {
  const hint = /Nomad may have created a token that this job never received; it expires by itself\./g;

  test('is reported once as a token that may exist, if the connection had worked before', async () => {
    const [result] = await logInWith([answer(429), reset, reset]);
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.log.match(hint)).toHaveLength(1);
  });

  test('is not reported as a token if the server has never responded', async () => {
    const [result] = await logInWith([reset, reset]);
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.log).not.toMatch(hint);
  });
});

describe('a connection that fails', () => {
  test('is retried for less than 6 seconds if it is refused', async () => {
    const server = await listen(() => undefined);
    await server.close();
    const result = await runMain({ inputs: { ...INPUTS, url: server.url } });
    expect(whatFailed(result)).toMatch(/ECONNREFUSED.*\(\d+ attempts in [0-5]\.\d s\)$/);
  });

  test.concurrent.each<[string, string, (socket: Socket) => void]>([
    ['reset immediately', 'http', (socket) => socket.resetAndDestroy()],
    ['closed immediately', 'http', (socket) => socket.destroy()],
    ['cut off during the TLS handshake', 'https', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ])('is retried if it is %s', async (_, scheme, onConnection) => {
    let connections = 0;
    const server = await listenTcp((socket) => {
      connections += 1;
      onConnection(socket);
    }, scheme);
    const result = await runMain({ inputs: { ...INPUTS, url: server.url, timeout: '2' } });
    await server.close();
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at .*\(\d+ attempts in \d\.\d s\)$/);
    expect(connections).toBeGreaterThan(1);
    expect(result.log).toContain('If it keeps failing: ');
  });

  test('is not retried if the host is unknown', async () => {
    const result = await runMain({ inputs: { ...INPUTS, url: 'http://nomad.invalid' } });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at http:\/\/nomad\.invalid: .*nomad\.invalid$/);
  });

  test.concurrent.each<[string, string[], number]>([
    ['expired', ['127.0.0.1'], -1],
    ['for another name', ['other.example.com'], 1],
  ])('is not retried if the certificate is %s', async (_, names, daysLeft) => {
    const authority = await createAuthority();
    let connections = 0;
    const certificate = await createServerCertificate(authority, names, daysLeft);
    const server = await listen(
      () => undefined,
      certificate,
      () => (connections += 1),
    );
    const result = await runMain({ inputs: { ...INPUTS, url: server.url, caCertificate: authority.cert } });
    await server.close();
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*(expired|altnames)/);
    expect(connections).toBe(1);
  });
});

describe("GitHub's endpoint", () => {
  async function requestWith(faults: Fault[], timeout: string): Promise<[StageResult, attempts: number]> {
    let attempts = 0;
    const [nomad, endpoint] = await Promise.all([
      listen((_, response) => response.end(TOKEN)),
      listen((request, response) => {
        (faults[attempts++] ?? answer(200, {}, JSON.stringify({ value: 'e30.e30.x' })))(response, request);
      }),
    ]);
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${endpoint.url}/?v=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bearer-token',
    };
    const result = await runMain({ inputs: { url: nomad.url, timeout }, env });
    await Promise.all([nomad.close(), endpoint.close()]);
    return [result, attempts];
  }

  test.concurrent.each<[string, Fault]>([
    ['a reset', reset],
    ['429', answer(429)],
    ['500', answer(500)],
    ['503', answer(503)],
    ['no response', stayQuiet],
  ])('is retried after %s until it issues a JWT', async (_, fault) => {
    const [result, attempts] = await requestWith([fault, fault], '9');
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(attempts).toBe(3);
  });

  test.concurrent.each([400, 401, 403])('is not retried after status %d', async (status) => {
    const [result, attempts] = await requestWith([answer(status, {}, '{"message":"So it is"}')], '9');
    expect(whatFailed(result)).toBe(`GitHub did not issue an OIDC token (${String(status)}): So it is`);
    expect(attempts).toBe(1);
  });

  test('is not retried after an empty response with status 404', async () => {
    const [result, attempts] = await requestWith([answer(404)], '9');
    expect(whatFailed(result)).toBe('GitHub did not issue an OIDC token (404): an empty response');
    expect(attempts).toBe(1);
  });

  test('causes one error at the timeout, even if its connection stays open', async () => {
    const [result] = await requestWith(Array<Fault>(9).fill(stayQuiet), '1');
    expect(result.exitCode).toBe(1);
    expect(result.annotations).toEqual([
      {
        level: 'error',
        message: expect.stringMatching(
          /^GitHub at http:\/\/127\.0\.0\.1:\d+ did not respond within \d\.\d s \(\d attempts/,
        ),
      },
    ]);
  });
});
