import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { startFakeNomad, type FakeNomad } from '../../testbed/fake-nomad/server.js';
import { NomadAdmin } from '../../testbed/nomad-admin.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { whatFailed } from '../support/what-failed.js';

let issuer: Issuer;
let nomad: FakeNomad;

beforeAll(async () => {
  issuer = await startIssuer();
  nomad = await startFakeNomad();
  const admin = await NomadAdmin.bootstrap(nomad.url);
  await admin.putPolicy('deploy', 'namespace "default" { policy = "write" }');
  for (const audience of ['https://github.com/octo-org', 'nomad.example.com/?a=1&b=2']) {
    const name = audience.startsWith('https') ? 'github' : 'audience';
    await admin.putMethod(name, { JWKSURL: issuer.jwksUrl, BoundAudiences: [audience] });
    await admin.putRule({ AuthMethod: name, BindType: 'policy', BindName: 'deploy' });
  }
});

afterAll(async () => {
  await nomad.close();
  await issuer.close();
});

const logIn = (inputs: Record<string, string>, env: Record<string, string> = {}): Promise<StageResult> =>
  runMain({ inputs: { url: nomad.url, ...inputs }, env });

describe("GitHub's OIDC token", () => {
  test("has GitHub's default audience where none is asked for", async () => {
    expect(await logIn({}, issuer.environment)).toMatchObject({ exitCode: 0 });
    expect(await logIn({ methodName: 'audience' }, issuer.environment)).toMatchObject({ exitCode: 1 });
  });

  test('has the audience of jwtGithubAudience, whatever characters are in it', async () => {
    const inputs = { methodName: 'audience', jwtGithubAudience: 'nomad.example.com/?a=1&b=2' };
    expect(await logIn(inputs, issuer.environment)).toMatchObject({ exitCode: 0 });
  });

  test('is not to be had without the permission, and the error says which', async () => {
    const result = await logIn({});
    expect(whatFailed(result)).toBe('This job is not allowed to request an OIDC token from GitHub');
    expect(result.log).toContain('id-token: write');
  });

  test('is not to be had where GitHub refuses, and the error says what GitHub said, on one line', async () => {
    const result = await logIn({}, { ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'not-this-job' });
    expect(whatFailed(result)).toBe('GitHub did not issue an OIDC token (401): The bearer token belongs to no job');
  });

  test('is not to be had where the answer holds none', async () => {
    const endpoint = await listen((_, response) => response.end('{}'));
    const env = { ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_URL: `${endpoint.url}/?x=1` };
    const result = await logIn({}, env);
    await endpoint.close();
    expect(whatFailed(result)).toBe("GitHub's response does not contain a JWT");
  });
});

describe('identityToken', () => {
  test("is used in the place of GitHub's, which is not asked for", async () => {
    const identityToken = await issuer.issue({ claims: { aud: 'https://github.com/octo-org' } });
    const result = await logIn({ identityToken, jwtGithubAudience: 'ignored' });
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.masks[0]).toBe(identityToken);
  });

  test.each([
    'hunter2',
    'hunter2.b.c',
    'e30.hunter2.sig',
    'e30.e30',
    'e30.e30.sig.more.parts',
    'e30.W10.sig',
    'e30. e30.x',
    'e30.e30.!',
  ])('is refused where it is no JWT: %s', async (identityToken) => {
    const before = nomad.requests.length;
    const result = await logIn({ identityToken }, issuer.environment);
    expect(whatFailed(result)).toContain('Input identityToken is not a JWT');
    expect(result.printed).not.toContain('hunter2');
    expect(nomad.requests).toHaveLength(before);
  });
});
