import { writeSync } from 'node:fs';
import { endSoon } from './exit.js';
import { deleteFolder, readToken } from './outputs/state.js';
import { formatTime } from './time.js';

async function cleanUpToken(state: string): Promise<void> {
  const { accessorId, secretId = '', type, expirationTime, connection } = readToken(state);
  if (Date.parse(expirationTime) < Date.now()) {
    // Opening process.stdout would take a quarter of the CPU time of this step, and one line fits into any pipe.
    writeSync(
      1,
      `The ${type} token ${accessorId} expired at ${formatTime(expirationTime)}, before the job ended. If a step needed it after that, raise MaxTokenTTL of the auth method, or log in again before that step.\n`,
    );
  } else if (connection !== undefined) {
    const { revokeToken } = await import('./nomad/revoke.js');
    await revokeToken(accessorId, secretId, connection);
  }
}

// Most runs do not need the toolkit or the network code, and loading these takes most of the time.
async function warn(message: string): Promise<void> {
  const core = await import('@actions/core');
  core.warning(message);
}

// As core.getState does. Most post steps do not need to load the toolkit.
const { STATE_folder: folder, STATE_token: token } = process.env;
try {
  deleteFolder(folder);
} catch (error) {
  await warn(`The folder with the PEM files could not be deleted: ${(error as Error).message}`);
}
if (token) {
  await cleanUpToken(token).catch(() =>
    warn('The state of this step cannot be read: its token, if any, is not revoked and stays valid until it expires.'),
  );
}
endSoon();
