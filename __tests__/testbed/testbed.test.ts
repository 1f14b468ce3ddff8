import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../../testbed/issuer.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';

describe('the fake GitHub issuer', () => {
  let issuer: Issuer;

  beforeAll(async () => {
    issuer = await startIssuer();
  });

  afterAll(() => issuer.close());

  const request = async (query: string, bearer: string): Promise<{ status: number; value?: string }> => {
    const response = await fetch((issuer.environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '') + query, {
      headers: { authorization: `Bearer ${bearer}` },
    });
    return { status: response.status, ...((await response.json()) as object) };
  };

  test('publishes the key of its JWTs at the address in its discovery document', async () => {
    const discovery = await fetch(`${issuer.url}/.well-known/openid-configuration`);
    const { issuer: name, jwks_uri } = (await discovery.json()) as { issuer: string; jwks_uri: string };
    expect(name).toBe(issuer.url);
    const { payload, protectedHeader } = await jwtVerify(await issuer.issue(), createRemoteJWKSet(new URL(jwks_uri)));
    expect(protectedHeader.alg).toBe('RS256');
    const { iat = 0 } = payload;
    expect(payload).toEqual({
      ...exampleClaims,
      jti: expect.any(String),
      iat,
      nbf: iat - 600,
      exp: iat + 300,
    });
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(60);
  });

  test('signs a forged JWT with a key that it does not publish', async () => {
    const forged = await issuer.issue({ forged: true });
    await expect(jwtVerify(forged, createRemoteJWKSet(new URL(issuer.jwksUrl)))).rejects.toThrow('signature');
  });

  test('issues a JWT only for the bearer token of a job', async () => {
    const bearer = issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
    expect(await request('', bearer)).toMatchObject({ status: 200, value: expect.stringMatching(/^eyJ/) });
    expect(await request('', 'other')).not.toHaveProperty('value');
    expect(await request('', 'other')).toMatchObject({ status: 401 });
  });

  test('issues JWTs for the requested audience, by default the one of the owner', async () => {
    const bearer = issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
    const audienceOf = async (query: string): Promise<unknown> => {
      const { value = '' } = await request(query, bearer);
      return decodeJwt(value).aud;
    };
    expect(await audienceOf('')).toBe('https://github.com/octo-org');
    expect(await audienceOf('&audience=a%26b')).toBe('a&b');
  });

  test('issues the JWTs of another job with the claims of that job', async () => {
    const job = issuer.startJob({ repository_owner: 'other-org' });
    const { value = '' } = await request('', job['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '');
    expect(decodeJwt(value)).toMatchObject({
      repository_owner: 'other-org',
      aud: 'https://github.com/other-org',
      ref: exampleClaims.ref,
    });
  });

  test('issues JWTs with the immutable subject that GitHub introduced in July 2026', () => {
    expect(exampleClaims.sub).toBe('repo:octo-org@65/octo-repo@74:ref:refs/heads/main');
    expect(exampleClaims.iss).toBe(GITHUB_ISSUER);
  });
});

describe('the runner', () => {
  let folder: string;
  let action: string;
  let main: StageResult;
  let post: StageResult | undefined;

  const PROGRAM = `
    const { appendFileSync } = require('node:fs');
    console.log('before hunter2');
    console.log('::add-mask::hunter2');
    console.log('after hunter2');
    console.log('::error title=x::first%0Asecond 100%25 hunter2');
    console.log('::debug::quiet');
    console.log('said ##[error]old form');
    console.log('::group::More');
    console.log('a=' + process.env.INPUT_A + ' b=' + process.env.INPUT_B_C + ' state=' + process.env.STATE_seen);
    console.log('::endgroup::');
    console.log('last');
    appendFileSync(process.env.GITHUB_ENV, 'ONE<<EOD\\n1\\n2\\nEOD\\nTWO=2=2\\n');
    appendFileSync(process.env.GITHUB_OUTPUT, 'out<<EOD\\n\\nEOD\\n');
    appendFileSync(process.env.GITHUB_STATE, 'seen<<EOD\\nyes\\nEOD\\n');
    process.exitCode = 3;
  `;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'action-'));
    action = join(folder, 'sub');
    const runs = { main: '../main.cjs', post: '../post/index.cjs' };
    await mkdir(action);
    await mkdir(join(folder, 'post'));
    await writeFile(
      join(action, 'action.yml'),
      JSON.stringify({ inputs: { a: { default: 'one' }, 'b c': null }, runs }),
    );
    await writeFile(join(folder, 'main.cjs'), PROGRAM);
    await writeFile(join(folder, 'post/index.cjs'), `console.log('post');${PROGRAM}`);
    main = await runMain({ action, inputs: { 'b c': 'two' } });
    post = await runPost({ action, env: { RUNNER_DEBUG: '1' } }, main);
  });

  afterAll(() => rm(folder, { recursive: true }));

  test('masks a secret after it is registered, and executes commands', () => {
    expect(main.log.split('\n')).toEqual([
      'before hunter2',
      'after ***',
      'Error: first',
      'second 100% ***',
      'Error: old form',
      '▾ More',
      'a=one b=two state=undefined',
      'last',
    ]);
    expect(main.annotations).toEqual([
      { level: 'error', message: 'first\nsecond 100% ***' },
      { level: 'error', message: 'old form' },
    ]);
    expect(main.printed).toContain('after hunter2');
    expect(main.printed).not.toContain('add-mask');
    expect(main.masks).toEqual(['hunter2']);
  });

  test('collapses groups as GitHub first shows them', () => {
    expect(main.collapsedLog.split('\n').slice(-3)).toEqual(['Error: old form', '▸ More', 'last']);
  });

  test('collects the variables, outputs and state of the program', () => {
    expect(main).toMatchObject({
      exitCode: 3,
      exported: { ONE: '1\n2', TWO: '2=2' },
      outputs: { out: '' },
      state: { seen: 'yes' },
    });
  });

  test('runs a separate post program with the state, and shows debug lines if step debugging is on', () => {
    expect(post?.log).toMatch(/^post\n/);
    expect(main.log).not.toContain('quiet');
    expect(post?.log).toContain('state=yes');
    expect(post?.log).toContain('##[debug]quiet');
  });
});
