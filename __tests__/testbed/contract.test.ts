import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { setUpGithubMethod } from '../../testbed/nomad-admin.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { askSelf, startRealNomad, startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { runMain } from '../../testbed/runner.js';
import { readBody } from '../../testbed/server.js';
import { readDocument } from '../support/docs.js';
import { readLogins, readSelectors, VERSIONS } from '../support/recorded.js';
import { METHOD_LIST, SELECTOR_CLAIMS, SERVER_STATES, SITUATIONS, type Request, type Situation } from './situations.js';

interface Answer {
  status: number;
  body: string;
}

// Nothing listens on this port.
const NOWHERE = 'http://127.0.0.1:1/jwks';
const CLAIM_MAPPINGS = {
  repository_owner: 'owner',
  repository: 'repo',
  repository_id: 'repo_id',
  ref: 'ref',
  workflow: 'workflow',
};
const program = await findNomad();
process.stderr.write(
  `The contract tests run against the fake Nomad and ${program?.version ?? 'no real Nomad (none in NOMAD_BIN or on the PATH)'}.\n`,
);

// The recordings have placeholders for values that differ between runs.
function scrub(body: string): unknown {
  const text = body
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replace(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"TIME"')
    .replace(/"Hash":"[^"]*"/g, '"Hash":"HASH"')
    .replace(/"JWT-[^"]*"/, '"JWT-METHOD"')
    .replace(/"(Create|Modify)Index":\d+/g, '"$1Index":0')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
  return /^[{[]/.test(text) ? JSON.parse(text) : text;
}

// The name of an auth method may contain letters, digits and hyphens.
const slugify = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');

test('the versions of Nomad in CI are those that are recorded', () => {
  const { jobs } = parse(readDocument('.github/workflows/ci.yml')) as {
    jobs: { contract: { strategy: { matrix: { nomad: string[] } } } };
  };
  expect(jobs.contract.strategy.matrix.nomad).toEqual(VERSIONS);
});

const newest = VERSIONS.at(-1) ?? '';
const servers: [name: string, version: string, start: () => Promise<NomadServer>][] = [
  ['the fake Nomad', newest, startFakeCluster],
];
if (program !== undefined) {
  const version = /\d+\.\d+\.\d+/.exec(program.version)?.[0] ?? '';
  servers.push([program.version, version, () => startRealNomad(program)]);
}

describe.each(servers)('%s', (server, version, start) => {
  const logins = new Map(readLogins(version).map(({ name, response }) => [name, response]));
  let issuer: Issuer;
  let stranger: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    issuer = await startIssuer();
    stranger = await startIssuer();
    nomad = await start();
    for (const name of ['deploy', 'read', 'octo-org', 'deleted']) {
      await nomad.admin.putPolicy(name, 'namespace "default" { policy = "read" }');
    }
    await nomad.admin.putRole('repo-74', ['read']);
    await nomad.admin.putRole('emptied', ['deleted']);
    await nomad.admin.putRole('half-emptied', ['deleted', 'read']);
    await nomad.admin.deletePolicy('deleted');
    await setUpGithubMethod(nomad.admin, issuer);
  }, 60_000);

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
    await stranger.close();
  });

  test('is a version that is recorded', () => {
    expect(VERSIONS).toContain(version);
  });

  async function setUp(name: string, { keys = 'JWKSURL', config, fields, rules }: Situation): Promise<void> {
    const source = {
      JWKSURL: { JWKSURL: issuer.jwksUrl },
      JWTValidationPubKeys: { JWTValidationPubKeys: [issuer.publicKey] },
      OIDCDiscoveryURL: { OIDCDiscoveryURL: issuer.url },
      nowhere: { JWKSURL: NOWHERE },
    }[keys];
    await nomad.admin.putMethod(name, { ...source, ClaimMappings: CLAIM_MAPPINGS, ...config }, fields);
    for (const rule of rules ?? [{ BindType: 'policy', BindName: 'deploy' }]) {
      await nomad.admin.putRule({ AuthMethod: name, ...rule });
    }
  }

  async function send(path: string, method: string, headers: Record<string, string>, body?: string): Promise<Answer> {
    // Nomad distinguishes an empty body from no body; fetch does not.
    const framing = body === undefined ? {} : { 'Transfer-Encoding': 'chunked' };
    const request = httpRequest(nomad.url + path, { method, headers: { ...headers, ...framing } }).end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await readBody(response) };
  }

  async function issue(jwt: Situation['jwt'] = {}): Promise<string> {
    if (typeof jwt === 'object') {
      return issuer.issue(jwt);
    }
    return typeof jwt === 'string' ? jwt : jwt(issuer, stranger);
  }

  async function logIn(methodName: string, jwt?: Situation['jwt'], request: Request = {}): Promise<Answer> {
    const { method = 'POST', path = '/v1/acl/login', headers = {} } = request;
    const body = request.body ?? JSON.stringify({ AuthMethodName: methodName, LoginToken: await issue(jwt) });
    return send(path, method, headers, method === 'GET' ? undefined : body);
  }

  async function askAsOwn(name: string, { after, ...request }: Request): Promise<Answer> {
    const { AccessorID = '', SecretID = '' } = JSON.parse((await logIn(name)).body) as Record<string, string>;
    const ask = ({ path = '', method = 'GET' }: Request): Promise<Answer> =>
      send(path.replace('ACCESSOR', AccessorID), method, { 'X-Nomad-Token': SecretID });
    if (after !== undefined) {
      await ask(after);
    }
    return ask(request);
  }

  const situations = Object.entries(SITUATIONS).filter(([situation]) => logins.has(situation));

  test('is tried in every recorded situation', () => {
    const tried = [...situations.map(([situation]) => situation), ...SERVER_STATES, METHOD_LIST];
    expect(tried.sort()).toEqual([...logins.keys()].sort());
  });

  test.each(situations)('responds as recorded: %s', async (situation, details) => {
    const name = slugify(situation);
    await setUp(name, details);
    const { jwt, request } = details;
    const { status, body } = await (request?.as === 'own'
      ? askAsOwn(name, request)
      : logIn(request?.methodName ?? name, jwt, request));
    const expected = logins.get(situation);
    expect({ status, body: scrub(body) }).toEqual({ status: expected?.status, body: scrub(expected?.body ?? '') });
  });

  test(`responds as recorded: ${METHOD_LIST}`, async () => {
    const { status, body } = await send('/v1/acl/auth-methods', 'GET', {});
    const expected = logins.get(METHOD_LIST);
    expect(status).toBe(expected?.status);
    expect(scrub(body)).toEqual(expect.arrayContaining(scrub(expected?.body ?? '') as unknown[]));
  });

  const CLAIM_SOURCES = {
    ClaimMappings: { ...CLAIM_MAPPINGS, environment: 'environment', absent_claim: 'absent', flag: 'flag', num: 'num' },
    ListClaimMappings: { teams: 'teams', empty: 'empty', absent_list: 'absent', nums: 'nums' },
  };

  test.each(readSelectors(version).map(([selector, outcome], index) => [selector, outcome, index] as const))(
    'saves and applies a selector as recorded: %s (%s)',
    async (Selector, outcome, index) => {
      const name = `selector-${String(index)}`;
      await setUp(name, { config: CLAIM_SOURCES, rules: [] });
      const rule = { AuthMethod: name, Selector, BindType: 'policy', BindName: 'deploy' };
      const refusal = await nomad.admin.putRule(rule).then(
        () => '',
        (error: unknown) => (error as Error).message,
      );
      if (refusal.includes('does not know') && server === 'the fake Nomad') {
        expect(refusal).toMatch(/answered 501: the fake Nomad does not know the .*; set NOMAD_BIN/s);
      } else if (outcome === 'invalid') {
        expect(refusal).toContain('answered 400: binding rule 0 invalid: 1 error occurred:\n\t* selector is invalid: ');
      } else {
        expect(refusal).toBe('');
        const { status, body } = await logIn(name, { claims: SELECTOR_CLAIMS });
        expect({ status, ...(status !== 200 && { body }) }).toEqual(
          outcome === 'match' ? { status: 200 } : { status: 400, body: 'no role or policy bindings matched' },
        );
      }
    },
  );

  test.each([
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['1h30', 'time: missing unit in duration "1h30"'],
    ['soon', 'time: invalid duration "soon"'],
    ['0s', "invalid MaxTokenTTL value '0s' (should be between 1s and 8760h0m0s)"],
    ['9000h', "invalid MaxTokenTTL value '9000h0m0s' (should be between 1s and 8760h0m0s)"],
  ])('rejects an auth method with the MaxTokenTTL %s', async (MaxTokenTTL, text) => {
    await expect(nomad.admin.putMethod('ttl', { JWKSURL: issuer.jwksUrl }, { MaxTokenTTL })).rejects.toThrow(text);
  });

  test.each([
    [{ BindType: '' }, 'bind type is missing'],
    [{ BindType: 'group' }, 'unsupported bind type: "group"'],
    [{ BindType: 'role', BindName: '' }, 'bind name is missing'],
    [{ BindType: 'management', BindName: 'x' }, 'bind name should be empty'],
  ])('rejects a binding rule with %j', async (fields, text) => {
    const refusal = `answered 400: binding rule 0 invalid: 1 error occurred:\n\t* ${text}`;
    await expect(nomad.admin.putRule({ AuthMethod: 'github', ...fields })).rejects.toThrow(refusal);
  });

  test.each([
    ['a mapped claim that the JWT lacks as empty text', { BindName: 'deploy${value.environment}' }],
    ['an attribute with spaces around it', { BindName: '${ value.owner }' }],
  ])('fills %s into a bind name', async (what, fields) => {
    const ClaimMappings = { repository_owner: 'owner', environment: 'environment' };
    await setUp(slugify(what), { config: { ClaimMappings }, rules: [{ BindType: 'policy', ...fields }] });
    expect(await logIn(slugify(what))).toMatchObject({ status: 200 });
  });

  test.each([
    [
      'the signature, the audience and the times',
      { forged: true, claims: { aud: 'x', exp: 1 } },
      'failed to verify id',
    ],
    ['the audience and the times', { claims: { aud: 'x', exp: 1 } }, 'invalid audience (aud) claim'],
    ['the times and the issuer', { claims: { iss: 'https://evil.example', exp: 1 } }, 'invalid expiration time (exp)'],
    ['the time of issue, which is in the future', { claims: { iat: Date.now() } }, 'invalid issued at (iat) claim'],
  ])('names the first of several errors in a JWT: %s', async (what, jwt, text) => {
    const config = { BoundAudiences: [exampleClaims.aud], BoundIssuer: [exampleClaims.iss], SigningAlgs: [] };
    await setUp(slugify(what), { config });
    expect(await logIn(slugify(what), jwt)).toEqual({ status: 401, body: expect.stringContaining(text) });
  });

  test('lets the action log in with a token that Nomad then knows', async () => {
    const result = await runMain({ inputs: { url: nomad.url, region: 'global' }, env: issuer.environment });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    const self = await askSelf(nomad.url, result.exported['NOMAD_TOKEN']);
    expect(await self.json()).toMatchObject({
      SecretID: result.outputs['nomadToken'],
      AccessorID: result.outputs['accessorId'],
      Type: result.outputs['tokenType'],
      Policies: JSON.parse(result.outputs['policies'] ?? '') as unknown,
      Roles: null,
      ExpirationTime: result.outputs['expirationTime'],
    });
  });

  test.each([
    ['another branch', { ref: 'refs/heads/dev' }, 'no role or policy bindings matched'],
    ['another issuer', { iss: 'https://gitlab.example.com' }, 'invalid JWT issuer: https://gitlab.example.com'],
  ])('refuses the action for %s, and the action quotes the refusal', async (_, claims, text) => {
    const identityToken = await issuer.issue({ claims });
    const result = await runMain({ inputs: { url: nomad.url, identityToken } });
    expect(result).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
    expect(result.annotations).toEqual([{ level: 'error', message: expect.stringContaining(text) }]);
  });
});
