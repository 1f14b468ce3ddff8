import type { Connection } from '../inputs/inputs.js';
import { UUID } from '../uuid.js';

/** What the post step does with a token: it revokes it if there is a `connection`, and otherwise tells when it expires. */
export interface SavedToken {
  accessorId: string;
  secretId?: string;
  type: string;
  expirationTime: string;
  /** As the main step used it: the runner evaluates the inputs again for the post step, and they may have changed by then. */
  connection?: Connection;
}

/** Reads the token that the main step saved; null if there is none. Throws an error if the state is malformed. */
export function readToken(): SavedToken | null {
  // Does the same as core.getState. Most post steps only print one line, and do not need to load the toolkit.
  const saved = JSON.parse(process.env['STATE_token'] || 'null') as SavedToken | null;
  if (saved === null) {
    return null;
  }
  const { accessorId, secretId = '', type, connection } = saved;
  const isSecretValid = connection === undefined || UUID.test(secretId);
  if (!UUID.test(accessorId) || !/^(client|management)$/.test(type) || !isSecretValid) {
    throw new Error('The saved token is malformed.');
  }
  return saved;
}
