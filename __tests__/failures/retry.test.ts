import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Deadline, formatSeconds, formatTime, withTimeout } from '../../src/deadline.js';
import { Failure } from '../../src/failures/failure.js';
import { retry } from '../../src/failures/retry.js';
import { skipWaits, useProcess } from '../support/in-process.js';

const BUSY = 'nomad 503 ';
const REFUSED = 'network ECONNREFUSED x';
const HUNG = 'network NO_RESPONSE';

const output = useProcess();
beforeEach(skipWaits);

/** Runs attempts on a clock that only they advance, by `ms` each; an attempt throws its failure, or succeeds without one. */
async function run(
  seconds: number,
  attempts: { sign?: string; ms?: number; retryAfterMs?: number }[],
): Promise<{ outcome: string; limits: number[]; lines: string[] }> {
  let clockMs = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => clockMs);
  const limits: number[] = [];
  output.text = '';
  const attempt = (limitMs: number): Promise<string> => {
    const { sign, ms = 0, retryAfterMs } = attempts[Math.min(limits.length, attempts.length - 1)] ?? {};
    limits.push(limitMs);
    clockMs += ms;
    const message = sign === HUNG ? 'It hung' : 'It failed';
    return sign === undefined
      ? Promise.resolve('done')
      : Promise.reject(new Failure(sign, message, { url: 'http://a.example.com', retryAfterMs }));
  };
  try {
    const outcome = await retry(new Deadline(seconds), attempt).catch(String);
    return { outcome, limits, lines: output.text.split('\n').filter((line) => line !== '' && !line.startsWith('::')) };
  } finally {
    clock.mockRestore();
  }
}

describe('retry', () => {
  test('returns the result of the first attempt that succeeds, after one log line for one reason', async () => {
    const { outcome, lines } = await run(60, [{ sign: BUSY }, { sign: BUSY }, {}]);
    expect(outcome).toBe('done');
    expect(lines).toEqual(['It failed. Retrying in 0.0 s (60.0 s left).']);
  });

  test('logs again if the reason changes, and every 10 seconds', async () => {
    const busy = [{ sign: BUSY }, { sign: BUSY, ms: 9_999 }, { sign: BUSY, ms: 1 }];
    const { lines } = await run(60, [...busy, { sign: 'nomad 429 x' }, { sign: 'nomad 429 x' }, {}]);
    expect(lines.map((line) => /\((.*) left\)/.exec(line)?.[1])).toEqual(['60.0 s', '50.0 s', '50.0 s']);
  });

  test('logs the advice with the first wait only, if a wrong input may be the reason, and its decision', async () => {
    const { lines } = await run(60, [{ sign: REFUSED }, { sign: REFUSED, ms: 2_000 }, { sign: REFUSED }, {}]);
    expect(lines).toEqual([
      expect.stringMatching(/^It failed\. Retrying in 0\.0 s \(10\.0 s left\)\. If it keeps failing: Nothing listens/),
    ]);
    expect(output.text).toContain('::debug::connection-refused: retry for 10.0 s, 8.0 s left');
  });

  test('waits for twice as long after each attempt, up to 5 s, or 1 s for an address that may be wrong', async () => {
    Math.random = () => 0.04;
    const waits = async (sign: string): Promise<string[]> => {
      const { lines } = await run(600, [...Array.from({ length: 7 }, () => ({ sign, ms: 10_000 })), {}]);
      return lines.map((line) => /in (\d+\.\d) s/.exec(line)?.[1] ?? '');
    };
    // 4 % of 0.5, 1, 2, 4, 5, 5 and 5 s.
    expect(await waits(BUSY)).toEqual(['0.0', '0.0', '0.1', '0.2', '0.2', '0.2', '0.2']);
    expect(await waits(REFUSED)).toEqual(Array(7).fill('0.0'));
  });

  test('does not wait beyond the time that is left', async () => {
    Math.random = () => 0.999;
    // The first wait is 0.4995 s.
    expect((await run(60, [{ sign: BUSY, ms: 59_501 }])).outcome).toBe('Error: It failed (1 attempt in 59.5 s)');
    expect((await run(6, [{ sign: REFUSED, ms: 501 }])).outcome).toBe('Error: It failed (1 attempt in 0.5 s)');
  });

  test('ends after a sixth of the timeout if the server was never reached', async () => {
    const { outcome, limits } = await run(60, [{ sign: REFUSED, ms: 2_500 }]);
    expect(outcome).toBe('Error: It failed (4 attempts in 10.0 s)');
    expect(limits).toEqual(Array(4).fill(20_000));
  });

  test.each([
    ['it was busy', BUSY],
    ['its failures change', 'network ECONNRESET x'],
  ])('gives a server the whole timeout once %s', async (_, sign) => {
    const { outcome } = await run(60, [{ sign }, { sign: REFUSED, ms: 20_000 }]);
    expect(outcome).toBe('Error: It failed (4 attempts in 60.0 s)');
  });

  test('throws after one attempt if the failure is never retried', async () => {
    expect(await run(60, [{ sign: 'nomad 403 x' }])).toMatchObject({ outcome: 'Error: It failed', lines: [] });
  });

  test('adds a wait that the response asks for, or fails if that is longer than the time that is left', async () => {
    const { lines } = await run(60, [{ sign: BUSY, retryAfterMs: 60 }, {}]);
    expect(lines).toEqual(['It failed. Retrying in 0.1 s (60.0 s left).']);
    const { outcome } = await run(60, [{ sign: BUSY, retryAfterMs: 3_600_000 }]);
    expect(outcome).toBe('Error: It failed (1 attempt in 0.0 s; the response asks for a wait of 3600.0 s)');
  });

  test('throws the last response if the deadline cuts the last attempt short', async () => {
    const hung = { sign: HUNG, ms: 20_000 };
    expect((await run(60, [{ sign: BUSY, ms: 1_000 }, hung])).outcome).toBe('Error: It failed (4 attempts in 61.0 s)');
    expect(await run(60, [hung])).toMatchObject({
      outcome: 'Error: It hung (3 attempts in 60.0 s)',
      limits: [20_000, 20_000, 20_000],
    });
  });

  test('rethrows an error that is not a Failure, and keeps the cause of a Failure', async () => {
    const cause = new Error('socket hang up');
    const attempt = (error: Error) => (): Promise<never> => Promise.reject(error);
    await expect(retry(new Deadline(60), attempt(cause))).rejects.toBe(cause);
    const failure = new Failure(BUSY, 'It failed', {}, cause);
    await expect(retry(new Deadline(0.01), attempt(failure))).rejects.toMatchObject({ cause });
  });
});

describe('a deadline', () => {
  test.each([
    [60, 20_000],
    [3600, 30_000],
  ])('of %d s limits an attempt to %d ms', (seconds, limitMs) => {
    expect(new Deadline(seconds).attemptMs).toBe(limitMs);
  });

  test('limits an attempt to what is left, and nothing is left afterwards', () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
    const deadline = new Deadline(60);
    clock.mockReturnValue(59_000);
    expect([deadline.leftMs, deadline.attemptMs]).toEqual([1_000, 1_000]);
    clock.mockReturnValue(61_000);
    expect([deadline.leftMs, deadline.attemptMs]).toEqual([0, 0]);
    clock.mockRestore();
  });

  test('ends a promise that hangs, but not one that settles before', async () => {
    const hang = new Promise<never>(() => undefined);
    await expect(withTimeout(5, hang, () => new Error('Too late'))).rejects.toThrow('Too late');
    await expect(withTimeout(60_000, Promise.resolve(7), () => new Error('Too late'))).resolves.toBe(7);
  });

  test('is shown with one decimal, and a time in whole seconds', () => {
    expect([formatSeconds(1_250), formatTime(1_790_000_060_999)]).toEqual(['1.3 s', '2026-09-21T14:14:20Z']);
  });
});
