import { expect, test } from '@jest/globals';
import { answer, logIn, MANAGEMENT, ON_WINDOWS, TOKEN } from '../support/servers.js';
import type { Nomad, Respond, Scenario } from '../support/servers.js';

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

const ROLE = { ...TOKEN, Policies: null, Roles: [{ Name: 'team' }] };
const refused = { self: answer(403), policies: answer(403) };
const UNCONFIRMED = 'could not confirm that it works: GET /v1/acl/';
const POLICIES = answer(200, [{ Name: 'run' }, { Name: 'watch' }]);
test.concurrent.each<[logged: string, policies: string, token: object, Exclude<Nomad, Respond>, warnings: string[]]>([
  ['roles: team; policies: run, watch', '["run","watch"]', ROLE, { policies: POLICIES }, []],
  ['roles: team', '[]', ROLE, {}, ['no permissions: the policies of its roles (team) do not exist']],
  ['roles: team', '[]', ROLE, refused, [UNCONFIRMED]],
  ['policies: deploy', '["deploy"]', TOKEN, refused, [UNCONFIRMED]],
])('the log contains "%s", and the output policies %s', async (logged, policies, token, nomad, warnings) => {
  const result = await logIn({ nomad: { login: answer(200, token), ...nomad } });
  expect(result.exitCode).toBe(0);
  expect(result.log).toContain(`; ${logged}; expires `);
  expect(result.outputs['policies']).toBe(policies);
  expect(result.messages).toEqual(warnings.map((text) => expect.stringContaining(text)));
});

test.concurrent('the log warns about a management token that never expires', async () => {
  const result = await logIn({ nomad: { login: answer(200, { ...MANAGEMENT, ExpirationTime: null }) } });
  expect(result.outputs).toMatchObject({ tokenType: 'management', expirationTime: '' });
  expect(result.log).toContain('; never expires');
  expect(result.messages).toEqual([
    expect.stringContaining('a management token, which allows everything'),
    'This token never expires. Set MaxTokenTTL on the auth method github.',
  ]);
});
