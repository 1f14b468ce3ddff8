import { rmSync } from 'node:fs';
import * as core from '@actions/core';
import type { Nomad } from './nomad.js';
import type { NomadToken } from './token.js';

/** What the main step leaves for the post step to clean up. */
interface Leftovers {
  files: string[];
  /** A token that can delete itself. */
  revocable?: { accessorId: string; secretId: string };
  /** When the token expires that cannot, and which it is. */
  expiring?: { accessorId: string; expirationTime: string };
}

const STARTED = 'isPost';
const LEFTOVERS = 'leftovers';

/** Tells whether the main step has run, and this is the post step. */
export function isPost(): boolean {
  return core.getState(STARTED) !== '';
}

/** Has the runner call this program again after the job, with nothing to clean up yet. */
export function announcePost(): void {
  save(STARTED, 'true');
}

/** Leaves what the post step is to clean up, and no more: the token itself only where it can delete itself. */
export function leave(files: string[], token: NomadToken, revokeToken: boolean): void {
  const { accessorId, secretId, expirationTime } = token;
  const leftovers: Leftovers = { files };
  if (token.type !== 'management') {
    leftovers.expiring = { accessorId, expirationTime };
  } else if (revokeToken) {
    leftovers.revocable = { accessorId, secretId };
  }
  save(LEFTOVERS, JSON.stringify(leftovers));
}

// Where a run by hand sets no such file, the toolkit would print the state, and with it the token.
function save(name: string, value: string): void {
  if (process.env['GITHUB_STATE']) {
    core.saveState(name, value);
  }
}

/** Deletes what the main step has left: files, and by way of Nomad the token; throws what could not be deleted. */
export async function cleanUp(openNomad: () => Nomad): Promise<void> {
  const saved = core.getState(LEFTOVERS);
  if (saved === '') {
    return;
  }
  const { files, revocable, expiring } = JSON.parse(saved) as Leftovers;
  try {
    files.forEach((file) => {
      rmSync(file, { force: true });
    });
  } finally {
    await letGo(revocable, expiring, openNomad);
  }
}

async function letGo(
  revocable: Leftovers['revocable'],
  expiring: Leftovers['expiring'],
  openNomad: () => Nomad,
): Promise<void> {
  if (expiring !== undefined) {
    core.info(
      `The client token ${expiring.accessorId} expires ${expiring.expirationTime || 'never'}: ` +
        'Nomad lets no client token delete itself.',
    );
  }
  if (revocable !== undefined) {
    const name = `The management token ${revocable.accessorId}`;
    const wasThere = await openNomad()
      .revoke(revocable)
      .catch((error: unknown) => {
        (error as Error).message = `${name} could not be deleted, and lives on. ${(error as Error).message}`;
        throw error;
      });
    core.info(`${name} ${wasThere ? 'is deleted' : 'was gone already'}.`);
  }
}
