import { describe, expect, jest, test } from '@jest/globals';
import { Deadline, formatSeconds, formatTime, withTimeout } from '../src/time.js';

describe('a deadline', () => {
  test('limits an attempt to a third of the timeout, to 30 s, and to what is left', () => {
    const clock = jest.spyOn(process.hrtime, 'bigint').mockReturnValue(0n);
    const deadline = new Deadline(60);
    expect([deadline.attemptMs, new Deadline(3600).attemptMs]).toEqual([20_000, 30_000]);
    clock.mockReturnValue(59_000_000_000n);
    expect([deadline.leftMs, deadline.attemptMs]).toEqual([1_000, 1_000]);
    clock.mockReturnValue(61_000_000_000n);
    expect([deadline.leftMs, deadline.attemptMs]).toEqual([0, 0]);
    clock.mockRestore();
  });

  test('ends a promise that hangs, but not one that settles before', async () => {
    const hang = new Promise<never>(() => undefined);
    await expect(withTimeout(5, hang)).rejects.toThrow('no response within 0.0 s');
    await expect(withTimeout(60_000, Promise.resolve(7))).resolves.toBe(7);
  });
});

test('a duration is shown with one decimal, and a time in whole seconds', () =>
  expect([formatSeconds(1_250), formatTime(1_790_000_060_999)]).toEqual(['1.3 s', '2026-09-21T14:14:20Z']));
