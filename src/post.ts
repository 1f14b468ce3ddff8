import { rmSync } from 'node:fs';
import * as core from '@actions/core';
import type { Nomad } from './nomad.js';
import type { NomadToken } from './token.js';

/** A token that the main step leaves; with its secret only where it can delete itself, and is to. */
interface LeftToken {
  accessorId: string;
  expirationTime: string;
  type: string;
  secretId?: string;
}

const STARTED = 'isPost';
const TOKEN = 'token';
const FILES = 'files';

/** Tells whether the main step has run, and this is the post step. */
export function isPost(): boolean {
  return core.getState(STARTED) !== '';
}

/** Has the runner call this program again after the job, with nothing to clean up yet. */
export function announcePost(): void {
  save(STARTED, 'true');
}

/** Leaves a token to the post step; its secret goes into the runner's state only where the token is to delete itself. */
export function leaveToken({ accessorId, secretId, type, expirationTime }: NomadToken, revokeToken: boolean): void {
  const isRevocable = type === 'management' && revokeToken;
  const left: LeftToken = { accessorId, expirationTime, type, ...(isRevocable && { secretId }) };
  save(TOKEN, JSON.stringify(left));
}

/** Leaves files to the post step, which may not have been written yet. */
export function leaveFiles(files: string[]): void {
  save(FILES, JSON.stringify(files));
}

// Where a run by hand sets no such file, the toolkit would print the state, and with it the token.
function save(name: string, value: string): void {
  if (process.env['GITHUB_STATE']) {
    core.saveState(name, value);
  }
}

/** Deletes what the main step has left: files, and by way of Nomad the token; throws what could not be deleted. */
export async function cleanUp(openNomad: () => Nomad): Promise<void> {
  const files = JSON.parse(core.getState(FILES) || '[]') as string[];
  const token = JSON.parse(core.getState(TOKEN) || 'null') as LeftToken | null;
  for (const file of files) {
    try {
      rmSync(file, { force: true });
    } catch (error) {
      core.warning(`The file ${file} could not be deleted: ${(error as Error).message}`);
    }
  }
  if (token !== null) {
    await letGo(token, openNomad);
  }
}

async function letGo({ accessorId, expirationTime, type, secretId }: LeftToken, openNomad: () => Nomad): Promise<void> {
  const name = `The ${type} token ${accessorId}`;
  if (type === 'client') {
    core.info(`${name} expires ${expirationTime || 'never'}: Nomad lets no client token delete itself.`);
  }
  if (secretId !== undefined) {
    const wasThere = await openNomad()
      .revoke({ accessorId, secretId })
      .catch((error: unknown) => {
        (error as Error).message = `${name} could not be deleted, and lives on. ${(error as Error).message}`;
        throw error;
      });
    core.info(`${name} ${wasThere ? 'is deleted' : 'was gone already'}.`);
  }
}
