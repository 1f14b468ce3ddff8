import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { askSelf, startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { setUpGithubMethod } from '../../testbed/github-method.js';

let issuer: Issuer;
let nomad: NomadServer;

beforeAll(async () => {
  issuer = await startIssuer();
  nomad = await startFakeCluster();
  await setUpGithubMethod(nomad.admin, issuer);
  await nomad.admin.putMethod('admin', { JWKSURL: issuer.jwksUrl });
  await nomad.admin.putRule({ AuthMethod: 'admin', BindType: 'management' });
});

afterAll(async () => {
  await nomad.close();
  await issuer.close();
});

const logIn = (inputs: Record<string, string> = {}, env: Record<string, string> = {}): Promise<StageResult> =>
  runMain({ inputs: { url: nomad.url, ...inputs }, env: { ...issuer.environment, ...env } });

describe('a step that logs in with the OIDC token of its job', () => {
  let result: StageResult;
  let self: Record<string, unknown>;

  beforeAll(async () => {
    result = await logIn();
    self = (await (await askSelf(nomad.url, result.exported['NOMAD_TOKEN'])).json()) as Record<string, unknown>;
  });

  test('exits with 0 and without an annotation', () => {
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test('exports the token that Nomad knows as NOMAD_TOKEN, and sets all outputs to what it is', () => {
    expect(result.exported).toEqual({ NOMAD_TOKEN: self['SecretID'] });
    expect(result.outputs).toEqual({
      nomadToken: self['SecretID'],
      accessorId: self['AccessorID'],
      tokenType: 'client',
      policies: '["deploy"]',
      roles: '[]',
      expirationTime: self['ExpirationTime'],
    });
  });

  test('says in one line what the token is', () => {
    const { AccessorID, ExpirationTime } = self;
    expect(result.log).toBe(
      `Logged in to Nomad through the auth method github: client token ${String(AccessorID)}; ` +
        `policies: deploy; roles: none; expires ${String(ExpirationTime)}`,
    );
  });

  test('masks the JWT and the token before they appear anywhere else', () => {
    const jwt = result.masks.find((mask) => mask.startsWith('eyJ')) ?? '';
    for (const secret of [jwt, self['SecretID'] as string]) {
      expect(secret).not.toBe('');
      expect(result.masks).toContain(secret);
      expect(result.printed).not.toContain(secret);
    }
  });
});

describe('exportToken and outputToken', () => {
  test.each([
    ['true', 'true', true, true],
    ['true', 'false', true, false],
    ['false', 'true', false, true],
    ['false', 'false', false, false],
  ])('%s and %s decide on NOMAD_TOKEN and on nomadToken', async (exportToken, outputToken, exported, output) => {
    const result = await logIn({ exportToken, outputToken });
    expect(result.exitCode).toBe(0);
    expect('NOMAD_TOKEN' in result.exported).toBe(exported);
    expect('nomadToken' in result.outputs).toBe(output);
    expect(result.outputs).toHaveProperty('accessorId');
    const token = result.masks.at(-1) ?? '';
    const leftTheStep = JSON.stringify([result.exported, result.outputs, result.state]).includes(token);
    expect(leftTheStep).toBe(exported || output);
  });
});

describe('what others should know', () => {
  test.each(['http://nomad.example.com:4646', 'http://127.example.com', 'http://10.0.0.1:4646'])(
    'plain HTTP to %s, where others can listen, is warned about',
    async (url) => {
      const result = await runMain({ inputs: { url, identityToken: 'no JWT' } });
      expect(result.annotations[0]).toEqual({
        level: 'warning',
        message: expect.stringContaining(`${url} is plain HTTP`),
      });
    },
  );

  test.each(['https://nomad.example.com', 'http://localhost:4646', 'http://127.0.0.1:4646', 'http://[::1]:4646'])(
    'no warning is given for %s',
    async (url) => {
      const result = await runMain({ inputs: { url, identityToken: 'no JWT' } });
      expect(result.annotations.map(({ level }) => level)).toEqual(['error']);
    },
  );

  test('a management token is warned about', async () => {
    const result = await logIn({ methodName: 'admin' });
    expect(result.outputs['tokenType']).toBe('management');
    expect(result.annotations).toEqual([{ level: 'warning', message: expect.stringContaining('a management token') }]);
  });

  test('debug lines hold no secret', async () => {
    const result = await logIn(
      { extraHeaders: 'X-Api-Key: hunter2' },
      { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' },
    );
    expect(result.log).toContain('##[debug]');
    const secrets = [...result.masks, issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''];
    expect(secrets).toContain('hunter2');
    expect(secrets.filter((secret) => result.printed.includes(secret))).toEqual([]);
  });
});

describe('run by hand', () => {
  test('it prints no token where there are no files to write it to, and says what is missing', async () => {
    const identityToken = await issuer.issue();
    const result = await logIn({ identityToken }, { GITHUB_ENV: '', GITHUB_OUTPUT: '' });
    expect(result.exitCode).toBe(0);
    expect(result.masks).toHaveLength(2);
    expect(result.masks.filter((secret) => result.printed.includes(secret))).toEqual([]);
    expect(result.printed).not.toContain('::set-');
    expect(result.annotations.map(({ message }) => message)).toEqual([
      expect.stringContaining('GITHUB_ENV is not set'),
      expect.stringContaining('GITHUB_OUTPUT is not set'),
    ]);
  });
});
