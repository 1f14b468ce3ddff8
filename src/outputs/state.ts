import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Connection } from '../inputs/inputs.js';
import type { NomadToken } from '../nomad/token.js';

const FOLDER_PREFIX = 'nomad-jwt-auth-';
// Safe in a path and in a header.
const ID = /^[\da-f-]{36}$/i;

/** What the post step needs to know about a token: it revokes it if there is a `connection`, and otherwise tells when it expires. */
export interface SavedToken extends Pick<NomadToken, 'accessorId' | 'type' | 'expirationTime'> {
  secretId?: string;
  /** As the main step used it: the runner evaluates the inputs again for the post step, and they may have changed by then. */
  connection?: Connection;
}

/** Reads the token that the main step saved as this state; throws an error if it is malformed. */
export function readToken(state: string): SavedToken {
  const saved = JSON.parse(state) as SavedToken;
  const { accessorId, secretId = '', type, connection } = saved;
  const isSecretValid = connection === undefined || ID.test(secretId);
  if (!ID.test(accessorId) || !/^(client|management)$/.test(type) || !isSecretValid) {
    throw new Error('The saved token is malformed.');
  }
  return saved;
}

/** Creates a folder in the runner's temporary folder that only its owner can read, and returns its path. */
export function createFolder(): string {
  return mkdtempSync(join(findTempFolder(), FOLDER_PREFIX));
}

/** Deletes the folder that `createFolder` created, if any; throws an error for any other folder, and if it cannot be deleted. */
export function deleteFolder(path = ''): void {
  if (path === '') {
    return;
  }
  if (path !== join(findTempFolder(), basename(path)) || !basename(path).startsWith(FOLDER_PREFIX)) {
    throw new Error('it is not a folder of this action in RUNNER_TEMP');
  }
  rmSync(path, { recursive: true, force: true });
}

function findTempFolder(): string {
  return resolve(process.env['RUNNER_TEMP'] || tmpdir());
}
