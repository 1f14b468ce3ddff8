import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../../testbed/issuer.js';
import { NomadAdmin } from '../../testbed/nomad-admin.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { startFakeNomad } from '../../testbed/fake-nomad/server.js';
import { readLogins, VERSIONS, type RecordedLogin } from '../support/recorded.js';

const METHODS = JSON.stringify([
  { Name: 'github', Type: 'JWT' },
  { Name: 'github-adv', Type: 'JWT' },
  { Name: 'people', Type: 'OIDC' },
]);

let issuer: Issuer;

beforeAll(async () => {
  issuer = await startIssuer();
});

afterAll(() => issuer.close());

/** Checks what holds for every refusal, and returns its text. */
function readError(result: StageResult): string {
  const errors = result.annotations.filter(({ level }) => level === 'error');
  expect(result).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
  expect(errors).toHaveLength(1);
  const message = errors[0]?.message ?? '';
  expect(message.length).toBeLessThan(1500);
  expect(message).not.toMatch(/undefined|\bat .*:\d+:\d+|[{]\w+[}]|eyJ/);
  expect(result.masks.filter((secret) => result.printed.includes(secret))).toEqual([]);
  return message;
}

/** Logs in to a server that answers logins as told, and lists its methods. */
async function replay(response: RecordedLogin['response'], inputs: Record<string, string> = {}): Promise<StageResult> {
  const server = await listen((request, answer) => {
    if (request.method === 'GET') {
      answer.end(METHODS);
    } else {
      answer.writeHead(response.status, { location: '/elsewhere' }).end(response.body);
    }
  });
  try {
    const given = { url: server.url, timeout: '1', methodName: 'gihub', ...inputs };
    return await runMain({ inputs: given, env: issuer.environment });
  } finally {
    await server.close();
  }
}

// What the advice for each recorded refusal must name.
const ADVICE: Record<string, string[]> = {
  'method not found': ['methodName', 'JWT methods of this cluster: github, github-adv.', 'The nearest is github.'],
  'OIDC method': ['browser', 'methodName', 'github, github-adv'],
  'not a JWT': ['identityToken'],
  expired: ['The JWT is valid until 2', 'ClockSkewLeeway', 'gihub'],
  'expired inside the default leeway': ['ClockSkewLeeway'],
  'not yet valid': ['The JWT is valid from 2', 'ClockSkewLeeway'],
  'no exp, nbf, iat': ['exp', 'issuer'],
  'wrong key': ['JWKSURL', GITHUB_ISSUER, 'kid'],
  'unknown kid': ['JWKSURL', GITHUB_ISSUER],
  'alg none': ['SigningAlgs'],
  'wrong issuer': ['BoundIssuer', GITHUB_ISSUER, '_services/token'],
  'no rule matched': ['nomad acl binding-rule list', 'does not exist', 'VerboseLogging'],
  'bound role and policy do not exist': ['nomad acl role list', 'nomad acl policy list'],
  'method without rules': ['nomad acl binding-rule list'],
  'mapped claim is a list': ['ListClaimMappings', 'claim workflow'],
  'mapped claim is an object': ['JSON pointer', '/workflow/name'],
  'unknown region': ['region'],
  'trailing slash in the path': ['url', '1.5.4'],
  'double slash in the path': ['url'],
  'audience bound and wrong': ['BoundAudiences', 'https://github.com/octo-org', 'jwtGithubAudience'],
  'audience bound, aud absent': ['BoundAudiences', 'jwtGithubAudience'],
  'bind name with a slash': ['octo-org/octo-repo', 'letters, digits and hyphens', 'repo-${value.repo_id}'],
  'bind name of an unmapped claim': ['value.nope', 'ClaimMappings'],
  'JWKS unreachable': ['JWKSURL', 'JWTValidationPubKeys'],
  'signing algorithm refused': ['SigningAlgs', 'RS256'],
  'ACLs disabled': ['acl { enabled = true }'],
  'too many connections': ['http_max_conns_per_client', 'timeout'],
  'no leader': ['nomad server members'],
  'plain HTTP to a TLS port': ['https://', 'caCertificate'],
};

// Answers to requests that the action never makes.
const NEVER_ASKED = /GET|empty|body is|lookup|revoke|method list|PUT/;

describe.each(VERSIONS)('what Nomad %s refuses', (version) => {
  const refusals = readLogins(version).filter(
    ({ name, response }) => response.status !== 200 && !NEVER_ASKED.test(name),
  );

  test.concurrent.each(refusals.map(({ name, response }) => [name, response] as const))(
    'is explained: %s',
    async (name, response) => {
      const message = readError(await replay(response));
      // Nomad 1.5 tells an unsigned JWT from a forged one no more than this.
      const situation = name === 'alg none' && version === '1.5.6' ? 'wrong key' : name;
      const expected = ADVICE[situation] ?? ['no advice is written for this situation'];
      expect(expected.filter((text) => !message.includes(text))).toEqual([]);
    },
  );
});

describe('after a refusal', () => {
  const noMatch = { status: 400, contentType: null, body: 'no role or policy bindings matched' };

  test("GitHub's claims are listed in a group by value", async () => {
    const { log } = await replay(noMatch);
    expect(log).toContain('▾ Claims of the JWT that was refused\n');
    expect(log).toContain('\nref: "refs/heads/main"\n');
    expect(log).toContain('\nrepository_id: "74"\n');
  });

  test.each([
    'https://token.actions.githubusercontent.com/octo-enterprise',
    'https://github.example.com/_services/token',
    'https://token.actions.octo.ghe.com',
  ])('so are those of %s', async (iss) => {
    const { log } = await replay(noMatch, { identityToken: await issuer.issue({ claims: { iss } }) });
    expect(log).toContain('\nref: "refs/heads/main"\n');
  });

  test.each(['https://gitlab.example.com', 'https://token.actions.githubusercontent.com.example.com', undefined])(
    'of %s only those that are no secret have values',
    async (iss) => {
      const claims = { iss, email: 'octocat@example.com', groups: ['staff'] };
      const { log } = await replay(noMatch, { identityToken: await issuer.issue({ claims }) });
      expect(log).toContain('\nsub: "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"\n');
      expect(log).toMatch(/\nexp: \d+\n/);
      expect(log).toContain('\nemail (value not shown)\n');
      expect(log).not.toMatch(/octocat|staff/);
    },
  );

  test('a claim cannot pass for a command', async () => {
    const claims = { ref: 'a\n::warning::b', 'x\n::error::y': 1, actor: '##[error]z' };
    const { annotations, log } = await replay(noMatch, { identityToken: await issuer.issue({ claims }) });
    expect(annotations).toHaveLength(1);
    expect(log).toContain('ref: "a\\n::warning::b"');
  });

  test('the audience is changed where the JWT comes from', async () => {
    const body = 'invalid audience (aud) claim: audience claim does not match any expected audience';
    const identityToken = await issuer.issue({ claims: { aud: ['a', 'b'] } });
    const message = readError(await replay({ ...noMatch, status: 401, body }, { identityToken }));
    expect(message).toContain(`The JWT's aud is ["a","b"].`);
    expect(message).toContain('identityToken');
    expect(message).not.toContain('jwtGithubAudience');
  });
});

describe('a key that does not fit', () => {
  test('is named by its id, though that looks like a Nomad token', async () => {
    const body = 'error verifying token signature: failed to verify id token signature';
    const identityToken = await issuer.issue();
    const { kid } = JSON.parse(Buffer.from(identityToken.split('.')[0] ?? '', 'base64url').toString()) as {
      kid: string;
    };
    const message = readError(await replay({ status: 401, contentType: null, body }, { identityToken }));
    expect(message).toContain(`(kid ${kid})`);
  });
});

describe('what is not Nomad', () => {
  test.each([
    [200, '<!doctype html><title>Sign in</title>', ['is no Nomad token', 'login page', 'url']],
    [403, '<html><head><title>403 Forbidden</title>', ['a web page (403 Forbidden)', 'extraHeaders']],
    [404, '<html>', ['a web page', '/v1/acl/login', '/ui']],
    [502, '<html><title>502 Bad Gateway</title></html>', ['load balancer', 'attempt']],
    [418, 'short and stout', ['(418)', 'short and stout']],
  ])('is recognized by its answer: %d %s', async (status, body, expected) => {
    const message = readError(await replay({ status, contentType: 'text/html', body }));
    expect(expected.filter((text) => !message.includes(text))).toEqual([]);
  });
});

describe('a connection that fails', () => {
  const identityToken = 'e30.e30.x';

  test('to the default address asks for the url', async () => {
    const result = await runMain({ inputs: { identityToken, timeout: '1', url: '' } });
    expect(readError(result)).toContain('The input url is not set.');
  });

  test('is explained by what is wrong with TLS', async () => {
    const authority = await createAuthority();
    const stranger = await createClientCertificate(await createAuthority('Another CA'));
    const certificate = await createServerCertificate(authority, ['server.global.nomad', 'nomad.example.com']);
    const expired = await startFakeNomad(await createServerCertificate(authority, ['127.0.0.1'], -1));
    const tls = await startFakeNomad(certificate);
    const mtls = await startFakeNomad({ ...certificate, ca: authority.cert, requestCert: true });
    const plain = await startFakeNomad();
    const trusted = { identityToken, caCertificate: authority.cert, tlsServerName: 'server.global.nomad' };
    const explain = async (inputs: Record<string, string>): Promise<string> => readError(await runMain({ inputs }));

    expect(await explain({ identityToken, url: tls.url })).toContain('Set the input caCertificate');
    expect(await explain({ ...trusted, tlsServerName: 'other.example.com', url: tls.url })).toMatch(
      /is for DNS:server\.global\.nomad, DNS:nomad\.example\.com, .*tlsServerName/,
    );
    expect(await explain({ ...trusted, tlsServerName: '', url: tls.url })).toContain(
      'not for 127.0.0.1. Set the input tlsServerName',
    );
    expect(await explain({ ...trusted, url: tls.url.replace('https', 'http'), timeout: '1' })).toContain('https://');
    expect(await explain({ ...trusted, tlsServerName: '', url: expired.url })).toMatch(/out of its time.* \(20\d\d-/);
    expect(await explain({ ...trusted, url: plain.url.replace('http', 'https') })).toContain('http://');
    expect(await explain({ ...trusted, url: mtls.url })).toContain('clientCertificate and clientKey');
    expect(
      await explain({ ...trusted, url: mtls.url, clientCertificate: stranger.cert, clientKey: stranger.key }),
    ).toMatch(/refuses the (certificate in the input clientCertificate|one it gets)/);
    await Promise.all([expired, tls, mtls, plain].map((server) => server.close()));
  });

  test('because the host is unknown asks for its spelling', async () => {
    const message = readError(await runMain({ inputs: { identityToken, url: 'https://nomad.invalid', timeout: '1' } }));
    expect(message).toContain('DNS does not know nomad.invalid');
  });
});

describe('a job without an OIDC token', () => {
  const inputs = { url: 'http://127.0.0.1:1' };

  test('is told which permission to add, and where', async () => {
    const message = readError(await runMain({ inputs }));
    expect(message).toContain('permissions:\n      contents: read\n      id-token: write');
  });

  test('is told so where a fork is the reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'event-'));
    const event = join(folder, 'event.json');
    await writeFile(event, JSON.stringify({ pull_request: { head: { repo: { fork: true } } } }));
    const message = readError(await runMain({ inputs, env: { GITHUB_EVENT_PATH: event } }));
    await rm(folder, { recursive: true });
    expect(message).toContain('pull request from a fork');
  });

  test('is told what to set where there is no job at all', async () => {
    const message = readError(await runMain({ inputs, env: { GITHUB_ACTIONS: '' } }));
    expect(message).toContain('INPUT_IDENTITYTOKEN');
  });
});

describe('a mistake in the cluster', () => {
  test('is explained without a list where the methods cannot be listed', async () => {
    const nomad = await startFakeNomad();
    await NomadAdmin.bootstrap(nomad.url);
    const inputs = { identityToken: await issuer.issue(), url: nomad.url };
    expect(readError(await runMain({ inputs }))).toContain('This cluster has no JWT methods');
    await nomad.close();
  });
});
