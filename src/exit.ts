const GRACE_MS = 400;

/**
 * Lets the process end by itself, unless a DNS lookup hangs, which nothing can cancel. Calling process.exit at once would abort
 * Node 24 on Windows while V8 compiles in the background, and lose output that a slow reader has not read yet.
 * https://github.com/nodejs/node/issues/56645
 */
export function endSoon(): void {
  setTimeout(() => process.stdout.write('', () => process.exit()), GRACE_MS).unref();
}
