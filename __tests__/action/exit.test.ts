import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAuthority, createServerCertificate, type Certificate } from '../../testbed/certificates.js';
import { startProxy } from '../../testbed/forward-proxy.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';
import { listen, listenTcp } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { ROOT } from '../support/docs.js';
import { preload } from '../support/fake-dns.js';
import { createJwt, logInThrough } from '../support/github-endpoint.js';
import { MEASURED, readGoneMs } from '../support/measured.js';

// Ending takes milliseconds. The rest allows for a machine that is busy with other tests.
const MAX_GONE_MS = 2_000;
const TOKEN = JSON.stringify(CANNED_TOKEN);
const IDENTITY = { identityToken: 'e30.e30.x' };

const hang: RequestListener = () => undefined;
const accept: RequestListener = (_, response) => response.end(TOKEN);
const issue: RequestListener = (_, response) => response.end(JSON.stringify({ value: createJwt({}) }));
const answer =
  (status: number, body = ''): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(body);

function expectToEnd(result: StageResult, exitCode: number): void {
  expect(result.exitCode).toBe(exitCode);
  expect(result.annotations.filter(({ level }) => level === 'error')).toHaveLength(exitCode);
  expect(readGoneMs(result)).toBeLessThan(MAX_GONE_MS);
}

async function runWith(onRequest: RequestListener, inputs: Record<string, string> = {}): Promise<StageResult> {
  const server = await listen(onRequest);
  try {
    return await runMain({ command: MEASURED, inputs: { url: server.url, ...IDENTITY, ...inputs } });
  } finally {
    await server.close();
  }
}

describe('the main program ends by itself', () => {
  test('after a login with a supplied JWT', async () => {
    expectToEnd(await runWith(accept), 0);
  });

  test.each<[string, RequestListener, RequestListener, number]>([
    ['a login with a JWT from GitHub', issue, accept, 0],
    ['a login before Nomad has listed its methods', issue, listNothing(accept), 0],
    ['a refusal by GitHub', answer(401), accept, 1],
    ['a refusal by GitHub while Nomad hangs', answer(401), hang, 1],
    ['a response from GitHub without a JWT', answer(200, '{}'), accept, 1],
    ['a timeout of GitHub', hang, accept, 1],
    ['a timeout of GitHub and Nomad', hang, hang, 1],
  ])('after %s', async (_, github, nomad, exitCode) => {
    const run = await logInThrough(github, { command: MEASURED, nomad, inputs: { timeout: '1' } });
    expectToEnd(run.result, exitCode);
  });

  test.each<[string, RequestListener]>([
    ['refuses the login', answer(400, 'no role or policy bindings matched')],
    ['does not know the method and does not list the others', listNothing(answer(400, 'auth-method "x" not found'))],
    ['does not send a token', answer(200, '{}')],
    ['sends more than 1 MiB', answer(200, 'x'.repeat(2 * 1024 * 1024))],
    ['is unavailable until the deadline', answer(503)],
    ['does not respond', hang],
    ['closes the connection', (_, response) => response.socket?.destroy()],
  ])('if Nomad %s', async (_, nomad) => {
    expectToEnd(await runWith(nomad, { timeout: '1' }), 1);
  });

  test.each<[string, Record<string, string>]>([
    ['a malformed input', { url: 'nonsense' }],
    ['a missing permission', { identityToken: '' }],
    ['a malformed JWT', { identityToken: 'nonsense' }],
    ['a refused connection', { url: 'http://127.0.0.1:9', timeout: '1' }],
  ])('after %s', async (_, inputs) => {
    expectToEnd(await runMain({ command: MEASURED, inputs: { ...IDENTITY, ...inputs } }), 1);
  });

  test('after a certificate that is not trusted', async () => {
    const authority: Certificate = await createAuthority();
    const server = await listen(accept, await createServerCertificate(authority, ['127.0.0.1']));
    const result = await runMain({ command: MEASURED, inputs: { url: server.url, ...IDENTITY } });
    await server.close();
    expectToEnd(result, 1);
  });

  test('after a TLS handshake that hangs', async () => {
    const server = await listenTcp(() => undefined, 'https');
    const result = await runMain({ command: MEASURED, inputs: { url: server.url, ...IDENTITY, timeout: '1' } });
    await server.close();
    expectToEnd(result, 1);
  });

  test.each(['http', 'https'])('after a refusal by the proxy for %s', async (scheme) => {
    const proxy = await startProxy({ refuseWith: 403 });
    const result = await runMain({
      command: MEASURED,
      inputs: { url: `${scheme}://nomad.example.com`, ...IDENTITY, timeout: '1' },
      env: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url },
    });
    await proxy.close();
    expectToEnd(result, 1);
  });

  test('after its last request if the token is not usable yet', async () => {
    let requests = 0;
    const forget: RequestListener = (request, response) => {
      requests += 1;
      answer(request.method === 'POST' ? 200 : 403, request.method === 'POST' ? TOKEN : '')(request, response);
    };
    const result = await runWith(forget, { timeout: '2' });
    expectToEnd(result, 0);
    expect(requests).toBeGreaterThan(2);
  });
});

// Responds with the given listener, but never lists the auth methods.
function listNothing(others: RequestListener): RequestListener {
  return (request, response) => {
    if (request.url !== '/v1/acl/auth-methods') {
      others(request, response);
    }
  };
}

describe('the post program ends by itself', () => {
  async function runPostWith(onRequest: RequestListener, state: Record<string, unknown>): Promise<StageResult> {
    const server = await listen(onRequest);
    const step = { command: MEASURED, inputs: { url: server.url } };
    const main = await runMain({ ...step, inputs: { url: 'nonsense' } });
    const texts = Object.entries(state).map(([name, value]) => [name, JSON.stringify(value)]);
    const post = await runPost(step, { ...main, state: Object.fromEntries(texts) as Record<string, string> });
    await server.close();
    if (post === undefined) {
      throw new Error('action.yml names no post program');
    }
    return post;
  }

  const token = { accessorId: CANNED_TOKEN.AccessorID, type: 'management', expirationTime: '' };
  const secretId = CANNED_TOKEN.SecretID;

  test.each<[string, RequestListener, Record<string, unknown>]>([
    ['the state is empty', hang, {}],
    ['the state contains a client token', hang, { token: { ...token, type: 'client' } }],
    ['the state contains a file', hang, { files: ['/tmp/absent.pem'] }],
    ['the state is malformed', hang, { token: 'nonsense' }],
    ['a token is revoked', answer(403, 'Permission denied'), { token: { ...token, secretId } }],
    ['Nomad refuses', answer(400), { token: { ...token, secretId } }],
    ['Nomad hangs', hang, { token: { ...token, secretId } }],
    ['Nomad closes the connection', (_, response) => response.socket?.destroy(), { token: { ...token, secretId } }],
  ])('if %s', async (_, onRequest, state) => {
    expectToEnd(await runPostWith(onRequest, state), 0);
  });
});

describe('the end of the process', () => {
  const HANG_FOREVER = 'setInterval(() => undefined, 1000);';

  test('is forced if something that cannot be canceled hangs, and keeps the exit status', async () => {
    const server = await listen(answer(400, 'no role or policy bindings matched'));
    const command = [process.execPath, ...preload(HANG_FOREVER)];
    const result = await runMain({ command, inputs: { url: server.url, ...IDENTITY } });
    await server.close();
    expect(result.exitCode).toBe(1);
    expect(result.annotations).toHaveLength(1);
  });

  test('is also forced in the post program', async () => {
    const step = { command: [process.execPath, ...preload(HANG_FOREVER)], inputs: { url: 'nonsense' } };
    const main = await runMain(step);
    expect(await runPost(step, main)).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test('is only forced by a timer of src/exit.ts that does not keep the process alive', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const read = (name: string): string =>
      readFileSync(join(ROOT, 'src', name), 'utf8').replace(/\/\*.*?\*\/|\/\/.*/gs, '');
    const exiting = sources.filter((name) => /\bprocess\.(exit|abort|kill|reallyExit)\b/.test(read(name)));
    expect(sources.length).toBeGreaterThan(20);
    expect(exiting).toEqual(['exit.ts']);
    expect(read('exit.ts')).toMatch(/setTimeout\(.*process\.exit\(\).*\)\.unref\(\)/s);
  });
});

// On POSIX systems, a pipe holds 64 KiB, and then the writer waits for the reader.
const describeOnPosix = process.platform === 'win32' ? describe.skip : describe;

describeOnPosix('a slow reader', () => {
  const READ_LATE = ['sh', '-c', '"$0" "$@" | { sleep 1; cat; }', process.execPath];
  let secrets: string[];

  beforeAll(() => {
    secrets = Array.from({ length: 4_000 }, (_, index) => `hunter2/${String(index).padStart(12, '0')}`);
  });

  afterAll(() => {
    secrets = [];
  });

  test('gets all masks and the error after them, even if they exceed 64 KiB', async () => {
    const clientKey = `-----BEGIN PRIVATE KEY-----\n${secrets.join('\n')}\n-----END PRIVATE KEY-----`;
    const result = await runMain({ command: READ_LATE, inputs: { clientKey, ...IDENTITY } });
    expect(result.raw.length).toBeGreaterThan(128 * 1024);
    expect(result.masks.filter((mask) => secrets.includes(mask))).toHaveLength(secrets.length);
    expect(result.annotations).toEqual([{ level: 'error', message: expect.stringContaining('Input clientKey') }]);
  });

  test('gets all claims and the error after them, even if they exceed 64 KiB', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `claim-${String(index)}`);
    const iss = 'https://token.actions.githubusercontent.com';
    const claims = { iss, ...Object.fromEntries(names.map((name) => [name, '€'.repeat(500)])) };
    const github: RequestListener = (_, response) => response.end(JSON.stringify({ value: createJwt(claims) }));
    const nomad = answer(401, 'invalid audience (aud) claim');
    const { result } = await logInThrough(github, { command: READ_LATE, nomad, env: { RUNNER_DEBUG: '1' } });
    expect(Buffer.byteLength(result.raw)).toBeGreaterThan(128 * 1024);
    expect(result.log.match(/^- claim-\d+: "€+/gm)).toHaveLength(99);
    expect(result.annotations).toEqual([
      { level: 'error', message: expect.stringContaining('Nomad refused the login') },
    ]);
  });
});
