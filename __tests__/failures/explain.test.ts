import { describe, expect, test } from '@jest/globals';
import { refuse } from '../../scripts/samples.js';
import { explain, render } from '../../src/failures/explain.js';
import { Failure, type Facts, type Reached } from '../../src/failures/failure.js';
import { jwtWith, URL_OF_NOMAD, useProcess } from '../support/in-process.js';

const SECONDS = 1_790_000_060;
const KNOWN = { methodName: 'gihub', now: SECONDS * 1000 };
const ALTNAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
const UNTRUSTED = 'SELF_SIGNED_CERT_IN_CHAIN';
const PROXY = { origin: 'http://a.com', variable: 'HTTPS_PROXY' };
const NO_RULE = 'no role or policy bindings matched';

const output = useProcess();

const certificate = (names: string[]): Partial<Facts> => ({ certificate: { names, issuer: '', validity: '' } });
const cas = (...names: string[]): Partial<Facts> => ({ caCertificate: { names } });

// docs/troubleshooting.md shows the other advice, on a sample of each kind.
describe('the advice on a connection', () => {
  test.each<[string, string, Reached, Partial<Facts>, string]>([
    ['a client of Nomad', ALTNAME, 'TCP', certificate(['client.eu.nomad']), 'In the input url, use'],
    ['10 names', ALTNAME, 'TCP', certificate(Array<string>(10).fill('a')), 'is valid: a, a, a, a, a, a, a, a, a, a.'],
    ['another CA', UNTRUSTED, 'TCP', cas('A', 'B'), 'by another CA, and the input caCertificate contains: A'],
    ['11 CAs', UNTRUSTED, 'TCP', cas(...Array<string>(11).fill('a')), 'a, a and 1 more. Add the CA that'],
    ['CAs without names', UNTRUSTED, 'TCP', cas(), 'caCertificate contains: CAs without a common name. Add'],
    ['an unknown time', 'CERT_HAS_EXPIRED', 'TCP', {}, 'or of its CA, has expired or is not yet valid. Renew it'],
    ['the default', 'ECONNREFUSED', 'nothing', { url: 'http://localhost:4646' }, 'localhost is the runner itself'],
    ['port 80', 'ECONNRESET', 'TCP', { url: 'http://a.com' }, 'a.com:80 closes'],
    ['port 443', 'ECONNRESET', 'TCP', { url: 'https://a.com' }, 'a.com:443, or a firewall'],
    ['no certificate', 'ECONNRESET', 'TLS', {}, 'set the inputs clientCertificate and clientKey'],
    ['a certificate', 'ECONNRESET', 'TLS', { clientCertificate: {} }, 'the one in the input clientCertificate'],
    ['a tunnel', 'ECONNRESET', 'TCP', { proxy: PROXY }, 'The proxy http://a.com (HTTPS_PROXY) accepts the conn'],
    ['a busy server', 'ECONNRESET', 'response', {}, 'Raise http_max_conns_per_client'],
    ['a proxy', 'NO_RESPONSE', 'TCP', { proxy: PROXY }, 'The proxy, or Nomad behind it, does'],
    ['a login that hangs', 'NO_RESPONSE', 'response', {}, 'answers other requests, but not the login in time'],
    ['a private name', 'ENOTFOUND', 'nothing', {}, 'set HTTPS_PROXY on the runner: no other variable'],
    ['a private name', 'ENOTFOUND', 'nothing', { url: 'http://a.com' }, 'set HTTP_PROXY on the runner: no other'],
  ])('says what to change for %s', (_, code, reached, facts, advice) => {
    const failure = new Failure({ to: 'nomad', code, reached }, 'It failed', { url: URL_OF_NOMAD, ...facts });
    expect(failure.advice).toContain(advice);
  });

  test.each([
    ['http://nomad.com', 'https://nomad.com/v1/acl/login', 'Set the input url to https://nomad.com.'],
    ['http://nomad.com/base', 'https://nomad.com:8443/x', 'Set the input url to https://nomad.com:8443/base.'],
    ['http://nomad.com', 'https://login.com/', 'from programs, such as a service token, in the input extraHeaders'],
    ['https://nomad.com', 'http://nomad.com/', 'Redirects are not followed'],
    ['http://nomad.com', '/ui/', 'without /ui or /v1'],
  ])('of %s is, for a redirect to %s: %s', (url, location, advice) =>
    expect(refuse(307, '', { url }, { location }).advice).toContain(advice),
  );
});

describe('the advice on a refusal', () => {
  const EXPIRED = 'invalid expiration time (exp) claim: token is expired';
  const AUDIENCE = 'invalid audience (aud) claim';
  const SIGNATURE = 'failed to verify id token signature';
  const named = (name: string): string => `computed "role" bind name for bind target is invalid: "${name}"`;
  const supplied = (claims: Record<string, unknown>): Partial<Facts> => ({ jwt: jwtWith(claims) });
  const issued = (claims: Record<string, unknown>): Partial<Facts> => ({
    jwt: { ...jwtWith(claims), renewal: { dueMs: 0, request: () => Promise.resolve(jwtWith()) } },
  });

  test.each<[status: number, text: string, Partial<Facts>, ...advice: string[]]>([
    [401, EXPIRED, supplied({}), 'an unreadable time'],
    [401, EXPIRED, supplied({ exp: 1e308 }), 'an unreadable time'],
    [401, AUDIENCE, supplied({ aud: { toJSON: {}, toString: 1 } }), 'JWT is {"toJSON":{},"toString":1}. Request'],
    [401, EXPIRED, issued({ exp: SECONDS - 1 }), 'the clock of the Nomad servers is wrong', 'ClockSkewLeeway'],
    [401, EXPIRED, supplied({ exp: SECONDS + 1 }), 'Correct the clocks of the issuer and of the Nomad servers.'],
    [401, '(iat) claim: x', supplied({ iat: SECONDS }), "iat of the JWT is 2026-09-21T14:14:20Z, and the runner's"],
    [401, AUDIENCE, supplied({ aud: ['a', 'b'] }), 'The aud claim of the JWT is ["a","b"]. Request', 'identityToken'],
    [401, AUDIENCE, issued({ aud: 'x'.repeat(201) }), `is "${'x'.repeat(199)}….`],
    [400, NO_RULE, issued({ ref: 'x'.repeat(101) }), `ref "${'x'.repeat(99)}….`],
    [500, named('x'.repeat(201)), {}, ` "${'x'.repeat(200)}…".`],
    [401, SIGNATURE, issued({ iss: 'https://a.com' }), '(iss "https://a.com", kid missing)'],
    [500, named(''), {}, 'A role cannot be named "".'],
    [403, '<html>', { proxy: PROXY }, 'The proxy http://a.com, a server in front of Nomad', 'If it requires a login'],
    [401, 'No entry', {}, "If this message is Nomad's,", 'pass what that server requires in the input extraHeaders'],
    [502, '', { proxy: PROXY }, 'or the proxy http://a.com (HTTPS_PROXY), cannot reach a Nomad server'],
    [500, 'No path to region', {}, 'The servers cannot reach the authoritative region'],
    [400, NO_RULE, issued({ repository: 'a/b', environment: 'c' }), 'has repository "a/b", environment "c". No'],
    [500, 'on several lines:\nEOF', {}, 'have no leader'],
    [500, '"a" list claim', {}, 'The claim a is not a list of single values.', 'pointer such as /a/NAME'],
  ])('with status %d and %j uses the facts %j', (status, text, facts, ...words) => {
    const { advice } = refuse(status, text, { ...KNOWN, ...facts });
    expect(words.filter((word) => !advice.includes(word))).toEqual([]);
  });

  test('of Nomad about a JWT of another system begins with the rule', () =>
    expect(refuse(400, NO_RULE, supplied({ sub: 'x' })).advice).toMatch(/^No binding rule of the auth/));
});

describe('the claims after a refusal', () => {
  const log = (claims: Record<string, unknown>, text = NO_RULE): string => {
    explain(refuse(400, text, { jwt: jwtWith(claims) }));
    return output.text;
  };

  test('are listed in a group, well-known ones by value and others by name, whoever the issuer', () => {
    const iss = 'https://a.example.com';
    const shown = { iss, ref: 'refs/heads/main', project_path: 'a/b', repo_property_team: 'x' };
    expect(log({ ...shown, email: 'monalisa@example.com', groups: ['staff'], repo_: 'z' })).toContain(
      [
        '::group::Claims of the JWT that Nomad refused',
        ...Object.entries(shown).map(([name, value]) => `- ${name}: "${value}"`),
        ...['email', 'groups', 'repo_'].map((name) => `- ${name} (value not shown)`),
        '::endgroup::\n',
      ].join('\n'),
    );
  });

  test('are listed up to the hundredth, with the first 100 characters of their names', () => {
    const names = Array.from({ length: 101 }, (_, index) => 'n'.repeat(101) + String(index));
    expect(log(Object.fromEntries(names.map((name) => [name, 1])))).toMatch(
      /\n(- n{100}… \(value not shown\)\n){100}- and 1 more\n/,
    );
  });

  test('are not listed if Nomad did not judge the JWT', () =>
    expect(log({ ref: 'a' }, 'ACL support disabled')).not.toContain('::group::'));

  test('are cut', () => expect(log({ sub: 'x'.repeat(600) })).toMatch(/- sub: "x{499}…\n/));
});

describe('the link of an annotation', () => {
  const PAGE = 'docs/troubleshooting.md#unexpected';
  const LINK = `\nhttps://github.com/octo-org/nomad-jwt-auth/blob/v1/${PAGE}`;
  const NO_LINK = 'open an issue with the log if it persists.';

  test.each([
    ['names the version of the action', 'octo-org/nomad-jwt-auth', 'v1', '', LINK],
    ['is the same on github.com', 'octo-org/nomad-jwt-auth', 'v1', 'https://github.com', LINK],
    ['is the name of the page on another server', 'octo-org/a', 'v1', 'https://a.com', `\nSee ${PAGE} of octo-org/a`],
    ['is left out for a local action', '', 'v1', '', NO_LINK],
    ['is left out if the version is unknown', 'octo-org/nomad-jwt-auth', '', '', NO_LINK],
  ])('%s', (_, GITHUB_ACTION_REPOSITORY, GITHUB_ACTION_REF, GITHUB_SERVER_URL, end) => {
    Object.assign(process.env, { GITHUB_ACTION_REPOSITORY, GITHUB_ACTION_REF, GITHUB_SERVER_URL });
    expect(explain(new Error('It failed')).endsWith(end)).toBe(true);
  });

  test('is kept whole if the text is too long', () => {
    Object.assign(process.env, { GITHUB_ACTION_REPOSITORY: 'octo-org/nomad-jwt-auth', GITHUB_ACTION_REF: 'v1' });
    const text = render(new Failure('unexpected', 'x'.repeat(2_000)));
    expect(text).toHaveLength(1_450);
    expect(text.endsWith(LINK)).toBe(true);
  });
});

describe('an error that is not a Failure', () => {
  test.each<[string, unknown, string]>([
    ['an Error', new TypeError('A mistake'), 'A mistake.\nThis action has no advice'],
    ['a text', 'A mistake.', 'A mistake.\nThis'],
    ['nothing', undefined, 'An unknown error.\n'],
    ['an Error without a message', new Error(''), 'An unknown error.\n'],
    ['an Error whose message is not a text', Object.assign(new Error(), { message: { toString: 1 } }), 'An unknown'],
  ])('is described: %s', (_, error, start) => expect(explain(error).startsWith(start)).toBe(true));

  test('is logged for step debugging with its causes', () => {
    const cause = Object.assign(new Error('It TWO'), { code: 'TWO' });
    explain(Object.assign(new Error('It ONE', { cause }), { code: 'ONE' }));
    expect(output.text).toContain('::debug::Failed: Error ONE: It ONE\n::debug::Caused by: Error TWO: It TWO\n');
  });
});
