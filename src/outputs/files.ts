import { randomUUID } from 'node:crypto';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

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

/** Deletes a file if `choosePath` can return its path; returns false if it cannot. */
export function deletePem(path: string): boolean {
  const name = basename(path);
  const isOurs = FILE.test(name) && path === join(findFolder(), name);
  if (isOurs) {
    rmSync(path, { force: true });
  }
  return isOurs;
}

/** Tells whether the runner has prepared a file for later steps; without it, the toolkit would print the content, even secrets. */
export function canReceive(file: 'GITHUB_ENV' | 'GITHUB_OUTPUT' | 'GITHUB_STATE'): boolean {
  const path = process.env[file];
  return Boolean(path) && statSync(path ?? '', { throwIfNoEntry: false })?.isFile() === true;
}

function findFolder(): string {
  return resolve(process.env['RUNNER_TEMP'] || tmpdir());
}
