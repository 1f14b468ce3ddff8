const GRACE_MS = 400;

/**
 * Lets the process end by itself, but not wait for a DNS lookup that hangs, which nothing can cancel. To call process.exit while V8
 * compiles in the background aborts Node 24 on Windows, and loses output that a slow reader has not taken yet.
 * https://github.com/nodejs/node/issues/56645
 */
export function endSoon(): void {
  setTimeout(() => process.stdout.write('', () => process.exit()), GRACE_MS).unref();
}
