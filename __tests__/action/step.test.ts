import { beforeAll, describe, expect, test } from '@jest/globals';
import { askSelf } from '../../testbed/nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { useFixture } from '../support/fixture.js';

const fixture = useFixture();

describe('a step that logs in with the OIDC token of its job', () => {
  let result: StageResult;
  let self: Record<string, unknown>;

  beforeAll(async () => {
    result = await fixture.logIn();
    const response = await askSelf(fixture.nomad.url, result.exported['NOMAD_TOKEN']);
    self = (await response.json()) as Record<string, unknown>;
  });

  test('exits with 0 and without an annotation', () => {
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test('exports the token that Nomad knows as NOMAD_TOKEN, and sets all outputs', () => {
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

  test('logs one line, which describes the token', () => {
    const { AccessorID, ExpirationTime } = self;
    expect(result.log).toBe(
      `Logged in to Nomad through the auth method github: client token ${String(AccessorID)}; ` +
        `policies: deploy; expires ${String(ExpirationTime).replace(/\.\d+/, '')}`,
    );
  });

  test('masks the JWT and the token, which do not appear anywhere else', () => {
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
  ])(
    '%s and %s decide whether NOMAD_TOKEN and nomadToken are set',
    async (exportToken, outputToken, isExported, isOutput) => {
      const result = await fixture.logIn({ exportToken, outputToken });
      expect(result.exitCode).toBe(0);
      expect('NOMAD_TOKEN' in result.exported).toBe(isExported);
      expect('nomadToken' in result.outputs).toBe(isOutput);
      expect(result.outputs).toHaveProperty('accessorId');
      const token = result.masks.at(-1) ?? '';
      const leavesTheStep = JSON.stringify([result.exported, result.outputs, result.state]).includes(token);
      expect(leavesTheStep).toBe(isExported || isOutput);
    },
  );
});

describe('a token with roles', () => {
  beforeAll(async () => {
    const { nomad, issuer } = fixture;
    for (const policy of ['run', 'watch', 'gone']) {
      await nomad.admin.putPolicy(policy, 'namespace "default" { policy = "read" }');
    }
    await nomad.admin.putRole('team', ['run', 'watch']);
    await nomad.admin.putRole('emptied', ['gone']);
    await nomad.admin.deletePolicy('gone');
    for (const name of ['team', 'emptied']) {
      await nomad.admin.putMethod(name, { JWKSURL: issuer.jwksUrl });
      await nomad.admin.putRule({ AuthMethod: name, BindType: 'role', BindName: name });
    }
  });

  test('is logged with the policies of its roles', async () => {
    const result = await fixture.logIn({ methodName: 'team' });
    expect(result).toMatchObject({ exitCode: 0, annotations: [], outputs: { roles: '["team"]', policies: '[]' } });
    expect(result.log).toContain('; roles: team; policies: run, watch; expires ');
  });

  test('causes a warning if the policies of its roles do not exist', async () => {
    const result = await fixture.logIn({ methodName: 'emptied' });
    expect(result.exitCode).toBe(0);
    expect(result.annotations).toEqual([
      {
        level: 'warning',
        message: expect.stringContaining('no permissions: the policies of its roles (emptied) do not exist'),
      },
    ]);
  });
});

describe('a warning', () => {
  test.each(['http://nomad.example.com:4646', 'http://127.example.com', 'http://10.0.0.1:4646'])(
    'is shown for plain HTTP to %s, which is not a loopback address',
    async (url) => {
      const result = await runMain({ inputs: { url, identityToken: 'no JWT' } });
      expect(result.annotations[0]).toEqual({
        level: 'warning',
        message: expect.stringContaining(`${url} uses plain HTTP`),
      });
    },
  );

  test.each(['https://nomad.example.com', 'http://localhost:4646', 'http://127.0.0.1:4646', 'http://[::1]:4646'])(
    'is not shown for %s',
    async (url) => {
      const result = await runMain({ inputs: { url, identityToken: 'no JWT' } });
      expect(result.annotations.map(({ level }) => level)).toEqual(['error']);
    },
  );

  test('is shown for a management token', async () => {
    const result = await fixture.logIn({ methodName: 'admin' });
    expect(result.outputs['tokenType']).toBe('management');
    expect(result.annotations).toEqual([{ level: 'warning', message: expect.stringContaining('a management token') }]);
  });
});

describe('a debug line', () => {
  test('does not contain a secret', async () => {
    const { environment } = fixture.issuer;
    const result = await fixture.logIn(
      { extraHeaders: 'X-Api-Key: hunter2' },
      { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' },
    );
    expect(result.log).toContain('##[debug]');
    const secrets = [...result.masks, environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''];
    expect(secrets).toContain('hunter2');
    expect(secrets.filter((secret) => result.printed.includes(secret))).toEqual([]);
  });
});

describe('a run by hand', () => {
  test('does not print the token if there are no files to write it to, and warns about them', async () => {
    const identityToken = await fixture.issuer.issue();
    const result = await fixture.logIn({ identityToken }, { GITHUB_ENV: '', GITHUB_OUTPUT: '' });
    expect(result.exitCode).toBe(0);
    expect(result.masks).toHaveLength(3);
    expect(result.masks.filter((secret) => result.printed.includes(secret))).toEqual([]);
    expect(result.printed).not.toContain('::set-');
    expect(result.annotations.map(({ message }) => message)).toEqual([
      expect.stringContaining('GITHUB_ENV does not name a file'),
      expect.stringContaining('GITHUB_OUTPUT does not name a file'),
    ]);
  });
});
