import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Deadline, withTimeout } from '../../src/deadline.js';
import { findKind } from '../../src/failures/catalogue.js';
import { Failure, type FailureDetails } from '../../src/failures/failure.js';
import { retry } from '../../src/failures/retry.js';
import { parseJwt } from '../../src/jwt.js';
import { captureStdout } from '../support/capture.js';

const NO_KEYS = 'error verifying token signature: fetching keys oidc: get keys failed Get "https://…": EOF';
const jwt = parseJwt('e30.e30.x') ?? { token: '', header: {}, claims: {} };

const UNCONNECTED = { code: '', hasResponded: false, hadConnected: false, isConnected: false };

const refusedBy = (peer: 'GitHub' | 'Nomad', status: number, body = ''): FailureDetails => ({
  target: { peer, url: 'https://nomad.example.com' },
  response: { status, body },
  login: { methodName: 'github', jwt, isJwtSupplied: true },
});

const cutOff = (code: string, more: Partial<FailureDetails['network']> = {}, url = 'http://a'): FailureDetails => ({
  target: { peer: 'Nomad', url },
  network: { ...UNCONNECTED, code, ...more },
});

const unreachedGithub = (code: string): FailureDetails => ({
  target: { peer: 'GitHub', url: 'https://github.example.com' },
  network: { ...UNCONNECTED, code },
});

const retryS = (details: FailureDetails): number => findKind(new Failure('It failed', details)).retryS;

describe('the retry policy', () => {
  test.each<[string, FailureDetails]>([
    ['too many requests', refusedBy('Nomad', 429)],
    ['a bad gateway', refusedBy('Nomad', 502)],
    ['an unavailable service', refusedBy('Nomad', 503)],
    ['a gateway timeout', refusedBy('Nomad', 504)],
    ['a cluster without a leader', refusedBy('Nomad', 500, 'No cluster leader')],
    ['a lost leader', refusedBy('Nomad', 500, 'rpc error: EOF')],
    ['a server that is not the leader', refusedBy('Nomad', 500, 'node is not the leader')],
    ['a dead leader', refusedBy('Nomad', 500, 'rpc error: failed to get conn: dial tcp: connection refused')],
    ['a busy leader', refusedBy('Nomad', 500, "rpc error: lead thread didn't get connection")],
    ['leadership lost meanwhile', refusedBy('Nomad', 500, 'leadership lost while committing log')],
    ['keys that Nomad could not fetch', refusedBy('Nomad', 401, NO_KEYS)],
    ['a reset by a server that has responded', cutOff('ECONNRESET', { hasResponded: true })],
    ['a close by a server that has responded', cutOff('UND_ERR_SOCKET', { hasResponded: true }, 'https://a')],
    [
      'a TLS handshake that is cut off after an earlier one was completed',
      cutOff('ECONNRESET', { hadConnected: true }, 'https://a'),
    ],
    ['no response', { ...cutOff(''), code: 'NO_RESPONSE' }],
    ['a request that was not sent', { ...cutOff(''), code: 'NOT_SENT' }],
    ['a proxy with too many requests', cutOff('UND_ERR_ABORTED', { proxyStatus: 429 })],
    ['a proxy with a bad gateway', cutOff('UND_ERR_ABORTED', { proxyStatus: 502 })],
    ['a proxy without a server', cutOff('UND_ERR_ABORTED', { proxyStatus: 503 })],
    ['a proxy with a gateway timeout', cutOff('UND_ERR_ABORTED', { proxyStatus: 504 })],
    ["GitHub's 500", refusedBy('GitHub', 500)],
    ["GitHub's 429", refusedBy('GitHub', 429)],
    ["a reset on GitHub's side", unreachedGithub('ECONNRESET')],
    ["a refused connection on GitHub's side", unreachedGithub('ECONNREFUSED')],
  ])('retries until the deadline: %s', (_, details) => {
    expect(retryS(details)).toBe(Infinity);
  });

  test.each<[string, FailureDetails]>([
    ['a reset by a server that has never responded', cutOff('ECONNRESET')],
    ['a close by a server that has never responded', cutOff('UND_ERR_SOCKET')],
    ['a TLS handshake that is cut off', cutOff('ECONNRESET', {}, 'https://a')],
    ['a reset after a TLS handshake', cutOff('ECONNRESET', { hadConnected: true, isConnected: true }, 'https://a')],
  ])('retries for 10 seconds, because the port may be wrong: %s', (_, details) => {
    expect(retryS(details)).toBe(10);
  });

  test.each<[string, FailureDetails]>([
    ['ECONNREFUSED', cutOff('ECONNREFUSED')],
    ['ETIMEDOUT', cutOff('ETIMEDOUT')],
    ['UND_ERR_CONNECT_TIMEOUT', cutOff('UND_ERR_CONNECT_TIMEOUT')],
    ['EAI_AGAIN', cutOff('EAI_AGAIN')],
    ['EHOSTUNREACH', cutOff('EHOSTUNREACH')],
    ['ENETUNREACH', cutOff('ENETUNREACH')],
    ['a close after the TLS handshake', cutOff('UND_ERR_SOCKET', {}, 'https://a')],
    ['a job that GitHub sees as pending', refusedBy('GitHub', 403, "Can't issue ID_TOKEN for job in 'Pending' state")],
    ['a job that GitHub sees as delayed', refusedBy('GitHub', 403, "Can't issue ID_TOKEN for job in 'Delayed' state")],
  ])('retries for 5 seconds, because a wrong input looks the same: %s', (_, details) => {
    expect(retryS(details)).toBe(5);
  });

  test.each<[string, FailureDetails]>([
    ['a bad request', refusedBy('Nomad', 400, 'no role or policy bindings matched')],
    ['a wrong audience', refusedBy('Nomad', 401, 'invalid audience (aud) claim')],
    ['a forbidden request', refusedBy('Nomad', 403)],
    ['a wrong address', refusedBy('Nomad', 404)],
    ['an invalid bind name', refusedBy('Nomad', 500, 'computed "role" bind name for bind target is invalid: ""')],
    ['the same from a follower', refusedBy('Nomad', 500, 'rpc error: computed "role" bind name x invalid: ""')],
    ['a claim that cannot be mapped', refusedBy('Nomad', 500, "rpc error: error converting claim 'x' to string")],
    ['an unknown region', refusedBy('Nomad', 500, 'No path to region')],
    ['an unknown host', cutOff('ENOTFOUND')],
    ['an unknown CA', cutOff('UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
    ['a certificate for another name', cutOff('ERR_TLS_CERT_ALTNAME_INVALID')],
    ['a response that is too long', { ...cutOff(''), code: 'RESPONSE_TOO_LONG' }],
    ["GitHub's refusal", refusedBy('GitHub', 403)],
    ["GitHub's refusal of the request token", refusedBy('GitHub', 403, 'The request token is not valid')],
    ["GitHub's response without a token", { code: 'INVALID_ISSUED_JWT' }],
    ["a certificate of GitHub's endpoint that is not trusted", unreachedGithub('SELF_SIGNED_CERT_IN_CHAIN')],
    ["an unknown host of GitHub's endpoint", unreachedGithub('ENOTFOUND')],
    ['a proxy that requires credentials', cutOff('UND_ERR_ABORTED', { proxyStatus: 407 })],
  ])('never retries: %s', (_, details) => {
    expect(retryS(details)).toBe(0);
  });
});

describe('an attempt', () => {
  test.each([
    ['a third of a short timeout', 60, 20_000],
    ['30 seconds of a long timeout', 3600, 30_000],
  ])('may take %s', (_, seconds, limitMs) => {
    expect(new Deadline(seconds).attemptMs).toBe(limitMs);
  });
});

describe('retry', () => {
  let stdout: ReturnType<typeof captureStdout>;

  beforeEach(() => {
    stdout = captureStdout();
  });

  afterEach(() => {
    stdout.restore();
  });

  const fail = (details: FailureDetails): never => {
    throw new Failure('It failed', details);
  };
  const hang = (limitMs: number, promise: Promise<never> = new Promise(() => undefined)): Promise<never> =>
    withTimeout(limitMs, promise, () => new Failure('It hung', { ...cutOff(''), code: 'NO_RESPONSE' }));

  test('returns the result of the first attempt that succeeds, with one log line for each wait', async () => {
    let attempts = 0;
    const result = await retry(new Deadline(60), () =>
      Promise.resolve((attempts += 1)).then((n) => (n < 3 ? fail(refusedBy('Nomad', 503)) : 'done')),
    );
    expect(result).toBe('done');
    expect(attempts).toBe(3);
    const lines = stdout.text.split('\n').filter((line) => line !== '' && !line.startsWith('::debug::'));
    expect(lines).toHaveLength(2);
    expect(lines.join('\n')).toMatch(/^(It failed\. Retrying in \d\.\d s \(\d\d\.\d s left\)\.\n?){2}$/);
  });

  test('logs the advice with the first wait if a wrong input may be the reason', async () => {
    let attempts = 0;
    await retry(new Deadline(60), () =>
      Promise.resolve((attempts += 1)).then((n) => (n < 3 ? fail(cutOff('ECONNRESET')) : 'done')),
    );
    expect(stdout.text.match(/If it keeps failing: a closes connections/g)).toHaveLength(1);
  });

  test('logs its decision as a debug line', async () => {
    let attempts = 0;
    await retry(new Deadline(60), () =>
      Promise.resolve((attempts += 1)).then((n) => (n < 2 ? fail(refusedBy('Nomad', 429)) : 'done')),
    );
    expect(stdout.text).toMatch(/::debug::too-many-connections: retry until the deadline, \d\d\.\d s left/);
  });

  test('throws after one attempt if the failure is never retried', async () => {
    let attempts = 0;
    const attempt = (): Promise<never> => Promise.resolve((attempts += 1)).then(() => fail(refusedBy('Nomad', 403)));
    await expect(retry(new Deadline(60), attempt)).rejects.toThrow(/^It failed$/);
    expect(attempts).toBe(1);
  });

  test('rethrows an error that is not a Failure', async () => {
    const attempt = (): Promise<never> => Promise.reject(new TypeError('A mistake'));
    await expect(retry(new Deadline(60), attempt)).rejects.toThrow(/^A mistake$/);
  });

  test('ends at the deadline with the number of attempts, and keeps the cause', async () => {
    const cause = new Error('socket hang up');
    const attempt = (): Promise<never> => Promise.resolve().then(() => fail({ ...refusedBy('Nomad', 503), cause }));
    const error = await retry(new Deadline(1), attempt).catch((thrown: unknown) => thrown as Error);
    expect(String(error)).toMatch(/^Error: It failed \(\d+ attempts? in [01]\.\d s\)$/);
    expect(error.cause).toBe(cause);
  });

  test('does not wait beyond the deadline, and reports the wait that the response asks for', async () => {
    let attempts = 0;
    const details = { ...refusedBy('Nomad', 429), response: { status: 429, body: '', retryAfterMs: 3_600_000 } };
    const attempt = (): Promise<never> => Promise.resolve((attempts += 1)).then(() => fail(details));
    await expect(retry(new Deadline(60), attempt)).rejects.toThrow(
      'It failed (1 attempt in 0.0 s; the response asks for a wait of 3600.0 s)',
    );
    expect(attempts).toBe(1);
  });

  test('gives a server the whole deadline once it has shown that it is busy', async () => {
    let attempts = 0;
    const attempt = (): Promise<never> =>
      Promise.resolve((attempts += 1)).then((n) => fail(n === 1 ? refusedBy('Nomad', 429) : cutOff('ECONNREFUSED')));
    await expect(retry(new Deadline(1), attempt)).rejects.toThrow(/^It failed/);
    expect(/connection-refused: retry until the deadline/.exec(stdout.text)).not.toBeNull();
  });

  test('throws the response of an earlier attempt if the deadline cuts the last one short', async () => {
    const respondIn300Ms = (): Promise<never> => sleep(300).then(() => fail(refusedBy('Nomad', 503)));
    const attempt = (limitMs: number): Promise<never> => hang(limitMs, respondIn300Ms());
    await expect(retry(new Deadline(1), attempt)).rejects.toThrow(/^It failed \(\d attempts? in/);
  });

  test('limits an attempt to a third of the timeout', async () => {
    const limits: number[] = [];
    const attempt = (limitMs: number): Promise<never> => {
      limits.push(limitMs);
      return hang(limitMs);
    };
    await expect(retry(new Deadline(1), attempt)).rejects.toThrow(/^It hung \(\d attempts in/);
    expect(limits[0]).toBeCloseTo(1000 / 3);
    expect(limits.length).toBeGreaterThan(1);
  });
});
