import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const FILE = /^nomad-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.pem$/;

/** Returns the path of a PEM file in the runner's temporary folder that does not exist yet. */
export function choosePath(): string {
  return join(findFolder(), `nomad-${randomUUID()}.pem`);
}

/** Writes a PEM file that only its owner can read. */
export function writePem(path: string, pem: string): void {
  // "wx" fails if another process has already created the file.
  writeFileSync(path, pem.endsWith('\n') ? pem : `${pem}\n`, { mode: 0o600, flag: 'wx' });
}

/** Deletes a file if `choosePath` can return its path. */
export function deletePem(path: string): void {
  const folder = findFolder();
  const name = path.slice(folder.length + 1);
  if (FILE.test(name) && path === join(folder, name)) {
    rmSync(path, { force: true });
  }
}

function findFolder(): string {
  return resolve(process.env['RUNNER_TEMP'] || tmpdir());
}
