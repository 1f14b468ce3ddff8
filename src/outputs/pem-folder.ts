import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

const PREFIX = 'nomad-jwt-auth-';

/** Creates a folder in the runner's temporary folder that only its owner can read, and returns its path. */
export function createFolder(): string {
  return mkdtempSync(join(findParent(), PREFIX));
}

/** Writes a PEM file that only its owner can read, and returns its path. */
export function writePem(folder: string, name: string, pem: string): string {
  const path = join(folder, name);
  writeFileSync(path, `${pem}\n`, { mode: 0o600, flag: 'wx' });
  return path;
}

/** Deletes a folder if `createFolder` can have created it; throws an error if it cannot be deleted. */
export function deleteFolder(path: string): void {
  if (path !== join(findParent(), basename(path)) || !basename(path).startsWith(PREFIX)) {
    throw new Error('it is not a folder of this action in RUNNER_TEMP');
  }
  rmSync(path, { recursive: true, force: true });
}

function findParent(): string {
  return resolve(process.env['RUNNER_TEMP'] || tmpdir());
}
