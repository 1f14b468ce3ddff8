import { beforeAll, describe, expect, test } from '@jest/globals';
import type { StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { useFixture } from '../support/fixture.js';
import { whatFailed } from '../support/what-failed.js';

// A job without the permission id-token: write.
const NO_ENDPOINT = { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' };

const fixture = useFixture();

beforeAll(async () => {
  for (const [name, audience] of [
    ['default', 'https://github.com/octo-org'],
    ['audience', 'nomad.example.com/?a=1&b=2'],
  ] as const) {
    await fixture.nomad.admin.putMethod(name, { JWKSURL: fixture.issuer.jwksUrl, BoundAudiences: [audience] });
    await fixture.nomad.admin.putRule({ AuthMethod: name, BindType: 'policy', BindName: 'deploy' });
  }
});

const logIn = (inputs: Record<string, string>, env: Record<string, string> = {}): Promise<StageResult> =>
  fixture.logIn({ methodName: 'default', ...inputs }, { ...NO_ENDPOINT, ...env });

describe("GitHub's OIDC token", () => {
  test("has GitHub's default audience if none is requested", async () => {
    expect(await logIn({}, fixture.issuer.environment)).toMatchObject({ exitCode: 0 });
    expect(await logIn({ methodName: 'audience' }, fixture.issuer.environment)).toMatchObject({ exitCode: 1 });
  });

  test('has the audience of jwtGithubAudience, including special characters', async () => {
    const inputs = { methodName: 'audience', jwtGithubAudience: 'nomad.example.com/?a=1&b=2' };
    expect(await logIn(inputs, fixture.issuer.environment)).toMatchObject({ exitCode: 0 });
  });

  test('is not available without the permission, which the error names', async () => {
    const result = await logIn({});
    expect(whatFailed(result)).toBe('This job is not allowed to request an OIDC token from GitHub');
    expect(result.log).toContain('id-token: write');
  });

  test('is not available if GitHub refuses, and the error quotes GitHub on one line', async () => {
    const result = await logIn({}, { ...fixture.issuer.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'not-this-job' });
    expect(whatFailed(result)).toBe(
      'GitHub did not issue an OIDC token (401): The bearer token does not belong to a job',
    );
  });

  test('is not available if the response does not contain one', async () => {
    const endpoint = await listen((_, response) => response.end('{}'));
    const env = { ...fixture.issuer.environment, ACTIONS_ID_TOKEN_REQUEST_URL: `${endpoint.url}/?x=1` };
    const result = await logIn({}, env);
    await endpoint.close();
    expect(whatFailed(result)).toBe("GitHub's response does not contain a JWT");
  });
});

describe('identityToken', () => {
  test("is used instead of GitHub's, which is not requested", async () => {
    const identityToken = await fixture.issuer.issue({ claims: { aud: 'https://github.com/octo-org' } });
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
  ])('is refused if it is not a JWT: %s', async (identityToken) => {
    const before = fixture.nomad.requests.length;
    const result = await logIn({ identityToken }, fixture.issuer.environment);
    expect(whatFailed(result)).toContain('Input identityToken is not a JWT');
    expect(result.printed).not.toContain('hunter2');
    expect(fixture.nomad.requests).toHaveLength(before);
  });
});
