import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import * as core from '@actions/core';
import { type Deadline, formatSeconds, monotonicMs } from '../time.js';
import { Failure } from './failure.js';

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;
// For failures that are only retried for a part of the timeout.
const MAX_BRIEF_DELAY_MS = 1_000;
const LOG_AGAIN_MS = 10_000;

// Only Node 22.19, 24.5 and later can read the operating system's store and add it to the roots.
const { getCACertificates, setDefaultCACertificates } = tls as {
  getCACertificates?: (store: 'default' | 'system') => string[];
  setDefaultCACertificates?: (certificates: string[]) => void;
};
let isSystemTrusted = false;

/** Makes attempts until one succeeds or the catalogue says not to retry; throws the last Failure that explains the problem. */
export async function retry<T>(deadline: Deadline, attempt: (limitMs: number) => Promise<T>): Promise<T> {
  const startMs = monotonicMs();
  let loggedMs = -Infinity;
  let share = 0;
  let lastId = '';
  let lastTelling: Failure | undefined;
  let factor = 1;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt(Math.min(deadline.leftMs, factor * deadline.attemptMs));
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      const isTimeout = error.facts.code === 'NO_RESPONSE';
      // A slow server gets more time, up to all that is left.
      factor = isTimeout && error.facts.reached !== 'nothing' ? 2 * factor : 1;
      // An attempt that the deadline cuts short says less about the problem than the attempt before it. Timers can be early.
      const failure = isTimeout && deadline.leftMs < 10 ? (lastTelling ?? error) : error;
      lastTelling = failure;
      const { id, advice, kind } = failure;
      const ownShare = kind.retry ?? 0;
      // Reading the operating system's store takes longer than failing once.
      if (kind.useSystemTrust && trustSystemStore()) {
        core.debug("Node's root certificates cannot verify the server: trying those of the operating system as well");
        continue;
      }
      if (ownShare === 0) {
        throw failure;
      }
      // A server that has responded, was busy once, or whose failures change, is not a wrong address: it is busy or starting.
      const isNew = id !== lastId;
      const isStarting = failure.facts.reached === 'response' || (isNew && lastId !== '');
      share = isStarting ? 1 : Math.max(share, ownShare);
      lastId = id;
      const spentMs = monotonicMs() - startMs;
      const leftMs = Math.max(0, Math.min(deadline.leftMs, share * deadline.totalMs - spentMs));
      const { retryAfterMs } = failure.facts;
      // Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
      const maxDelayMs = Math.min(share === 1 ? MAX_DELAY_MS : MAX_BRIEF_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts);
      const delayMs = retryAfterMs + Math.random() * maxDelayMs;
      core.debug(`${id}: retry for ${formatSeconds(share * deadline.totalMs)}, ${formatSeconds(leftMs)} left`);
      if (delayMs >= leftMs) {
        const wait = retryAfterMs === 0 ? '' : `; the response asks for a wait of ${formatSeconds(retryAfterMs)}`;
        const tried = `${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'} in ${formatSeconds(spentMs)}${wait}`;
        throw new Failure(failure.event, `${failure.message} (${tried})`, failure.facts, failure.cause);
      }
      if (isNew || monotonicMs() - loggedMs >= LOG_AGAIN_MS) {
        // A wrong input may be the reason, and the user should not have to wait until the end to learn that.
        const hint = attempts === 1 && share < 1 ? ` If it keeps failing: ${advice}` : '';
        core.info(`${failure.message}. Retrying in ${formatSeconds(delayMs)} (${formatSeconds(leftMs)} left).${hint}`);
        loggedMs = monotonicMs();
      }
      await sleep(delayMs);
    }
  }
}

// Adds the operating system's root certificates to those of this process; returns false if it did so before, or Node cannot.
function trustSystemStore(): boolean {
  if (isSystemTrusted || getCACertificates === undefined || setDefaultCACertificates === undefined) {
    return false;
  }
  isSystemTrusted = true;
  setDefaultCACertificates([...getCACertificates('default'), ...getCACertificates('system')]);
  return true;
}
