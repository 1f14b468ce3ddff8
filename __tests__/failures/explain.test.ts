import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../../testbed/issuer.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { startFakeNomad } from '../../testbed/fake-nomad/fake-nomad.js';
import { readLogins, VERSIONS, type RecordedLogin } from '../support/recorded.js';

const METHODS = JSON.stringify([
  { Name: 'github', Type: 'JWT' },
  { Name: 'github-adv', Type: 'JWT' },
  { Name: 'people', Type: 'OIDC' },
]);

// The variables of the runner that say where the action comes from.
const ACTION = { GITHUB_ACTION_REPOSITORY: 'octocat/nomad-jwt-auth', GITHUB_ACTION_REF: 'v1' };
const PAGE = 'https://github.com/octocat/nomad-jwt-auth/blob/v1/docs/troubleshooting.md';

let issuer: Issuer;

beforeAll(async () => {
  issuer = await startIssuer();
});

afterAll(() => issuer.close());

/** Checks the properties of every refusal, and returns its text. */
function readError(result: StageResult): string {
  const errors = result.annotations.filter(({ level }) => level === 'error');
  expect(result).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
  expect(errors).toHaveLength(1);
  const message = errors[0]?.message ?? '';
  expect(message.length).toBeLessThan(1500);
  expect(message).not.toMatch(/undefined|\[object|\n\s+at |(?<!\$)[{]\w+[}]|eyJ/);
  expect(result.masks.filter((secret) => result.printed.includes(secret))).toEqual([]);
  return message;
}

/** Logs in to a server that sends the given response to logins, and lists its methods. */
async function replay(response: RecordedLogin['response'], inputs: Record<string, string> = {}): Promise<StageResult> {
  const server = await listen((request, answer) => {
    if (request.method === 'GET') {
      answer.end(METHODS);
    } else {
      answer.writeHead(response.status, { location: '/elsewhere' }).end(response.body);
    }
  });
  try {
    const given = { url: server.url, timeout: '3', methodName: 'gihub', ...inputs };
    return await runMain({ inputs: given, env: { ...issuer.environment, ...ACTION } });
  } finally {
    await server.close();
  }
}

// The expected kind of each recorded refusal, and the words that its advice must contain.
const EXPECTED: Record<string, [id: string, ...words: string[]]> = {
  'method not found': ['method-not-found', 'methodName', 'these methods of type JWT: github, github-adv.'],
  'OIDC method': ['method-not-jwt', 'browser', 'methodName', 'github, github-adv'],
  'not a JWT': ['malformed-jwt', 'identityToken'],
  expired: [
    'jwt-expired',
    'The JWT expired at 2',
    's from now',
    'ClockSkewLeeway of the auth method gihub',
    '60 s if unset',
  ],
  'expired inside the default leeway': ['jwt-expired', 'ClockSkewLeeway'],
  'not yet valid': ['jwt-not-yet-valid', 'The JWT is valid from 2', 'ClockSkewLeeway'],
  'no exp, nbf, iat': ['jwt-without-times', 'exp', 'issuer'],
  'wrong key': ['signature-invalid', 'JWKSURL', GITHUB_ISSUER, 'kid'],
  'unknown kid': ['signature-invalid', 'JWKSURL', GITHUB_ISSUER],
  'alg none': ['algorithm-not-allowed', 'SigningAlgs'],
  'wrong issuer': ['issuer-mismatch', 'BoundIssuer', GITHUB_ISSUER, '_services/token'],
  'no rule matched': ['no-rule-matched', 'value.NAME', 'ClaimMappings', '/v1/acl/auth-method/gihub', 'does not exist'],
  'bound role and policy do not exist': ['no-rule-matched', 'nomad acl role list', 'nomad acl policy list'],
  'method without rules': ['no-rule-matched', 'nomad acl binding-rule list'],
  'mapped claim is a list': ['claim-not-a-single-value', 'ListClaimMappings', 'claim workflow'],
  'mapped claim is an object': ['claim-not-a-single-value', 'JSON pointer', '/workflow/NAME'],
  'unknown region': ['unknown-region', 'region'],
  'trailing slash in the path': ['login-not-found', 'url', '1.5.4'],
  'double slash in the path': ['redirect', 'url'],
  'audience bound and wrong': [
    'audience-mismatch',
    'BoundAudiences',
    'https://github.com/octo-org',
    'jwtGithubAudience',
  ],
  'audience bound, aud absent': ['audience-mismatch', 'BoundAudiences', 'jwtGithubAudience'],
  'bind name with a slash': ['bind-name-invalid', 'octo-org/octo-repo', 'letters, digits', 'repo-${value.repo_id}'],
  'bind name of an unmapped claim': ['bind-name-unknown-attribute', 'value.nope', 'ClaimMappings'],
  'token name of a claim that the JWT lacks': ['token-name-invalid', 'TokenNameFormat', 'value.run_id'],
  'token name with an unfinished variable': ['token-name-invalid', 'TokenNameFormat'],
  'token name that is too long': ['token-name-invalid', '256 characters'],
  'token name of a JWT that no rule matches': ['no-rule-matched'],
  'sub is an object': ['malformed-claims', 'wrong type'],
  'jti is a list': ['malformed-claims', 'wrong type'],
  'iss is a boolean': ['malformed-claims', 'wrong type'],
  'aud is a number': ['malformed-claims', 'wrong type'],
  'aud is null': ['malformed-claims', 'wrong type'],
  'exp is text': ['malformed-claims', 'wrong type'],
  'sub and exp have the wrong type': ['malformed-claims', 'wrong type'],
  'iss is absent': ['issuer-mismatch', 'BoundIssuer'],
  'token name of an unmapped claim': ['token-name-invalid', 'TokenNameFormat', 'value.nope'],
  'JWKS unreachable': ['keys-unavailable', 'JWKSURL', 'JWTValidationPubKeys'],
  'signing algorithm refused': ['algorithm-not-allowed', 'SigningAlgs', 'RS256'],
  'ACLs disabled': ['acl-disabled', 'acl { enabled = true }'],
  'too many connections': ['too-many-connections', 'http_max_conns_per_client', 'timeout'],
  'no leader': ['no-leader', 'nomad server members'],
  'plain HTTP to a TLS port': ['https-required', 'https://', 'caCertificate'],
};

// Responses to requests that the action never makes.
const NEVER_ASKED = /GET|empty|body is|lookup|revo|method list|PUT|policies|^self/;

describe.each(VERSIONS)('a refusal of Nomad %s', (version) => {
  const refusals = readLogins(version).filter(
    ({ name, response }) => response.status !== 200 && !NEVER_ASKED.test(name),
  );

  test.concurrent.each(refusals.map(({ name, response }) => [name, response] as const))(
    'is explained as the expected kind: %s',
    async (name, response) => {
      const message = readError(await replay(response));
      // Nomad before 1.8 does not distinguish an unsigned JWT from a forged one.
      const situation = name === 'alg none' && response.body.includes('failed to verify') ? 'wrong key' : name;
      const [id, ...words] = EXPECTED[situation] ?? ['no kind is expected for this situation'];
      expect(message.split('\n').at(-1)).toBe(`${PAGE}#${id}`);
      expect(words.filter((text) => !message.includes(text))).toEqual([]);
    },
  );
});

describe('after a refusal', () => {
  const noMatch = { status: 400, body: 'no role or policy bindings matched' };

  test("GitHub's claims are listed in a group by value", async () => {
    const { log } = await replay(noMatch);
    expect(log).toContain('▾ Claims of the JWT that Nomad refused\n');
    expect(log).toContain('\n- ref: "refs/heads/main"\n');
    expect(log).toContain('\n- repository_id: "74"\n');
  });

  test.each([
    'https://token.actions.githubusercontent.com/octo-enterprise',
    'https://github.example.com/_services/token',
    'https://token.actions.octo.ghe.com',
  ])('the claims of %s are also listed by value', async (iss) => {
    const { log } = await replay(noMatch, { identityToken: await issuer.issue({ claims: { iss } }) });
    expect(log).toContain('\n- ref: "refs/heads/main"\n');
  });

  test.each([
    'https://gitlab.example.com',
    'https://token.actions.githubusercontent.com.example.com',
    'https://gitlab.example.com/?https://token.actions.githubusercontent.com',
    undefined,
  ])('only the claims of %s that are never secret are listed by value', async (iss) => {
    const claims = { iss, email: 'monalisa@example.com', groups: ['staff'] };
    const { log } = await replay(noMatch, { identityToken: await issuer.issue({ claims }) });
    expect(log).toContain('\n- sub: "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"\n');
    expect(log).toMatch(/\n- exp: \d+\n/);
    expect(log).toContain('\n- email (value not shown)\n');
    expect(log).not.toMatch(/monalisa|staff/);
  });

  test('the claims are also listed if Nomad cannot use one of them as a name', async () => {
    const body = 'computed "role" bind name for bind target is invalid: "octo-org/octo-repo"';
    const { log } = await replay({ ...noMatch, status: 500, body });
    expect(log).toContain('\n- repository: ');
  });

  test('a claim is not executed as a workflow command', async () => {
    const claims = { ref: 'a\n::warning::b', 'x\n::error::y': 1, actor: '##[error]z' };
    const { annotations, log } = await replay(noMatch, { identityToken: await issuer.issue({ claims }) });
    expect(annotations).toHaveLength(1);
    expect(log).toContain('ref: "a\\n: :warning::b"');
  });

  test('the advice on the audience names the input with the JWT', async () => {
    const body = 'invalid audience (aud) claim: audience claim does not match any expected audience';
    const identityToken = await issuer.issue({ claims: { aud: ['a', 'b'] } });
    const message = readError(await replay({ ...noMatch, status: 401, body }, { identityToken }));
    expect(message).toContain('The aud claim of the JWT is ["a","b"].');
    expect(message).toContain('identityToken');
    expect(message).not.toContain('jwtGithubAudience');
  });
});

describe('a key that does not verify a JWT', () => {
  test('is named by its ID, even though the ID looks like a Nomad token', async () => {
    const body = 'error verifying token signature: failed to verify id token signature';
    const identityToken = await issuer.issue();
    const { kid } = JSON.parse(Buffer.from(identityToken.split('.')[0] ?? '', 'base64url').toString()) as {
      kid: string;
    };
    const message = readError(await replay({ status: 401, body }, { identityToken }));
    expect(message).toContain(`kid "${kid}"`);
  });
});

describe('a server that is not Nomad', () => {
  test.each([
    [200, '<!doctype html><title>Sign in</title>', ['does not contain a valid token', 'login page', 'url']],
    [403, '<html><head><title>403 Forbidden</title>', ['a web page (403 Forbidden)', 'extraHeaders']],
    [404, '<html>', ['a web page', '/v1/acl/login', '/ui']],
    [502, '<html><title>502 Bad Gateway</title></html>', ['load balancer', 'attempt']],
    [418, 'short and stout', ['(418)', 'short and stout']],
  ])('is recognized by its response: %d %s', async (status, body, expected) => {
    const message = readError(await replay({ status, body }));
    expect(expected.filter((text) => !message.includes(text))).toEqual([]);
  });
});

describe('a connection that fails', () => {
  const identityToken = 'e30.e30.x';
  const connect = async (env: Record<string, string>): Promise<string> =>
    readError(await runMain({ inputs: { identityToken, timeout: '1', url: '' }, env }));

  test('to the default address results in the advice to set the url', async () => {
    expect(await connect({})).toContain('The input url is not set');
  });

  test('to the default address results in the advice to pass NOMAD_ADDR in the url', async () => {
    const message = await connect({ NOMAD_ADDR: 'https://nomad.example.com' });
    expect(message).toContain('does not read NOMAD_ADDR (https://nomad.example.com)');
    expect(message).toContain('url: ${{ env.NOMAD_ADDR }}');
  });

  test.each([
    ['https://deploy:hunter2@nomad.example.com/?token=hunter2', 'NOMAD_ADDR (https://nomad.example.com)'],
    ['hunter2\n::add-mask::Nomad', 'NOMAD_ADDR (which is malformed)'],
  ])('to the default address repeats nothing secret of NOMAD_ADDR: %j', async (address, expected) => {
    const result = await runMain({
      inputs: { identityToken, timeout: '1', url: '' },
      env: { NOMAD_ADDR: address },
    });
    expect(readError(result)).toContain(expected);
    expect(result.printed).not.toContain('hunter2');
    expect(result.masks).toEqual(['e30.e30.x']);
  });

  test('to an unknown host results in an error with the host name', async () => {
    const message = readError(await runMain({ inputs: { identityToken, url: 'https://nomad.invalid', timeout: '1' } }));
    expect(message).toContain('This runner cannot resolve the host name nomad.invalid');
  });
});

describe('a job without an OIDC token', () => {
  const inputs = { url: 'http://127.0.0.1:1' };

  test('is told which permission to add', async () => {
    const message = readError(await runMain({ inputs }));
    expect(message).toContain('permissions:\n      contents: read\n      id-token: write');
  });

  test('is told that pull requests from forks do not get one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'event-'));
    const event = join(folder, 'event.json');
    await writeFile(event, JSON.stringify({ pull_request: { head: { repo: { fork: true } } } }));
    const message = readError(await runMain({ inputs, env: { GITHUB_EVENT_PATH: event } }));
    await rm(folder, { recursive: true });
    expect(message).toContain('pull requests from forks');
  });

  test('is told which variable to set outside GitHub Actions', async () => {
    const message = readError(await runMain({ inputs, env: { GITHUB_ACTIONS: '' } }));
    expect(message).toContain('INPUT_IDENTITYTOKEN');
  });
});

describe('an unknown auth method', () => {
  const inputs = (url: string): Record<string, string> => ({ identityToken: 'e30.e30.x', url });

  test('is explained without a list if the methods cannot be listed', async () => {
    const server = await listen((request, response) => {
      response.writeHead(request.method === 'GET' ? 403 : 400).end('auth-method "github" not found');
    });
    const message = readError(await runMain({ inputs: inputs(server.url) }));
    await server.close();
    expect(message).toContain('To list the methods, run: nomad acl auth-method list');
  });

  test('is explained by a second list if the first request for it has failed', async () => {
    let lists = 0;
    const server = await listen((request, response) => {
      if (request.method === 'POST') {
        response.writeHead(400).end('auth-method "gihub" not found');
      } else {
        lists += 1;
        response.end(lists === 1 ? 'No cluster leader' : METHODS);
      }
    });
    const message = readError(await runMain({ inputs: { url: server.url }, env: issuer.environment }));
    await server.close();
    expect(lists).toBe(2);
    expect(message).toContain('these methods of type JWT: github, github-adv.');
  });

  test('is explained by the lack of methods if the cluster has none', async () => {
    const nomad = await startFakeNomad();
    const message = readError(await runMain({ inputs: inputs(nomad.url) }));
    await nomad.close();
    expect(message).toContain('This cluster has no auth method of type JWT');
  });

  test('is explained by the first 20 methods of a long list', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => ({ Name: `method-${String(index)}`, Type: 'JWT' }));
    const server = await listen((request, response) => {
      response
        .writeHead(request.method === 'GET' ? 200 : 400)
        .end(request.method === 'GET' ? JSON.stringify(names) : 'auth-method "github" not found');
    });
    const message = readError(await runMain({ inputs: inputs(server.url) }));
    await server.close();
    expect(message).toContain('method-19 and 4980 more');
  });
});

describe('the link to the documentation', () => {
  test.each([
    ['is left out for a local action', { GITHUB_ACTION_REPOSITORY: '', GITHUB_ACTION_REF: '' }, undefined],
    ['names the version of the action', ACTION, PAGE],
    [
      'names the server that the workflow runs on',
      { ...ACTION, GITHUB_SERVER_URL: 'https://github.example.com' },
      PAGE.replace('github.com', 'github.example.com'),
    ],
    ['is left out if the ref is malformed', { ...ACTION, GITHUB_ACTION_REF: 'v1 ::x' }, undefined],
  ])('%s', async (_, env, page) => {
    const message = readError(await runMain({ inputs: { timeout: 'soon' }, env }));
    const last = message.split('\n').at(-1);
    expect(last).toBe(
      page === undefined
        ? 'Correct timeout under "with:" in the step that uses this action (outside a runner: the environment variable INPUT_TIMEOUT).'
        : `${page}#invalid-input`,
    );
  });
});
