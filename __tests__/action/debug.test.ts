import type { RequestListener } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { createAuthority, createServerCertificate } from '../../testbed/certificates.js';
import { startProxy } from '../../testbed/forward-proxy.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { createJwt, logInThrough, REQUEST_TOKEN } from '../support/github-endpoint.js';

const DEBUG = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' };
const TOKEN = JSON.stringify(CANNED_TOKEN);
const IDENTITY = { identityToken: createJwt({}) };
const accept: RequestListener = (_, response) => response.end(TOKEN);
const issue: RequestListener = (_, response) => response.end(JSON.stringify({ value: createJwt({}) }));
const answer =
  (status: number, body = ''): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(body);

/** Returns the debug lines, with their ports and durations replaced. */
const readDebug = ({ raw }: StageResult): string[] =>
  [...raw.matchAll(/^::debug::(.*)$/gm)].map(([, line = '']) =>
    line.replace(/127\.0\.0\.1:\d+/g, 'HOST').replace(/\d+(\.\d+)? (ms|s)\b/g, 'N $2'),
  );

async function debugWith(
  onRequest: RequestListener,
  inputs: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<StageResult> {
  const server = await listen(onRequest);
  const result = await runMain({ inputs: { url: server.url, ...IDENTITY, ...inputs }, env: { ...DEBUG, ...env } });
  await server.close();
  return result;
}

describe('the debug lines', () => {
  test('show each attempt with its method, path, status and duration, and whether it opened a connection', async () => {
    expect(readDebug(await debugWith(accept))).toEqual([
      'Connecting to Nomad at http://HOST without a proxy',
      'POST http://HOST/v1/acl/login: 200 after N ms, new connection',
      'GET http://HOST/v1/acl/token/self: 200 after N ms, no new connection',
    ]);
  });

  test('show the requests to GitHub and to Nomad', async () => {
    const { result } = await logInThrough(issue, { env: DEBUG });
    const lines = readDebug(result);
    expect(lines).toContain('Connecting to GitHub at http://HOST without a proxy');
    expect(lines).toContain('GET http://HOST/idtoken?api-version=2.0: 200 after N ms, new connection');
    expect(lines).toContain('GET http://HOST/v1/acl/auth-methods: 200 after N ms, new connection');
    expect(lines).toContain('POST http://HOST/v1/acl/login: 200 after N ms, no new connection');
  });

  test('show the base path of the url', async () => {
    const server = await listen(accept);
    const result = await runMain({
      inputs: { url: `${server.url}/nomad/`, region: 'eu-1', ...IDENTITY },
      env: DEBUG,
    });
    await server.close();
    expect(readDebug(result).join('\n')).toContain('POST http://HOST/nomad/v1/acl/login');
  });

  test('show the retry decision, the failure and its causes', async () => {
    const lines = readDebug(await debugWith((_, response) => response.socket?.destroy(), { timeout: '1' }));
    expect(lines).toContain('POST http://HOST/v1/acl/login: UND_ERR_SOCKET after N ms, new connection');
    expect(lines).toContain('connection-closed: retry for N s, N s left');
    expect(lines.at(-2)).toMatch(/^Failed: Error: Cannot reach Nomad at http:\/\/HOST: other side closed \(/);
    expect(lines.at(-1)).toBe('Caused by: SocketError UND_ERR_SOCKET: other side closed');
  });

  test('show an attempt that got no response', async () => {
    const lines = readDebug(await debugWith(() => undefined, { timeout: '1' }));
    expect(lines).toContain('POST http://HOST/v1/acl/login: NO_RESPONSE after N ms, new connection');
    expect(lines).toContain('no-response: retry until the deadline, N s left');
  });

  test('show a refused connection with its error code', async () => {
    const result = await runMain({
      inputs: { url: 'http://127.0.0.1:9', timeout: '1', ...IDENTITY },
      env: DEBUG,
    });
    const lines = readDebug(result);
    expect(lines).toContain('POST http://HOST/v1/acl/login: ECONNREFUSED after N ms, no new connection');
    expect(lines.at(-1)).toBe('Caused by: Error ECONNREFUSED: connect ECONNREFUSED HOST');
  });

  test('show the cause of a certificate that is not trusted', async () => {
    const authority = await createAuthority();
    const server = await listen(accept, await createServerCertificate(authority, ['127.0.0.1']));
    const result = await runMain({ inputs: { url: server.url, ...IDENTITY }, env: DEBUG });
    await server.close();
    expect(readDebug(result).at(-1)).toMatch(/^Caused by: Error UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify/);
  });

  test('show the proxy and the variable that sets it', async () => {
    const proxy = await startProxy();
    const env = { ...DEBUG, HTTP_PROXY: proxy.url };
    const server = await listen(accept);
    const url = server.url.replace('127.0.0.1', 'nomad.example.com');
    const result = await runMain({ inputs: { url, ...IDENTITY }, env });
    await Promise.all([proxy.close(), server.close()]);
    expect(readDebug(result)[0]).toMatch(
      /^Connecting to Nomad at http:\/\/nomad\.example\.com:\d+ through the proxy http:\/\/HOST \(HTTP_PROXY\)$/,
    );
  });

  test('are also written by the post step', async () => {
    const server = await listen((_, response) => response.end(JSON.stringify({ ...CANNED_TOKEN, Type: 'management' })));
    const step = { inputs: { url: server.url, ...IDENTITY }, env: DEBUG };
    const main = await runMain(step);
    const post = await runPost(step, main);
    await server.close();
    expect(post === undefined ? [] : readDebug(post)).toContain(
      `DELETE http://HOST/v1/acl/token/${CANNED_TOKEN.AccessorID}: 200 after N ms, new connection`,
    );
  });
});

describe('a secret', () => {
  const ECHO: RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.end(`${JSON.stringify(request.headers)} ${request.url ?? ''} ${body}`);
    });
  };
  const inputs = { extraHeaders: 'X-Api-Key: hunter2-key\nCookie: session=hunter2-session', timeout: '1' };

  const expectNoSecret = (result: StageResult, ...secrets: string[]): void => {
    expect(result.raw).toContain('::debug::');
    const all = [...result.masks, REQUEST_TOKEN, 'hunter2', ...secrets];
    expect(all.filter((secret) => result.printed.includes(secret))).toEqual([]);
  };

  test('is not in the debug lines of a login', async () => {
    const { result } = await logInThrough(issue, { inputs, env: DEBUG });
    expect(result.exitCode).toBe(0);
    expectNoSecret(result, CANNED_TOKEN.SecretID);
  });

  test('is not in the debug lines if Nomad echoes the request', async () => {
    const { result } = await logInThrough(issue, { inputs, env: DEBUG, nomad: ECHO });
    expect(result.exitCode).toBe(1);
    expectNoSecret(result, createJwt({}));
  });

  test('is not in the debug lines if GitHub echoes the request', async () => {
    const { result } = await logInThrough(ECHO, { inputs, env: DEBUG });
    expect(result.exitCode).toBe(1);
    expectNoSecret(result);
  });

  test('is not in the debug lines if GitHub is unreachable', async () => {
    const { result } = await logInThrough((_, response) => response.socket?.destroy(), { inputs, env: DEBUG });
    expect(result.exitCode).toBe(1);
    expectNoSecret(result);
  });

  test('is not in the debug lines if the address of the token endpoint contains one', async () => {
    const endpoint = await listen(answer(401));
    const { result } = await logInThrough(issue, {
      env: { ...DEBUG, ACTIONS_ID_TOKEN_REQUEST_URL: `${endpoint.url.replace('//', '//octocat:hunter2@')}/idtoken` },
    });
    await endpoint.close();
    expectNoSecret(result);
  });

  test.each(['http', 'https'])('is not in the debug lines if the proxy for %s has credentials', async (scheme) => {
    const proxy = await startProxy({ credentials: 'octocat:hunter2-proxy' });
    const address = proxy.url.replace('//', '//octocat:hunter2-wrong@');
    const result = await runMain({
      inputs: { url: `${scheme}://nomad.example.com`, ...IDENTITY, ...inputs },
      env: { ...DEBUG, HTTP_PROXY: address, HTTPS_PROXY: address },
    });
    await proxy.close();
    expect(result.exitCode).toBe(1);
    expectNoSecret(result, Buffer.from('octocat:hunter2-wrong').toString('base64'));
  });

  test('is not in the debug lines if an input is malformed', async () => {
    const result = await runMain({
      inputs: { ...IDENTITY, url: 'https://octocat:hunter2@nomad.example.com', clientKey: 'hunter2-hunter2-hunter2' },
      env: DEBUG,
    });
    expect(result.exitCode).toBe(1);
    expectNoSecret(result);
  });
});

describe('the claims of a refused JWT', () => {
  test('include IDs that look like a token but are not secret', async () => {
    const jti = 'c0ffee00-1111-4000-8000-000000000009';
    const iss = 'https://token.actions.githubusercontent.com';
    const claims = { iss, jti, repository_id: '74', check_run_id: jti, other: jti };
    const github: RequestListener = (_, response) => response.end(JSON.stringify({ value: createJwt(claims) }));
    const { result } = await logInThrough(github, { nomad: answer(401, 'invalid audience (aud) claim') });
    expect(result.log).toContain(`- jti: "${jti}"`);
    expect(result.log).toContain(`- check_run_id: "${jti}"`);
    expect(result.log).toContain('- repository_id: "74"');
    expect(result.log).toContain('- other: "***"');
  });

  test('do not include an ID that is a secret', async () => {
    const jti = 'hunter2-hunter2';
    const iss = 'https://token.actions.githubusercontent.com';
    const github: RequestListener = (_, response) => response.end(JSON.stringify({ value: createJwt({ iss, jti }) }));
    const { result } = await logInThrough(github, {
      inputs: { extraHeaders: `X-Api-Key: ${jti}` },
      nomad: answer(401, 'invalid audience (aud) claim'),
    });
    expect(result.printed).not.toContain(jti);
    expect(result.log).toContain('- jti: "***"');
  });
});
