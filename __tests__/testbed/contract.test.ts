import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import type { AuthMethod } from '../../nomad-rules/api.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { setUpGithubMethod } from '../../testbed/nomad/admin.js';
import { askSelf, type NomadServer } from '../../testbed/nomad/nomad.js';
import { runMain } from '../../testbed/runner.js';
import { readBody } from '../../testbed/server.js';
import { readDocument } from '../support/docs.js';
import { readLogins, readSelectors, VERSIONS, type RecordedLogin } from '../../testbed/recordings/recorded.js';
import { NOMADS, program } from '../support/workspace.js';
import { policy, SERVER_STATES, SITUATIONS, type Request, type Situation } from './situations.js';

type Answer = RecordedLogin['response'];

// The claims with which the selectors are recorded.
const SELECTOR_CLAIMS = { environment: '', teams: ['dev', 'ops'], empty: [], nums: [1, 2], flag: true, num: 7 };
const SELECTOR_MAPPINGS = {
  ClaimMappings: { ...adv.ClaimMappings, absent_claim: 'absent', flag: 'flag', num: 'num' },
  ListClaimMappings: { teams: 'teams', empty: 'empty', absent_list: 'absent', nums: 'nums' },
};

// The recordings have placeholders for values that differ between runs.
function scrub({ status, body }: Answer): { status: number; body: unknown } {
  const text = body
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replace(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"TIME"')
    .replace(/"Hash":"[^"]*"/g, '"Hash":"HASH"')
    .replace(/"JWT-[^"]*"/, '"JWT-METHOD"')
    .replace(/"(Create|Modify)Index":\d+/g, '"$1Index":0')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
  return { status, body: /^[{[]/.test(text) ? JSON.parse(text) : text };
}

// The fake Nomad does not know these, but says so.
const mapped = (ClaimMappings: Record<string, string>): Situation => ({ config: { ClaimMappings } });
const UNKNOWN_SITUATIONS: [what: string, situation: Situation][] = [
  ['which of two claims becomes the attribute id', mapped({ actor: 'id', ref: 'id' })],
  ['the text of the claim big', { ...mapped({ big: 'big' }), claims: { big: 2 ** 60 } }],
  ['the text of the claim html', { ...mapped({ html: 'html' }), claims: { html: ['R&D'] } }],
  ['the template ${value.repo_id + 0}', { rules: [policy('${value.repo_id + 0}')] }],
  ['the lower case of the bind name é', { rules: [policy('${value.owner}')], claims: { repository_owner: 'É' } }],
  ['the duration 1500ms', { config: { ClockSkewLeeway: '1500ms' } }],
  ['which of two fields BoundIssuer counts', { config: { BoundIssuer: [], boundissuer: [] } as AuthMethod['Config'] }],
  ['the field OIDCClientAssertion', { config: { OIDCClientAssertion: {} } as AuthMethod['Config'] }],
  ['the response (', { config: { JWTValidationPubKeys: ['nonsense'] } }],
];
const TEMPLATES = ['token name with an escaped variable', 'token name with an unfinished variable'];
const UNKNOWN_SELECTORS = /\(\?[P=]|"\[|\\\\pL|\\[xu]\w\w| as i, |^any (?:value|list) as |\({6}|(?:not \(){6}/;
const UNKNOWN = /the fake Nomad does not know the .*; set NOMAD_BIN/s;

// The response to a new situation, which is not recorded yet, is in the message of the test that fails.
const newest = readLogins(VERSIONS.at(-1) ?? '').map(({ name }) => name);
const unrecorded = Object.keys(SITUATIONS)
  .filter((name) => !newest.includes(name))
  .map((name) => ({ name, response: { status: 0, body: '' } }));

test('the versions of Nomad in CI are those that are recorded', () => {
  const [, versions = ''] = /^ +nomad: \[(.+)\]$/m.exec(readDocument('.github/workflows/ci.yml')) ?? [];
  expect(versions.split(', ')).toEqual(VERSIONS);
});

process.stderr.write(
  `The tests use the fake Nomad and ${program?.version ?? 'no real one: there is no nomad program'}.\n`,
);

describe.each(NOMADS)('%s', (server, start) => {
  const version = /\d+\.\d+\.\d+/.exec(server)?.[0] ?? VERSIONS.at(-1) ?? '';
  const logins = readLogins(version).filter(({ name }) => !SERVER_STATES.includes(name));
  let issuer: Issuer;
  let stranger: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    [issuer, stranger, nomad] = await Promise.all([startIssuer(), startIssuer(), start()]);
    for (const name of ['deploy', 'read', 'octo-org', 'deleted']) {
      await nomad.admin.putPolicy(name, 'namespace "default" { policy = "read" }');
    }
    await nomad.admin.putRole('repo-74', ['read']);
    await nomad.admin.putRole('emptied', ['deleted']);
    await nomad.admin.putRole('half-emptied', ['deleted', 'read']);
    await nomad.admin.deletePolicy('deleted');
    await setUpGithubMethod(nomad.admin, issuer);
  }, 60_000);

  afterAll(() => Promise.all([nomad, issuer, stranger].map((each) => each.close())));

  /** Creates an auth method, and returns its name. */
  async function setUp({ keys = 'JWKSURL', config, fields, rules }: Situation): Promise<string> {
    const name = randomUUID();
    const sources = { JWKSURL: issuer.jwksUrl, JWTValidationPubKeys: [issuer.publicKey], OIDCDiscoveryURL: issuer.url };
    const defaults = { [keys]: sources[keys], ClaimMappings: adv.ClaimMappings };
    await nomad.admin.putMethod(name, { ...defaults, ...config }, fields);
    for (const rule of rules ?? [policy('deploy')]) {
      await nomad.admin.putRule({ AuthMethod: name, ...rule });
    }
    return name;
  }

  async function send(path: string, method: string, headers: Record<string, string>, body?: string): Promise<Answer> {
    // Nomad distinguishes an empty body from no body; fetch does not.
    const framing = body === undefined ? {} : { 'Transfer-Encoding': 'chunked' };
    const request = httpRequest(nomad.url + path, { method, headers: { ...headers, ...framing } }).end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await readBody(response) };
  }

  async function logIn(name: string, { jwt, claims = {}, request = {} }: Situation = {}): Promise<Answer> {
    const { method = 'POST', path = '/v1/acl/login', headers = {}, methodName = name } = request;
    const LoginToken =
      typeof jwt === 'function' ? await jwt(issuer, stranger) : (jwt ?? (await issuer.issue({ claims })));
    const body = request.body ?? JSON.stringify({ AuthMethodName: methodName, LoginToken });
    return send(path, method, headers, method === 'GET' ? undefined : body);
  }

  async function askAsOwn(name: string, { after, ...request }: Request): Promise<Answer> {
    const { AccessorID = '', SecretID = '' } = JSON.parse((await logIn(name)).body) as Record<string, string>;
    const ask = ({ path = '', method = 'GET' }: Request): Promise<Answer> =>
      send(path.replace('ACCESSOR', AccessorID), method, { 'X-Nomad-Token': SecretID });
    await (after && ask(after));
    return ask(request);
  }

  test.each([...logins, ...unrecorded])('responds as recorded: $name', async ({ name, response }) => {
    expect(SITUATIONS).toHaveProperty([name]);
    const situation = SITUATIONS[name] ?? {};
    const method = await setUp(situation);
    const { request } = situation;
    const answer = request?.as === 'own' ? await askAsOwn(method, request) : await logIn(method, situation);
    if (server === 'the fake Nomad' && TEMPLATES.includes(name)) {
      expect(answer).toEqual({ status: 501, body: expect.stringMatching(UNKNOWN) });
      return;
    }
    const { status, body } = scrub(response);
    // The methods of other situations are in the list as well.
    const isPart = name === 'method list without a token';
    expect(scrub(answer)).toEqual({ status, body: isPart ? expect.arrayContaining(body as unknown[]) : body });
  });

  test.each(readSelectors(version))('saves and applies a selector as recorded: %s (%s)', async (Selector, outcome) => {
    const AuthMethod = await setUp({ config: SELECTOR_MAPPINGS, rules: [] });
    const rule = { AuthMethod, Selector, BindType: 'policy', BindName: 'deploy' };
    const refusal = await nomad.admin.putRule(rule).then(() => '', String);
    if (server === 'the fake Nomad' && UNKNOWN_SELECTORS.test(Selector)) {
      expect(refusal).toMatch(UNKNOWN);
    } else if (outcome === 'invalid') {
      expect(refusal).toContain('answered 400: binding rule 0 invalid: 1 error occurred:\n\t* selector is invalid: ');
    } else {
      expect(refusal).toBe('');
      const noMatch = { status: 400, body: 'no role or policy bindings matched' };
      const expected = outcome === 'match' ? expect.objectContaining({ status: 200 }) : noMatch;
      expect(await logIn(AuthMethod, { claims: SELECTOR_CLAIMS })).toEqual(expected);
    }
  });

  const TTL = '(should be between 1s and 8760h0m0s)';
  const RULE = 'answered 400: binding rule 0 invalid: 1 error occurred:\n\t* ';
  test.each<[object: 'auth method' | 'binding rule', fields: object, text: string]>([
    ['auth method', { MaxTokenTTL: '1d' }, 'time: unknown unit "d" in duration "1d"'],
    ['auth method', { MaxTokenTTL: '1h30' }, 'time: missing unit in duration "1h30"'],
    ['auth method', { MaxTokenTTL: 'soon' }, 'time: invalid duration "soon"'],
    ['auth method', { MaxTokenTTL: '0s' }, `invalid MaxTokenTTL value '0s' ${TTL}`],
    ['auth method', { MaxTokenTTL: '9000h' }, `invalid MaxTokenTTL value '9000h0m0s' ${TTL}`],
    ['auth method', { TokenLocality: 'Global' }, 'answered 400'],
    ['auth method', { TokenLocality: '' }, 'answered 400'],
    ['auth method', { Type: 'jwt' }, 'answered 400'],
    ['auth method', { Config: { BoundAudiences: 'nomad.example.com' } }, 'answered 400'],
    ['auth method', { Config: { ClaimMappings: ['ref'] } }, 'answered 400'],
    ['binding rule', { BindType: '' }, `${RULE}bind type is missing`],
    ['binding rule', { BindType: 'group' }, `${RULE}unsupported bind type: "group"`],
    ['binding rule', { BindType: 'role', BindName: '' }, `${RULE}bind name is missing`],
    ['binding rule', { BindType: 'management', BindName: 'x' }, `${RULE}bind name should be empty`],
  ])('rejects an object of type %s with %j', async (object, fields, text) => {
    const saved =
      object === 'auth method'
        ? nomad.admin.putMethod('odd', { JWKSURL: issuer.jwksUrl }, fields)
        : nomad.admin.putRule({ AuthMethod: 'github', BindType: '', ...fields });
    await expect(saved).rejects.toThrow(text);
  });

  test('grants a management token or refuses the login, by chance, if another rule computes an invalid name', async () => {
    const statuses = new Set<number>();
    for (let attempt = 0; attempt < 50 && statuses.size < 2; attempt += 1) {
      const name = await setUp({
        rules: [{ BindType: 'management' }, { BindType: 'role', BindName: '${value.repo}' }],
      });
      statuses.add((await logIn(name)).status);
    }
    expect([...statuses].sort()).toEqual([200, 500]);
  });

  test('lets the action log in with a token that Nomad then knows', async () => {
    const result = await runMain({ inputs: { url: nomad.url, region: 'global' }, env: issuer.environment });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    const { accessorId, nomadToken, expirationTime } = result.outputs;
    const self = await (await askSelf(nomad.url, nomadToken)).json();
    expect(self).toMatchObject({ AccessorID: accessorId, Policies: ['deploy'], ExpirationTime: expirationTime });
  });

  const onFake = server === 'the fake Nomad' ? test : test.skip;
  onFake.each(UNKNOWN_SITUATIONS)('says that it does not know %s', async (what, situation) => {
    const answer = setUp(situation).then((name) => logIn(name, situation));
    const text = await answer.then(({ status, body }) => `answered ${String(status)}: ${body}`, String);
    expect(text).toContain(`answered 501: the fake Nomad does not know ${what}`);
  });

  onFake.each([
    'nonsense',
    'namespace "default" { policy = "admin" }',
    'agent { policy = "read" }\nagent { policy = "write" }',
  ])('says that it does not know the rules of a policy that Nomad may reject: %s', async (rules) => {
    const unknown = 'answered 501: the fake Nomad does not know the rules of this policy';
    await expect(nomad.admin.putPolicy('odd', rules)).rejects.toThrow(unknown);
  });
});
