import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../../testbed/issuer.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';
import { startSlowLink } from '../../testbed/slow-link.js';

describe('the issuer', () => {
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

  test('publishes the key that its JWTs verify with, where its discovery document says', async () => {
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

  test("gives a JWT to the job's bearer token only", async () => {
    const bearer = issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
    expect(await request('', bearer)).toMatchObject({ status: 200, value: expect.stringMatching(/^eyJ/) });
    expect(await request('', 'other')).not.toHaveProperty('value');
    expect(await request('', 'other')).toMatchObject({ status: 401 });
  });

  test('has the audience asked for, or that of the owner', async () => {
    const bearer = issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
    const audienceOf = async (query: string): Promise<unknown> => {
      const { value = '' } = await request(query, bearer);
      return decodeJwt(value).aud;
    };
    expect(await audienceOf('')).toBe('https://github.com/octo-org');
    expect(await audienceOf('&audience=a%26b')).toBe('a&b');
  });

  test('gives the JWTs of one more job the claims of that job', async () => {
    const job = issuer.startJob({ repository_owner: 'other-org' });
    const { value = '' } = await request('', job['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '');
    expect(decodeJwt(value)).toMatchObject({
      repository_owner: 'other-org',
      aud: 'https://github.com/other-org',
      ref: exampleClaims.ref,
    });
  });

  test("has the example's claims in the form that GitHub gives them since July 2026", () => {
    expect(exampleClaims.sub).toBe('repo:octo-org@65/octo-repo@74:ref:refs/heads/main');
    expect(exampleClaims.iss).toBe(GITHUB_ISSUER);
  });
});

describe('the slow link', () => {
  test('passes on whole what is asked and what is answered', async () => {
    const issuer = await startIssuer();
    const link = await startSlowLink(Number(new URL(issuer.url).port), 2, 1);
    const [direct, far] = await Promise.all(
      [issuer.url, link.url].map(async (url) => (await fetch(`${url}/.well-known/jwks`)).json()),
    );
    expect(far).toEqual(direct);
    expect(far).toMatchObject({ keys: [{ use: 'sig' }] });
    await link.close();
    await issuer.close();
  });
});

describe('the runner', () => {
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
    appendFileSync(process.env.GITHUB_ENV, 'ONE<<EOD\\n1\\n2\\nEOD\\nTWO=2=2\\n');
    appendFileSync(process.env.GITHUB_OUTPUT, 'out<<EOD\\n\\nEOD\\n');
    appendFileSync(process.env.GITHUB_STATE, 'seen<<EOD\\nyes\\nEOD\\n');
    process.exitCode = 3;
  `;

  beforeAll(async () => {
    action = await mkdtemp(join(tmpdir(), 'action-'));
    const metadata = { inputs: { a: { default: 'one' }, 'b c': null }, runs: { main: 'x.cjs', post: 'x.cjs' } };
    await writeFile(join(action, 'action.yml'), JSON.stringify(metadata));
    await writeFile(join(action, 'x.cjs'), PROGRAM);
    main = await runMain({ action, inputs: { 'b c': 'two' } });
    post = await runPost({ action, env: { RUNNER_DEBUG: '1' } }, main);
  });

  afterAll(() => rm(action, { recursive: true }));

  test('masks from where a mask is set, and carries commands out', () => {
    expect(main.log.split('\n')).toEqual([
      'before hunter2',
      'after ***',
      'Error: first',
      'second 100% ***',
      'Error: old form',
      '▾ More',
      'a=one b=two state=undefined',
    ]);
    expect(main.annotations).toEqual([
      { level: 'error', message: 'first\nsecond 100% ***' },
      { level: 'error', message: 'old form' },
    ]);
    expect(main.printed).toContain('after hunter2');
    expect(main.printed).not.toContain('add-mask');
    expect(main.masks).toEqual(['hunter2']);
  });

  test('collects what the program leaves for others', () => {
    expect(main).toMatchObject({
      exitCode: 3,
      exported: { ONE: '1\n2', TWO: '2=2' },
      outputs: { out: '' },
      state: { seen: 'yes' },
    });
  });

  test('hands the state to the post program, and shows debug lines where they are asked for', () => {
    expect(post?.log).toContain('state=yes');
    expect(post?.log).toContain('##[debug]quiet');
  });
});
