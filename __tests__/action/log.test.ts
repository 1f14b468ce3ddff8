import { expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate } from '../../testbed/certificates.js';
import type { StageResult } from '../../testbed/runner.js';
import { cleanUp, createJwt, echo, issue, logIn, REQUEST_TOKEN, TOKEN, type Scenario } from '../support/servers.js';

const DEBUG = { RUNNER_DEBUG: '1' };

/** Returns the debug lines, with their ports and durations replaced. */
const readDebug = ({ raw }: StageResult): string[] =>
  [...raw.matchAll(/^::debug::(.*)$/gm)].map(([, line = '']) =>
    line.replace(/127\.0\.0\.1:\d+/g, 'HOST').replace(/\d+(\.\d+)? (ms|s)\b/g, 'N $2'),
  );

const client = await createClientCertificate(await createAuthority());
const SECRET_INPUTS = {
  clientCertificate: client.cert,
  clientKey: client.key,
  extraHeaders: 'X-Api-Key: hunter2-key\nAuthorization: Basic b2N0bzpodW50ZXIyLWJhc2lj',
};

function expectNoSecret({ raw, printed, masks }: StageResult): void {
  expect(raw).toContain('::debug::');
  const given = [createJwt(), REQUEST_TOKEN, TOKEN.SecretID, 'hunter2', 'b2N0bzpodW50ZXIyLWJhc2lj'];
  expect([...masks, ...given].filter((secret) => printed.includes(secret))).toEqual([]);
}

test.concurrent.each<[string, Scenario, RegExp]>([
  ['of a login', { github: issue() }, /^$/],
  ['if Nomad echoes the request', { github: issue(), nomad: echo }, /^Nomad refused the login \(400\): .*\*\*\*/],
  ['if Nomad echoes the request after the login', { nomad: { self: echo }, inputs: { timeout: '3' } }, /^$/],
  ['if GitHub echoes the request', { github: echo }, /^GitHub did not issue an OIDC token \(400\)/],
  ['if the url contains one', { url: () => 'https://octocat:hunter2@a.example.com' }, /^Input url must not contain/],
])('no secret is in the log for step debugging %s', async (_, scenario, failure) => {
  const result = await logIn({ ...scenario, env: DEBUG, inputs: { ...SECRET_INPUTS, ...scenario.inputs } });
  expect(result.failure).toMatch(failure);
  expectNoSecret(result);
});

test.concurrent('no secret is in the log of the post step, which shows the request without its query', async () => {
  const connection = { region: 'eu', extraHeaders: { 'x-api-key': 'hunter2-key' } };
  const post = await cleanUp({ env: DEBUG, nomad: echo, url: (address) => `${address}/base`, connection });
  expect(post.annotations).toEqual([{ level: 'warning', message: expect.stringContaining('***') }]);
  expect(readDebug(post)).toContain(`DELETE http://HOST/base/v1/acl/token/${TOKEN.AccessorID}: 400 after N ms`);
  expectNoSecret(post);
});
