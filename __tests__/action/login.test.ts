import { expect, test } from '@jest/globals';
import { answer, logIn, MANAGEMENT, ON_WINDOWS, TOKEN, type Scenario } from '../support/servers.js';

test.concurrent.each<[string, Scenario]>([
  ['a login', {}],
  ['a login on Windows', { command: ON_WINDOWS }],
])('%s exports the token, sets all outputs, and logs the address and the token', async (_, scenario) => {
  const result = await logIn(scenario);
  expect(result).toMatchObject({ exitCode: 0, annotations: [], printed: expect.not.stringContaining(TOKEN.SecretID) });
  expect(result.exported).toEqual({ NOMAD_TOKEN: TOKEN.SecretID });
  expect(result.outputs).toEqual({
    nomadToken: TOKEN.SecretID,
    accessorId: TOKEN.AccessorID,
    tokenType: 'client',
    policies: '["deploy"]',
    roles: '[]',
    expirationTime: TOKEN.ExpirationTime,
  });
  expect(result.log.split('\n')).toEqual([
    expect.stringMatching(/^Later steps get NOMAD_TOKEN, but NOMAD_ADDR is not set in this job: .* to http:\S+\.$/),
    `Logged in to Nomad through the auth method github: client token ${TOKEN.AccessorID}; policies: deploy; expires 2030-01-01T00:00:00Z`,
  ]);
});

test.concurrent('the outputs do not contain the token if outputToken is false', async () => {
  const { exported, outputs } = await logIn({ inputs: { outputToken: 'false' } });
  expect(exported).toEqual({ NOMAD_TOKEN: TOKEN.SecretID });
  expect([outputs['nomadToken'], outputs['accessorId']]).toEqual([undefined, TOKEN.AccessorID]);
});

const NO_PERMISSIONS = expect.stringContaining('no permissions: the policies of its roles (team) do not exist');
test.concurrent.each([
  [['run', 'watch'], '; roles: team; policies: run, watch; expires ', []],
  [[], '; roles: team; expires ', [NO_PERMISSIONS]],
])('the outputs contain the policies of the roles: %j, which the log lists too', async (names, logged, warnings) => {
  const login = answer(200, { ...TOKEN, Policies: null, Roles: [{ Name: 'team' }] });
  const policies = names.map((name) => ({ Name: name }));
  const result = await logIn({ nomad: { login, policies: answer(200, policies) } });
  expect(result.outputs).toMatchObject({ roles: '["team"]', policies: JSON.stringify(names) });
  expect(result.log).toContain(logged);
  expect(result.messages).toEqual(warnings);
});

test.concurrent.each([
  [TOKEN, '; policies: deploy; expires '],
  [{ ...TOKEN, Policies: null, Roles: [{ Name: 'team' }] }, '; roles: team; expires '],
])(
  'the log warns if a server in front of Nomad refuses a token, and names what the token has: %j',
  async (token, logged) => {
    const result = await logIn({ nomad: { login: answer(200, token), self: answer(403), policies: answer(403) } });
    expect(result.exitCode).toBe(0);
    expect(result.log).toContain(logged);
    expect(result.messages).toEqual([expect.stringContaining('could not confirm that it works: GET /v1/acl/')]);
  },
);

test.concurrent('the log warns about a management token that never expires', async () => {
  const result = await logIn({ nomad: { login: answer(200, { ...MANAGEMENT, ExpirationTime: null }) } });
  expect(result.outputs).toMatchObject({ tokenType: 'management', expirationTime: '' });
  expect(result.log).toContain('; never expires');
  expect(result.messages).toEqual([
    expect.stringContaining('a management token, which allows everything'),
    'This token never expires. Set MaxTokenTTL on the auth method github.',
  ]);
});
