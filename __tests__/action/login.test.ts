import { afterAll, describe, expect, test } from '@jest/globals';
import { startIssuer } from '../../testbed/issuer.js';
import { setUpGithubMethod } from '../../testbed/nomad-admin.js';
import { askSelf, startFakeCluster } from '../../testbed/nomad.js';
import { answer, createJwt, logIn, MANAGEMENT, TOKEN } from '../support/servers.js';

describe('a login at a Nomad that verifies the JWT', () => {
  const cluster = (async () => {
    const [issuer, nomad] = await Promise.all([startIssuer(), startFakeCluster()]);
    await setUpGithubMethod(nomad.admin, issuer);
    return { issuer, nomad };
  })();
  afterAll(async () => {
    const { issuer, nomad } = await cluster;
    await Promise.all([issuer.close(), nomad.close()]);
  });

  test.concurrent(
    'exports the token, sets all outputs, logs one line each about address and token, and masks JWT and token',
    async () => {
      const { issuer, nomad } = await cluster;
      const result = await logIn({ inputs: { url: nomad.url, identityToken: '' }, env: issuer.environment });
      const self = (await (await askSelf(nomad.url, result.exported['NOMAD_TOKEN'])).json()) as typeof TOKEN;
      expect(result).toMatchObject({ exitCode: 0, annotations: [], exported: { NOMAD_TOKEN: self.SecretID } });
      expect(result.outputs).toEqual({
        nomadToken: self.SecretID,
        accessorId: self.AccessorID,
        tokenType: 'client',
        policies: '["deploy"]',
        roles: '[]',
        expirationTime: self.ExpirationTime,
      });
      expect(result.log.split('\n').slice(-2)).toEqual([
        `Later steps get NOMAD_TOKEN, but NOMAD_ADDR is not set in this job: set exportConnection to true, or NOMAD_ADDR to ${nomad.url}.`,
        `Logged in to Nomad through the auth method github: client token ${self.AccessorID}; policies: deploy; ` +
          `expires ${String(self.ExpirationTime).replace(/\.\d+/, '')}`,
      ]);
      const jwt = result.masks.find((mask) => mask.startsWith('eyJ'));
      expect(result.masks).toContain(self.SecretID);
      expect(result.printed).not.toContain(jwt ?? self.SecretID);
      expect(result.printed).not.toContain(self.SecretID);
    },
  );

  test.concurrent('fails with one annotation that quotes Nomad if no rule matches, and lists the claims', async () => {
    const { issuer, nomad } = await cluster;
    const env = issuer.startJob({ ref: 'refs/heads/other' });
    const result = await logIn({ inputs: { url: nomad.url, identityToken: '' }, env });
    expect(result.failure).toBe('Nomad refused the login (400): no role or policy bindings matched');
    expect(result.messages[0]).toContain('ref "refs/heads/other"');
    expect(result.log).toContain('- ref: "refs/heads/other"');
    expect(result).toMatchObject({ exported: {}, outputs: {}, state: {} });
  });
});

describe('the outputs', () => {
  test.concurrent.each([
    [{ exportToken: 'true', outputToken: 'false' }, { NOMAD_TOKEN: TOKEN.SecretID }, undefined],
    [{ exportToken: 'false', outputToken: 'true' }, {}, TOKEN.SecretID],
  ])('contain the token as the inputs say: %j', async (inputs, exported, nomadToken) => {
    const { outputs, ...result } = await logIn({ inputs });
    expect(result.exported).toEqual(exported);
    expect([outputs['nomadToken'], outputs['accessorId']]).toEqual([nomadToken, TOKEN.AccessorID]);
  });

  const NO_PERMISSIONS = expect.stringContaining('no permissions: the policies of its roles (team) do not exist');
  test.concurrent.each([
    [['run', 'watch'], '; roles: team; policies: run, watch; expires ', []],
    [[], '; roles: team; expires ', [NO_PERMISSIONS]],
  ])('contain the policies of the roles: %j, which the log lists too', async (names, logged, warnings) => {
    const login = answer(200, { ...TOKEN, Policies: null, Roles: [{ Name: 'team' }] });
    const policies = names.map((name) => ({ Name: name }));
    const result = await logIn({ nomad: { login, policies: answer(200, policies) } });
    expect(result.outputs).toMatchObject({ roles: '["team"]', policies: JSON.stringify(names) });
    expect(result.log).toContain(logged);
    expect(result.messages).toEqual(warnings);
  });
});

describe('the log', () => {
  test.concurrent('warns about a management token that never expires', async () => {
    const result = await logIn({ nomad: { login: answer(200, { ...MANAGEMENT, ExpirationTime: null }) } });
    expect(result.outputs).toMatchObject({ tokenType: 'management', expirationTime: '' });
    expect(result.log).toContain('; never expires');
    expect(result.messages).toEqual([
      expect.stringContaining('a management token, which allows everything'),
      'This token never expires. Set MaxTokenTTL on the auth method github.',
    ]);
  });

  test.concurrent('warns if Nomad does not accept the token in time, without failing', async () => {
    const result = await logIn({ nomad: { self: answer(403) }, inputs: { timeout: '3' } });
    expect(result.exitCode).toBe(0);
    expect(result.messages).toEqual([expect.stringContaining('created the token but does not accept it yet')]);
  });

  test.concurrent('does not contain the token if there are no files to write it to, and warns about them', async () => {
    const env = { GITHUB_ENV: '', GITHUB_OUTPUT: '', GITHUB_STATE: '' };
    const result = await logIn({ env, nomad: { login: answer(200, MANAGEMENT) } });
    expect(result.exitCode).toBe(0);
    expect(result.masks).toEqual([createJwt(), TOKEN.SecretID]);
    expect(result.printed).not.toMatch(new RegExp(`::set-|${TOKEN.SecretID}`));
    expect(result.log).toContain('nothing will revoke the token after the job');
    expect(result.messages).toEqual([
      expect.stringContaining('GITHUB_ENV does not name a file'),
      expect.stringContaining('GITHUB_OUTPUT does not name a file'),
      expect.stringContaining('a management token'),
    ]);
  });
});
