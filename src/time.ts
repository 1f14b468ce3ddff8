// A server that hangs once must not use up the whole timeout.
const ATTEMPTS_IN_TIMEOUT = 3;
const LONGEST_ATTEMPT_MS = 30_000;

/** The share of the timeout for which a server that cannot be reached is tried. */
export const SIXTH = 1 / 6;

/** The time by which a login must be complete. */
export class Deadline {
  readonly totalMs: number;
  readonly #endMs: number;

  constructor(seconds: number) {
    this.totalMs = seconds * 1000;
    this.#endMs = monotonicMs() + this.totalMs;
  }

  /** How many milliseconds are left; 0 after the deadline. */
  get leftMs(): number {
    return Math.max(0, this.#endMs - monotonicMs());
  }

  /** How many milliseconds one attempt may take. */
  get attemptMs(): number {
    return Math.min(this.leftMs, this.totalMs / ATTEMPTS_IN_TIMEOUT, LONGEST_ATTEMPT_MS);
  }
}

/** Returns the milliseconds of a clock that never jumps, without `performance`, which takes 2 % of a run's CPU time to load. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Waits for a promise for at most `ms` milliseconds, and then throws an error with the code NO_RESPONSE. */
export async function withTimeout<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error(`no response within ${formatSeconds(ms)}`), { code: 'NO_RESPONSE' });
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Formats milliseconds as seconds. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Formats a time, in milliseconds or as a text, as RFC 3339, in whole seconds. */
export function formatTime(time: number | string): string {
  const json = new Date(time).toJSON() as string | null;
  return json?.replace(/\.\d+/, '') ?? 'an unreadable time';
}
