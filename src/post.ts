import { trimFraction } from './deadline.js';
import { endSoon } from './exit.js';
import { deletePem } from './outputs/files.js';
import { readFiles, readToken } from './outputs/state.js';

async function cleanUp(): Promise<void> {
  for (const file of readFiles()) {
    try {
      if (!deletePem(file)) {
        await warn('A file that this step wrote is no longer in RUNNER_TEMP, so it is not deleted.');
      }
    } catch (error) {
      await warn(`A PEM file could not be deleted: ${(error as Error).message}`);
    }
  }
  const token = readToken();
  if (token === undefined) {
    await warn(
      'The state of this step cannot be read: its token, if any, is not revoked and stays valid until it expires.',
    );
  } else if (token?.secretId !== undefined) {
    const { revokeToken } = await import('./revocation.js');
    await revokeToken({ ...token, secretId: token.secretId });
  } else if (token?.type === 'client') {
    const end = trimFraction(token.expirationTime);
    const validity = end === '' ? 'never expires' : `stays valid until ${end}`;
    console.log(`The client token ${token.accessorId} ${validity}: only management tokens can revoke themselves.`);
  }
}

// Most runs do not need the toolkit or the network code, and loading these takes most of the time.
async function warn(message: string): Promise<void> {
  const core = await import('@actions/core');
  core.warning(message);
}

await cleanUp();
endSoon();
