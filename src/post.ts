import { writeSync } from 'node:fs';
import { endSoon } from './exit.js';
import { deleteFolder, readToken } from './outputs/state.js';
import { formatTime } from './times.js';

// Opening process.stdout would take a quarter of the CPU time of this step, and one line fits into any pipe.
const print = (line: string): void => void writeSync(1, `${line}\n`);

async function cleanUpToken(): Promise<void> {
  const token = readToken();
  if (token === null) {
    return;
  }
  const { accessorId, secretId = '', type, expirationTime, connection } = token;
  const name = `The ${type} token ${accessorId}`;
  const endMs = expirationTime === '' ? Infinity : Date.parse(expirationTime);
  if (endMs < Date.now()) {
    print(
      `${name} expired at ${formatTime(endMs)}, before the job ended. If a step needed it after that, raise MaxTokenTTL of the auth method, or log in again before that step.`,
    );
  } else if (connection !== undefined) {
    const { revokeToken } = await import('./nomad/revoke.js');
    await revokeToken(accessorId, secretId, connection);
  } else if (type === 'client') {
    const validity = endMs === Infinity ? 'never expires' : `stays valid until ${formatTime(endMs)}`;
    print(`${name} ${validity}: only management tokens can revoke themselves.`);
  }
}

// Most runs do not need the toolkit or the network code, and loading these takes most of the time.
async function warn(message: string): Promise<void> {
  const core = await import('@actions/core');
  core.warning(message);
}

try {
  deleteFolder(process.env['STATE_folder']);
} catch (error) {
  await warn(`The folder with the PEM files could not be deleted: ${(error as Error).message}`);
}
await cleanUpToken().catch(() =>
  warn('The state of this step cannot be read: its token, if any, is not revoked and stays valid until it expires.'),
);
endSoon();
