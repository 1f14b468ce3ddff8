import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { fits, NO_ANSWER, RequestFailure, type FailureDetails, type FailurePattern } from './failure.js';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;
// How long to go on where a wrong input looks just like a passing fault.
const BRIEFLY_MS = 5_000;
const LONGEST_BRIEF_DELAY_MS = 1_000;
// A server that hangs once must not use up the whole timeout.
const ATTEMPTS_IN_TIMEOUT = 3;
const LONGEST_ATTEMPT_MS = 30_000;

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
  { code: /ECONNRESET|EPIPE|UND_ERR_SOCKET|NO_ANSWER/, patience: 'until the deadline' },
  {
    code: /EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|CONNECT_TIMEOUT|CLOSED_AFTER_HANDSHAKE/,
    patience: 'briefly',
  },
];

/** The time by which a login must be done. */
export class Deadline {
  readonly #totalMs: number;
  readonly #endMs: number;

  constructor(seconds: number) {
    this.#totalMs = seconds * 1000;
    this.#endMs = performance.now() + this.#totalMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#endMs - performance.now());
  }

  /** How long one attempt may take. */
  get attemptMs(): number {
    return Math.min(this.leftMs, this.#totalMs / ATTEMPTS_IN_TIMEOUT, LONGEST_ATTEMPT_MS);
  }
}

/** Attempts something, for so many milliseconds at a time, until it works; throws the last failure where it cannot come right, or not in time. */
export async function retry<T>(deadline: Deadline, attempt: (limitMs: number) => Promise<T>): Promise<T> {
  const startMs = performance.now();
  let isBusyServer = false;
  let lastAnswered: RequestFailure | undefined;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt(deadline.attemptMs);
    } catch (error) {
      if (!(error instanceof RequestFailure)) {
        throw error;
      }
      // An attempt that the deadline cuts short says less of what is wrong than the one before.
      const isCutShort = error.details.code === NO_ANSWER && deadline.leftMs < 1;
      const failure = isCutShort ? (lastAnswered ?? error) : error;
      lastAnswered = error.details.code === NO_ANSWER ? lastAnswered : error;
      const patience = findPatience(failure.details);
      const spentMs = performance.now() - startMs;
      // A server that has shown itself to be busy is no wrong address, whatever it does next.
      isBusyServer ||= patience === 'until the deadline';
      const leftMs = isBusyServer ? deadline.leftMs : Math.min(deadline.leftMs, BRIEFLY_MS - spentMs);
      const delayMs =
        (failure.details.retryAfterMs ?? 0) +
        jitter(attempts, isBusyServer ? LONGEST_DELAY_MS : LONGEST_BRIEF_DELAY_MS);
      if (patience === 'none' || delayMs >= leftMs) {
        failure.message += patience === 'none' ? '' : describeEnd(attempts, spentMs, failure.details.retryAfterMs);
        throw failure;
      }
      core.info(`${failure.message}. Trying again in ${seconds(delayMs)}, ${seconds(leftMs)} left.`);
      await sleep(delayMs);
    }
  }
}

/** Waits for a promise for so many milliseconds, and throws what `giveUp` returns where that is not enough. */
export async function limit<T>(ms: number, promise: Promise<T>, giveUp: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(giveUp());
    }, ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
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
  const asked = retryAfterMs === undefined ? '' : `; the answer asks to wait for ${seconds(retryAfterMs)}`;
  return ` (${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'} in ${seconds(spentMs)}${asked})`;
}

/** Writes milliseconds as seconds, for people. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
