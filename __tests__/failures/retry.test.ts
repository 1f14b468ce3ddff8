import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CLOSED_AFTER_HANDSHAKE, NO_ANSWER, RequestFailure, type FailureDetails } from '../../src/failure.js';
import { findPatience, retry } from '../../src/retry.js';
import { Deadline, limit } from '../../src/time.js';
import { captureStdout } from '../support/capture.js';

const NO_LEADER = 'No cluster leader';
const NO_KEYS = 'error verifying token signature: fetching keys oidc: get keys failed Get "https://…": EOF';

describe('what is tried again', () => {
  test.each<[string, FailureDetails]>([
    ['too many requests', { peer: 'Nomad', status: 429 }],
    ['a bad gateway', { peer: 'Nomad', status: 502 }],
    ['an unavailable service', { peer: 'Nomad', status: 503 }],
    ['a gateway timeout', { peer: 'proxy', status: 504 }],
    ['a cluster without a leader', { peer: 'Nomad', status: 500, said: NO_LEADER }],
    ['a lost leader', { peer: 'Nomad', status: 500, said: 'rpc error: EOF' }],
    [
      'a dead leader',
      { peer: 'Nomad', status: 500, said: 'rpc error: failed to get conn: dial tcp: connection refused' },
    ],
    [
      'a leader that many ask for',
      { peer: 'Nomad', status: 500, said: "rpc error: lead thread didn't get connection" },
    ],
    ['a leader that is lost meanwhile', { peer: 'Nomad', status: 500, said: 'leadership lost while committing log' }],
    ['keys that Nomad could not fetch', { peer: 'Nomad', status: 401, said: NO_KEYS }],
    ['a reset', { peer: 'Nomad', code: 'ECONNRESET' }],
    ['a connection closed without an answer', { peer: 'Nomad', code: 'UND_ERR_SOCKET' }],
    ['silence', { peer: 'Nomad', code: NO_ANSWER }],
    ["GitHub's 500", { peer: 'GitHub', status: 500 }],
    ["GitHub's 429", { peer: 'GitHub', status: 429 }],
    ["a reset on GitHub's side", { peer: 'GitHub' }],
    ["GitHub's silence", { peer: 'GitHub', code: NO_ANSWER }],
  ])('until the deadline: %s', (_, details) => {
    expect(findPatience(details)).toBe('until the deadline');
  });

  test.each([
    'ECONNREFUSED',
    'ETIMEDOUT',
    'UND_ERR_CONNECT_TIMEOUT',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    CLOSED_AFTER_HANDSHAKE,
  ])('briefly, because a wrong input looks the same: %s', (code) => {
    expect(findPatience({ peer: 'Nomad', code })).toBe('briefly');
  });

  test.each<[string, FailureDetails]>([
    ['a bad request', { peer: 'Nomad', status: 400, said: 'no role or policy bindings matched' }],
    ['a wrong audience', { peer: 'Nomad', status: 401, said: 'invalid audience (aud) claim' }],
    ['a forbidden request', { peer: 'Nomad', status: 403 }],
    ['a wrong address', { peer: 'Nomad', status: 404 }],
    ['a bind name that cannot be', { peer: 'Nomad', status: 500, said: 'computed "role" bind name for bind target' }],
    ['the same, told by a follower', { peer: 'Nomad', status: 500, said: 'rpc error: computed "role" bind name' }],
    ['a claim that cannot be mapped', { peer: 'Nomad', status: 500, said: "rpc error: error converting claim 'x'" }],
    ['an unknown region', { peer: 'Nomad', status: 500, said: 'No path to region' }],
    ['an unknown host', { peer: 'Nomad', code: 'ENOTFOUND' }],
    ['an unknown CA', { peer: 'Nomad', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }],
    ['a certificate for another name', { peer: 'Nomad', code: 'ERR_TLS_CERT_ALTNAME_INVALID' }],
    ['an answer that is too long', { peer: 'Nomad', code: 'undefined' }],
    ["GitHub's refusal", { peer: 'GitHub', status: 403 }],
    ["GitHub's answer without a token", { peer: 'GitHub', status: 200 }],
    ['a proxy that wants credentials', { peer: 'proxy', status: 407 }],
  ])('never: %s', (_, details) => {
    expect(findPatience(details)).toBe('none');
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

  const fail = (details: Partial<FailureDetails>): never => {
    throw new RequestFailure('It failed', { peer: 'Nomad', ...details });
  };

  test('returns what the first attempt that works returns, having said what it waited for', async () => {
    let attempts = 0;
    const result = await retry(new Deadline(60), () =>
      Promise.resolve((attempts += 1)).then((n) => (n < 3 ? fail({ status: 503 }) : 'done')),
    );
    expect(result).toBe('done');
    expect(attempts).toBe(3);
    expect(stdout.text).toMatch(/^(It failed\. Trying again in \d\.\d s, \d\d\.\d s left\.\n){2}$/);
  });

  test('throws at once what cannot come right', async () => {
    let attempts = 0;
    const attempt = (): Promise<never> => Promise.resolve((attempts += 1)).then(() => fail({ status: 403 }));
    await expect(retry(new Deadline(60), attempt)).rejects.toThrow(/^It failed$/);
    expect(attempts).toBe(1);
  });

  test('throws at once what is no failure of a request', async () => {
    const attempt = (): Promise<never> => Promise.reject(new TypeError('A mistake'));
    await expect(retry(new Deadline(60), attempt)).rejects.toThrow(/^A mistake$/);
  });

  test('ends at the deadline, and says how often it tried', async () => {
    const attempt = (): Promise<never> => Promise.resolve().then(() => fail({ status: 503 }));
    await expect(retry(new Deadline(1), attempt)).rejects.toThrow(/^It failed \(\d+ attempts? in [01]\.\d s\)$/);
  });

  test('does not wait for a time beyond the deadline, and says what was asked for', async () => {
    let attempts = 0;
    const attempt = (): Promise<never> =>
      Promise.resolve((attempts += 1)).then(() => fail({ status: 429, retryAfterMs: 3_600_000 }));
    await expect(retry(new Deadline(60), attempt)).rejects.toThrow(
      'It failed (1 attempt in 0.0 s; the answer asks to wait for 3600.0 s)',
    );
    expect(attempts).toBe(1);
  });

  test('throws what was answered before, rather than that the deadline cut an attempt short', async () => {
    const answerIn300Ms = (): Promise<never> => sleep(300).then(() => fail({ status: 503 }));
    const attempt = (limitMs: number): Promise<never> =>
      limit(limitMs, answerIn300Ms(), () => new RequestFailure('It hung', { peer: 'Nomad', code: NO_ANSWER }));
    await expect(retry(new Deadline(1), attempt)).rejects.toThrow(/^It failed \(\d attempts? in/);
  });

  test('gives each attempt a part of the time only', async () => {
    const limits: number[] = [];
    const attempt = (limitMs: number): Promise<never> => {
      limits.push(limitMs);
      return limit(
        limitMs,
        new Promise(() => undefined),
        () => new RequestFailure('It hung', { peer: 'Nomad', code: NO_ANSWER }),
      );
    };
    await expect(retry(new Deadline(1), attempt)).rejects.toThrow(/^It hung \(\d attempts in/);
    expect(limits[0]).toBeCloseTo(1000 / 3);
    expect(limits.length).toBeGreaterThan(1);
  });
});
