const GRACE_MS = 400;

// A request of the toolkit, a DNS lookup and a connection that is still opening cannot be canceled. Calling process.exit immediately
// would abort Node 24 on Windows while V8 compiles in the background, and lose output that has not been read yet.
/** Lets the process end by itself, and forces the end after 400 ms: https://github.com/nodejs/node/issues/56645 */
export function endSoon(): void {
  setTimeout(() => process.stdout.write('', () => process.exit()), GRACE_MS).unref();
}
