import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { askSelf, isSince, startRealNomad, startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { runMain } from '../../testbed/runner.js';
import { readBody } from '../../testbed/server.js';
import { setUpGithubMethod } from '../../testbed/github-method.js';
import oddSelectors from './odd-selectors.json' with { type: 'json' };
import { readLogins, readSelectors, VERSIONS } from '../support/recorded.js';
import { SERVER_STATES, SITUATIONS, type Request, type Situation } from './situations.js';

interface Answer {
  status: number;
  body: string;
}

// Nothing listens on this port.
const NOWHERE = 'http://127.0.0.1:1/jwks';
const program = await findNomad();
const realName = program?.version ?? 'no real Nomad (none in NOMAD_BIN or on the PATH)';
process.stderr.write(`The contract tests run against the fake Nomad and ${realName}.\n`);

/** Returns the recorded version of Nomad that a given one should behave like: its own, or the newest before it. */
function findRecorded(version: string): string {
  const byAge = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
  const versions = [...VERSIONS].sort(byAge);
  return versions.filter((recorded) => byAge(recorded, version) <= 0).at(-1) ?? versions[0] ?? '';
}

function readVersion(text: string): string {
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text;
}

// The recordings have placeholders for values that differ between runs.
function scrub(body: string): string {
  return body
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replace(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"TIME"')
    .replace(/"Hash":"[^"]*"/g, '"Hash":"HASH"')
    .replace(/"JWT-[^"]*"/, '"JWT-METHOD"')
    .replace(/"(Create|Modify)Index":\d+/g, '"$1Index":0')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
}

function parseScrubbed(body: string): unknown {
  const text = scrub(body);
  return /^[{[]/.test(text) ? JSON.parse(text) : text;
}

// The name of an auth method may contain letters, digits and hyphens.
const slugify = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');

const servers: [name: string, version: string, start: () => Promise<NomadServer>][] = [
  ['the fake Nomad', '2.0.6', startFakeCluster],
];
if (program !== undefined) {
  servers.push([program.version, readVersion(program.version), () => startRealNomad(program)]);
}

describe.each(servers)('%s', (_, version, start) => {
  const recorded = findRecorded(version);
  const logins = new Map(readLogins(recorded).map(({ name, response }) => [name, response]));
  const { claims, claimMappings, listClaimMappings, selectors } = readSelectors(recorded);
  let issuer: Issuer;
  let stranger: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    issuer = await startIssuer();
    stranger = await startIssuer();
    nomad = await start();
    for (const name of ['deploy', 'read', 'octo-org']) {
      await nomad.admin.putPolicy(name, 'namespace "default" { policy = "read" }');
    }
    await nomad.admin.putPolicy('deleted', 'namespace "default" { policy = "read" }');
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

  async function setUp(name: string, { keys = 'JWKSURL', config, fields, rules }: Situation): Promise<void> {
    const source = {
      JWKSURL: { JWKSURL: issuer.jwksUrl },
      JWTValidationPubKeys: { JWTValidationPubKeys: [issuer.publicKey] },
      OIDCDiscoveryURL: { OIDCDiscoveryURL: issuer.url },
      nowhere: { JWKSURL: NOWHERE },
    }[keys];
    const ClaimMappings = {
      repository_owner: 'owner',
      repository: 'repo',
      repository_id: 'repo_id',
      ref: 'ref',
      workflow: 'workflow',
    };
    await nomad.admin.putMethod(name, { ...source, ClaimMappings, ...config }, fields);
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

  const situations = Object.entries(SITUATIONS).filter(([, { since = '' }]) => isSince(version, since));

  test.each(situations)('responds as recorded: %s', async (situation, details) => {
    const name = slugify(situation);
    await setUp(name, details);
    const { jwt, request } = details;
    const answer = await (request?.as === 'own'
      ? askAsOwn(name, request)
      : logIn(request?.methodName ?? name, jwt, request));
    const expected = logins.get(situation);
    expect({ status: answer.status, body: parseScrubbed(answer.body) }).toEqual({
      status: expected?.status,
      body: parseScrubbed(expected?.body ?? ''),
    });
  });

  test('responds as recorded: method list without a token', async () => {
    const { status, body } = await send('/v1/acl/auth-methods', 'GET', {});
    const expected = logins.get('method list without a token');
    const [stub = ''] = /\{.*\}/.exec(expected?.body ?? '') ?? [];
    expect(status).toBe(expected?.status);
    expect(JSON.parse(scrub(body))).toContainEqual(JSON.parse(stub));
  });

  test('is tried in every recorded situation', () => {
    const tried = [...situations.map(([situation]) => situation), ...SERVER_STATES, 'method list without a token'];
    expect(tried.sort()).toEqual([...logins.keys()].sort());
  });

  /** Creates a rule with a selector in its own method; returns the refusal, or the response to a login. */
  async function trySelector(name: string, Selector: string): Promise<{ refusal?: string; login?: Answer }> {
    await setUp(name, { config: { ClaimMappings: claimMappings, ListClaimMappings: listClaimMappings }, rules: [] });
    try {
      await nomad.admin.putRule({ AuthMethod: name, Selector, BindType: 'policy', BindName: 'deploy' });
    } catch (error) {
      return { refusal: (error as Error).message };
    }
    return { login: await logIn(name, { claims }) };
  }

  test.each(selectors.map((expected, index) => [expected.selector, expected, index] as const))(
    'saves and applies a selector as recorded: %s',
    async (selector, { saved, login }, index) => {
      const answer = await trySelector(`selector-${String(index)}`, selector);
      // The fake Nomad's parser describes syntax errors differently.
      const toSyntax = (text: string): string => text.replace(/(selector is invalid:).*/s, '$1');
      expect(answer.refusal && toSyntax(answer.refusal)).toBe(
        saved === true ? undefined : `PUT /v1/acl/binding-rule answered 400: ${toSyntax(saved)}`,
      );
      const { status, body } = answer.login ?? { status: 0, body: '' };
      expect(status === 200 ? 'match' : `${String(status)} ${body}`).toBe(login ?? '0 ');
    },
  );

  // Nomad 1.5 does not know the quantifiers any and all.
  const knowsQuantifiers = selectors.some(({ selector, saved }) => selector.startsWith('any') && saved === true);
  const oddOnes = oddSelectors.filter(({ selector }) => knowsQuantifiers || !/any|all/.test(selector));

  test.each(oddOnes.map(({ selector, outcome }, index) => [selector, outcome, index] as const))(
    'saves and applies an odd selector like Nomad 2.0.6: %s (%s)',
    async (selector, outcome, index) => {
      const { refusal, login } = await trySelector(`odd-selector-${String(index)}`, selector);
      const whenSaved = login?.status === 200 ? 'match' : 'no match';
      expect(refusal === undefined ? whenSaved : 'invalid').toBe(outcome);
    },
  );

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
    const result = await runMain({ inputs: { url: nomad.url }, env: issuer.environment });
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

  test('lets the action log in to its region by name', async () => {
    const result = await runMain({ inputs: { url: nomad.url, region: 'global' }, env: issuer.environment });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test.each([
    ['another branch', { ref: 'refs/heads/dev' }, 'no role or policy bindings matched'],
    ['another repository', { repository_id: '75' }, 'no role or policy bindings matched'],
    ['another issuer', { iss: 'https://gitlab.example.com' }, 'invalid JWT issuer: https://gitlab.example.com'],
    ['another audience', { aud: 'https://github.com/other' }, 'invalid audience (aud) claim'],
  ])('refuses the action for %s, and the action quotes the refusal', async (_, claims, text) => {
    const identityToken = await issuer.issue({ claims });
    const result = await runMain({ inputs: { url: nomad.url, identityToken } });
    expect(result).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
    expect(result.annotations).toEqual([{ level: 'error', message: expect.stringContaining(text) }]);
  });
});
