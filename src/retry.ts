import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { fits, NO_ANSWER, RequestFailure, type FailureDetails, type FailurePattern } from './failure.js';
import { formatSeconds, type Deadline } from './time.js';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;
// How long to go on where a wrong input looks just like a passing fault.
const BRIEFLY_MS = 5_000;
const LONGEST_BRIEF_DELAY_MS = 1_000;

interface Rule extends FailurePattern {
  patience: 'briefly' | 'until the deadline' | 'none';
}

// What is tried again and for how long: the first rule that fits decides, and what none fits is not.
const RULES: Rule[] = [
  { status: /429|502|503|504/, patience: 'until the deadline' },
  { peer: 'GitHub', status: /[24]../, patience: 'none' },
  { peer: 'GitHub', patience: 'until the deadline' },
  {
    // A cluster that has lost its leader has another one in seconds. That it is an "rpc error" says only that one
    // server asked another, who may have refused for good.
    status: /500/,
    said: /no cluster leader|not the leader|leadership|failed to get conn|lead thread|not ready to serve|connection re|broken pipe|timeout|EOF/i,
    patience: 'until the deadline',
  },
  { status: /401/, said: /fetching keys|get keys|unable to get validation keys/i, patience: 'until the deadline' },
  // A busy server sheds load by closing connections.
  { code: /ECONNRESET|EPIPE|UND_ERR_SOCKET|NO_ANSWER|NOT_SENT/, patience: 'until the deadline' },
  {
    code: /EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|CONNECT_TIMEOUT|CLOSED_AFTER_HANDSHAKE/,
    patience: 'briefly',
  },
];

/**
 * Attempts something until it works, each time for so many milliseconds.
 * Throws the last failure that says what is wrong, where it cannot come right or does not in time.
 */
export async function retry<T>(deadline: Deadline, attempt: (limitMs: number) => Promise<T>): Promise<T> {
  const startMs = performance.now();
  let isBusyServer = false;
  let lastTelling: RequestFailure | undefined;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt(deadline.attemptMs);
    } catch (error) {
      if (!(error instanceof RequestFailure)) {
        throw error;
      }
      const isSilence = error.details.code === NO_ANSWER;
      // An attempt that the deadline cuts short says less of what is wrong than the one before.
      const failure = isSilence && deadline.leftMs < 1 ? (lastTelling ?? error) : error;
      lastTelling = isSilence ? lastTelling : error;
      const patience = findPatience(failure.details);
      if (patience === 'none') {
        throw failure;
      }
      // A server that has shown itself to be busy is no wrong address, whatever it does next.
      isBusyServer ||= patience === 'until the deadline';
      const spentMs = performance.now() - startMs;
      const leftMs = isBusyServer ? deadline.leftMs : Math.min(deadline.leftMs, BRIEFLY_MS - spentMs);
      const { retryAfterMs } = failure.details;
      const delayMs = (retryAfterMs ?? 0) + jitter(attempts, isBusyServer ? LONGEST_DELAY_MS : LONGEST_BRIEF_DELAY_MS);
      if (delayMs >= leftMs) {
        failure.message += describeEnd(attempts, spentMs, retryAfterMs);
        throw failure;
      }
      core.info(`${failure.message}. Trying again in ${formatSeconds(delayMs)}, ${formatSeconds(leftMs)} left.`);
      await sleep(delayMs);
    }
  }
}

/** Tells how long it makes sense to go on after a failure. */
export function findPatience(details: FailureDetails): Rule['patience'] {
  return RULES.find((rule) => fits(rule, details))?.patience ?? 'none';
}

// Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
function jitter(attempts: number, longestMs: number): number {
  return Math.random() * Math.min(longestMs, FIRST_DELAY_MS * 2 ** attempts);
}

function describeEnd(attempts: number, spentMs: number, retryAfterMs: number | undefined): string {
  const asked = retryAfterMs === undefined ? '' : `; the answer asks to wait for ${formatSeconds(retryAfterMs)}`;
  return ` (${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'} in ${formatSeconds(spentMs)}${asked})`;
}
