import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import methodConfig from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import { changeClaims, EXAMPLE, type Claims } from '../../simulator/identities.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { startFakeCluster, startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { readBlocks, readRows } from '../support/docs.js';

const PAGE = 'docs/claims-and-selectors.md';
const program = await findNomad();

const hasJq = process.platform !== 'win32' && spawnSync('jq', ['--version']).status === 0;
const testWithJq = hasJq ? test : test.skip;

let issuer: Issuer;

beforeAll(async () => {
  issuer = await startIssuer();
});

afterAll(() => issuer.close());

describe.each([
  ['the fake Nomad', startFakeCluster],
  ...(program === undefined ? [] : [[program.version, () => startRealNomad(program)] as const]),
])('a common mistake on %s', (_, start) => {
  // Jobs that the correct selectors allow, and jobs that only selectors which match too much allow.
  const JOBS: Claims[] = [{ environment: 'production' }];
  const STRANGERS: Claims[] = [
    { ref: 'refs/heads/not-main', environment: 'staging' },
    { ref: 'refs/heads/main-2', environment: 'staging' },
    { ref: 'refs/heads/dev' },
  ];

  let nomad: NomadServer;
  let count = 0;

  beforeAll(async () => {
    nomad = await start();
  }, 60_000);

  afterAll(() => nomad.close());

  /** Returns how many of the jobs a selector allows, or "rejected" if Nomad refuses to save it. */
  async function ask(selector: string, jobs: Claims[]): Promise<number | 'rejected'> {
    count += 1;
    const name = `mistake-${String(count)}`;
    await nomad.admin.putMethod(name, { ...methodConfig, JWKSURL: issuer.jwksUrl });
    try {
      await nomad.admin.putRule({ AuthMethod: name, BindType: 'management', Selector: selector });
    } catch (error) {
      expect((error as Error).message).toContain('selector is invalid');
      return 'rejected';
    }
    const answers = jobs.map(async (changes) => {
      const LoginToken = await issuer.issue({ claims: changeClaims(EXAMPLE, changes) });
      const body = JSON.stringify({ AuthMethodName: name, LoginToken });
      return (await fetch(`${nomad.url}/v1/acl/login`, { method: 'POST', body })).ok;
    });
    return (await Promise.all(answers)).filter(Boolean).length;
  }

  const mistakes = readRows(PAGE, 'Common mistakes');
  const startingWith = (start: string): string[][] => mistakes.filter(([, what = '']) => what.startsWith(start));
  const [rejected, neverMatching, tooWide] = ['Rejected', 'Never matches', 'Also matches'].map(startingWith);

  test('is rejected, never matches or matches too much', () => {
    expect(mistakes.length).toBeGreaterThan(5);
    expect([...(rejected ?? []), ...(neverMatching ?? []), ...(tooWide ?? [])]).toHaveLength(mistakes.length);
  });

  test.each(rejected ?? [])('is rejected when it is saved: %s', async (wrong = '') => {
    expect(await ask(wrong, [])).toBe('rejected');
  });

  test.each(neverMatching ?? [])('is saved and never matches: %s', async (wrong = '') => {
    expect(await ask(wrong, [...JOBS, ...STRANGERS])).toBe(0);
  });

  test.each(tooWide ?? [])('matches too much: %s', async (wrong = '', _what, right = '') => {
    expect(await ask(wrong, STRANGERS)).toBeGreaterThan(0);
    expect(await ask(right, STRANGERS)).toBe(0);
  });

  test.each(mistakes)('comes with a selector that works: %s', async (_wrong, _what, right = '') => {
    expect(await ask(right, JOBS)).toBe(JOBS.length);
  });
});

describe('claims-and-selectors.md', () => {
  test('lists the mappings of the setup github-adv', () => {
    const rows = readRows(PAGE, 'Claims of a GitHub JWT');
    const mappings = rows.map(([claim = '', attribute = '']) => [claim, attribute.replace('value.', '')]);
    expect(Object.fromEntries(mappings)).toEqual(methodConfig.ClaimMappings);
  });

  test('shows the values of jws-example.json, and names the claims that it lacks', () => {
    for (const [claim = '', , value] of readRows(PAGE, 'Claims of a GitHub JWT')) {
      const example = (exampleClaims as Claims)[claim] ?? expect.stringMatching(/^only /);
      expect({ claim, value }).toEqual({ claim, value: example });
    }
  });

  testWithJq('prints the claims of a JWT with jq', async () => {
    const [command = ''] = readBlocks(PAGE, 'Debugging', 'sh');
    // The base64url form of this text contains both characters that base64 lacks.
    const workflow = 'Ü?>~ÿ?>?>~~';
    const jwt = await issuer.issue({ claims: { workflow } });
    const { status, stdout } = spawnSync('sh', ['-c', command.replace('jwt.txt', '')], {
      input: jwt,
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ aud: exampleClaims.aud, sub: exampleClaims.sub, workflow });
  });
});
