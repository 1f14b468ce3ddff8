import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Deadline } from '../../src/time.js';
import { Failure, type Event } from '../../src/failures/failure.js';
import { retry } from '../../src/failures/retry.js';
import { skipWaits, URL_OF_NOMAD, useProcess } from '../support/in-process.js';

const BUSY: Event = { from: 'nomad', status: 503, text: '' };
const DENIED: Event = { from: 'nomad', status: 403, text: 'x' };
const REFUSED: Event = { to: 'nomad', code: 'ECONNREFUSED', reached: 'nothing' };
const RESET: Event = { to: 'nomad', code: 'ECONNRESET', reached: 'TCP' };
const CLOSED: Event = { ...RESET, reached: 'response' };
const HUNG: Event = { to: 'nomad', code: 'NO_RESPONSE', reached: 'TCP' };

const output = useProcess();
beforeEach(skipWaits);

/** The event of the failure, the duration, and the wait that the response asks for; no event means success. */
type Attempt = [event?: Event, ms?: number, retryAfterMs?: number];

/** Makes these attempts, the last again and again, on a clock that only they advance. */
async function run(
  seconds: number,
  ...attempts: Attempt[]
): Promise<{ outcome: string; limits: number[]; lines: string[] }> {
  let clockMs = 0;
  const clock = jest.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(clockMs) * 1_000_000n);
  const limits: number[] = [];
  output.text = '';
  const attempt = async (limitMs: number): Promise<string> => {
    const [event, ms = 0, retryAfterMs = 0] = attempts[limits.length] ?? attempts.at(-1) ?? [];
    limits.push(limitMs);
    clockMs += ms;
    if (event !== undefined) {
      throw new Failure(event, event === HUNG ? 'It hung' : 'It failed', { url: URL_OF_NOMAD, retryAfterMs });
    }
    return Promise.resolve('done');
  };
  const outcome = await retry(new Deadline(seconds), attempt).catch(String);
  clock.mockRestore();
  return { outcome, limits, lines: output.text.split('\n').filter((line) => /^[^:]/.test(line)) };
}

describe('retry', () => {
  test.each<[string, string[], ...Attempt[]]>([
    ['once for one reason', ['0.0 s (60.0 s left)'], [BUSY], [BUSY], []],
    ['if the reason changes', ['0.0 s (60.0 s left)', '0.0 s (55.0 s left)'], [BUSY], [RESET, 5_000], [RESET], []],
    ['every 10 seconds', ['0.0 s (60.0 s left)', '0.0 s (50.0 s left)'], [BUSY], [BUSY, 9_999], [BUSY, 1], []],
    ['that the response asks for', ['0.1 s (60.0 s left)'], [BUSY, 0, 60], []],
  ])('returns the result of the first attempt that succeeds, and logs the wait %s', async (_, waits, ...attempts) => {
    const lines = waits.map((wait) => `It failed. Retrying in ${wait}.`);
    expect(await run(60, ...attempts)).toMatchObject({ outcome: 'done', lines });
  });

  test('logs the advice with the first wait only, if a wrong input may be the reason, and its decision', async () => {
    const { lines } = await run(60, [REFUSED], [REFUSED, 2_000], [REFUSED], []);
    expect(lines).toEqual([
      expect.stringMatching(/^It failed\. Retrying in 0\.0 s \(10\.0 s left\)\. If it keeps failing: Nothing listens/),
    ]);
    expect(output.text).toContain('::debug::connection-refused: retry for 10.0 s, 8.0 s left');
  });

  test('waits for twice as long after each attempt, up to 5 s, or 1 s for an address that may be wrong', async () => {
    Math.random = () => 0.04;
    const waits = async (event: Event): Promise<string[]> => {
      const { lines } = await run(600, ...Array<Attempt>(7).fill([event, 10_000]), []);
      return lines.map((line) => /in (\d+\.\d) s/.exec(line)?.[1] ?? '');
    };
    // 4 % of 0.5, 1, 2, 4, 5, 5 and 5 s.
    expect(await waits(BUSY)).toEqual(['0.0', '0.0', '0.1', '0.2', '0.2', '0.2', '0.2']);
    expect(await waits(REFUSED)).toEqual(Array(7).fill('0.0'));
  });

  test('does not wait beyond the time that is left', async () => {
    Math.random = () => 0.999;
    // The first wait is 0.4995 s.
    expect((await run(60, [BUSY, 59_501])).outcome).toBe('Error: It failed (1 attempt in 59.5 s)');
    expect((await run(6, [REFUSED, 501])).outcome).toBe('Error: It failed (1 attempt in 0.5 s)');
  });

  test.each<[string, string, ...Attempt[]]>([
    ['a failure is never retried', 'It failed', [DENIED]],
    ['the server was never reached in a sixth of the timeout', 'It failed (4 attempts in 10.0 s)', [REFUSED, 2_500]],
    ['the timeout of a server that was busy ends', 'It failed (4 attempts in 60.0 s)', [BUSY], [REFUSED, 20_000]],
    ['the timeout ends and failures changed', 'It failed (4 attempts in 60.0 s)', [RESET], [REFUSED, 20_000]],
    ['the deadline cuts the last attempt short', 'It failed (2 attempts in 60.0 s)', [BUSY, 50_000], [HUNG, 10_000]],
    ['a whole attempt had no response either', 'It hung (4 attempts in 61.0 s)', [BUSY, 1_000], [HUNG, 20_000]],
    ['a server that has responded closes', 'It failed (3 attempts in 60.0 s)', [CLOSED, 20_000]],
    ['there was never a response', 'It hung (3 attempts in 60.0 s)', [HUNG, 20_000]],
    ['a wait is too long', 'It failed (1 attempt in 0.0 s; the response asks for a wait of 99.0 s)', [BUSY, 0, 99_000]],
  ])('fails if %s: %s', async (_, message, ...attempts) => {
    const { outcome, limits } = await run(60, ...attempts);
    expect(outcome).toBe(`Error: ${message}`);
    expect(limits[0]).toBe(20_000);
  });

  test('gives a slow server twice as much time after each attempt, up to all that is left', async () => {
    const far: Event = { ...HUNG, reached: 'nothing' };
    expect((await run(24, [HUNG, 8_000], [HUNG, 16_000])).limits).toEqual([8_000, 16_000]);
    const attempts: Attempt[] = [[HUNG, 30_000], [HUNG, 60_000], [BUSY], [HUNG, 30_000], [far, 60_000], []];
    expect((await run(3_600, ...attempts)).limits).toEqual([30_000, 60_000, 120_000, 30_000, 60_000, 30_000]);
  });

  test('rethrows an error that is not a Failure, and keeps the cause of a Failure', async () => {
    const cause = new Error('socket hang up');
    const attempt = (error: Error) => (): Promise<never> => Promise.reject(error);
    await expect(retry(new Deadline(60), attempt(cause))).rejects.toBe(cause);
    const failure = new Failure(BUSY, 'It failed', {}, cause);
    await expect(retry(new Deadline(0.01), attempt(failure))).rejects.toMatchObject({ cause });
  });
});
