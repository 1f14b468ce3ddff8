import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { formatSeconds, type Deadline } from '../deadline.js';
import { findKind } from './catalogue.js';
import { Failure } from './failure.js';

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;
// For failures that are only retried for a few seconds.
const MAX_BRIEF_DELAY_MS = 1_000;

/**
 * Makes attempts, each limited to the given number of milliseconds, until one succeeds or the catalogue says not to retry.
 * Throws the last Failure that explains the problem, and adds the number of attempts to its message.
 */
export async function retry<T>(deadline: Deadline, attempt: (limitMs: number) => Promise<T>): Promise<T> {
  const startMs = performance.now();
  let retryS = 0;
  let lastTelling: Failure | undefined;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt(deadline.attemptMs);
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      const isTimeout = error.details.code === 'NO_RESPONSE';
      // An attempt that the deadline cuts short says less about the problem than the attempt before it.
      const failure = isTimeout && deadline.leftMs < 1 ? (lastTelling ?? error) : error;
      lastTelling = isTimeout ? lastTelling : error;
      const kind = findKind(failure);
      if (kind.retryS === 0) {
        throw failure;
      }
      // A server that was busy once is not a wrong address, whatever it does next.
      retryS = Math.max(retryS, kind.retryS);
      const spentMs = performance.now() - startMs;
      const leftMs = Math.min(deadline.leftMs, retryS * 1000 - spentMs);
      const { retryAfterMs } = failure.details.response ?? {};
      const delayMs = (retryAfterMs ?? 0) + jitter(attempts, retryS === Infinity ? MAX_DELAY_MS : MAX_BRIEF_DELAY_MS);
      const policy = retryS === Infinity ? 'until the deadline' : `for ${String(retryS)} s`;
      core.debug(`${kind.id}: retry ${policy}, ${formatSeconds(Math.max(0, leftMs))} left`);
      if (delayMs >= leftMs) {
        throw failure.with({}, describeEnd(attempts, spentMs, retryAfterMs));
      }
      // A wrong input may be the reason, and the user should not have to wait until the end to learn that.
      const hint = attempts === 1 && retryS !== Infinity ? ` If it keeps failing: ${kind.advice(Date.now())}` : '';
      core.info(`${failure.message}. Retrying in ${formatSeconds(delayMs)} (${formatSeconds(leftMs)} left).${hint}`);
      await sleep(delayMs);
    }
  }
}

// Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
function jitter(attempts: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, FIRST_DELAY_MS * 2 ** attempts);
}

function describeEnd(attempts: number, spentMs: number, retryAfterMs: number | undefined): string {
  const wait = retryAfterMs === undefined ? '' : `; the response asks for a wait of ${formatSeconds(retryAfterMs)}`;
  return ` (${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'} in ${formatSeconds(spentMs)}${wait})`;
}
