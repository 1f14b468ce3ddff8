import { describe, expect, jest, test } from '@jest/globals';
import { Deadline, withTimeout } from '../src/time.js';

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
