import { describe, expect, test } from '@jest/globals';
import { findKind } from '../../src/failures/catalogue.js';
import { render } from '../../src/failures/explain.js';
import { Failure, type Login, type Target } from '../../src/failures/failure.js';

const NOMAD: Target = { peer: 'Nomad', url: 'https://nomad.example.com' };
const GITHUB: Target = { peer: 'GitHub', url: 'https://github.example.com' };
const PROXY = { origin: 'http://proxy.example.com:3128', variable: 'HTTPS_PROXY' };
const PAGE = 'https://github.com/octocat/nomad-jwt-auth/blob/v1/docs/troubleshooting.md';

const failConnection = (code: string, target: Target): Failure =>
  new Failure('It failed', {
    target,
    network: { code, hasResponded: false, hadConnected: false, isConnected: false },
  });
const respond = (status: number, body: string, claims: Login['jwt']['claims'] = {}): Failure =>
  new Failure(`It failed (${String(status)}): ${body}`, {
    target: NOMAD,
    response: { status, body },
    login: { methodName: 'github', jwt: { token: '', header: {}, claims }, isJwtSupplied: false },
  });

describe('the kind of a failed connection', () => {
  test.each<[id: string, code: string, server: string, Target]>([
    ['untrusted-certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'Nomad', NOMAD],
    ['untrusted-certificate', 'SELF_SIGNED_CERT_IN_CHAIN', 'Nomad', NOMAD],
    ['server-name-unknown', 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'Nomad', NOMAD],
    ['server-name-unknown', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'Nomad', NOMAD],
    ['unknown-host', 'ENOTFOUND', 'Nomad', NOMAD],
    ['github-unknown-host', 'ENOTFOUND', 'GitHub', GITHUB],
    ['unknown-host', 'ENOTFOUND', 'GitHub behind a proxy', { ...GITHUB, proxy: PROXY }],
  ])('is %s for %s on the way to %s', (id, code, _, target) => {
    expect(findKind(failConnection(code, target)).id).toBe(id);
  });
});

describe('the kind of a response', () => {
  test.each([301, 302, 303, 307, 308])('is redirect for status %d', (status) => {
    expect(findKind(respond(status, '')).id).toBe('redirect');
  });
});

describe('the advice', () => {
  test('on a JWT that is not yet valid shows nbf, not iat', () => {
    const failure = respond(401, 'token not yet valid', { nbf: 1_790_000_060, iat: 1_790_000_000 });
    expect(findKind(failure).advice(1_790_000_000_000)).toContain(
      "valid from 2026-09-21T14:14:20Z, 60 s from now by this runner's clock",
    );
  });

  test('on a JWT that was issued in the future shows iat if there is no nbf', () => {
    const failure = respond(401, 'token issued in the future', { iat: 1_790_000_000 });
    expect(findKind(failure).advice(1_790_000_060_000)).toContain(
      "valid from 2026-09-21T14:13:20Z, 60 s ago by this runner's clock",
    );
  });

  test.each([
    ['octo-org/octo-repo', 'A role cannot be named "octo-org/octo-repo".'],
    ['', 'The name of the role is empty.'],
  ])('on the bind name %j says what is wrong with it', (name, advice) => {
    const failure = respond(500, `computed "role" bind name for bind target is invalid: "${name}"`);
    expect(findKind(failure).advice(0)).toContain(advice);
  });
});

describe('an annotation', () => {
  test('keeps the whole link if its text is too long', () => {
    const text = render(respond(500, 'x'.repeat(5_000)), PAGE);
    expect(text).toHaveLength(1_450);
    expect(text.split('\n').at(-1)).toBe(`${PAGE}#server-error`);
  });
});
