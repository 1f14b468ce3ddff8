import * as core from '@actions/core';
import { Deadline } from './deadline.js';
import { explain } from './failures/explain.js';
import { readInputs } from './inputs/inputs.js';
import { revoke } from './nomad/revoke.js';
import { mask } from './secrets.js';

const TIMEOUT_S = 5;

/** Revokes a token that the main step saved and logs the outcome; a failure is only a warning, because the job itself is done. */
export async function revokeToken(token: { accessorId: string; secretId: string; type: string }): Promise<void> {
  const name = `The ${token.type} token ${token.accessorId}`;
  try {
    mask(token.secretId);
    const wasThere = await revoke(readInputs(), token, new Deadline(TIMEOUT_S));
    core.info(wasThere ? `${name} is revoked.` : `${name} had already expired or been revoked.`);
  } catch (error) {
    core.warning(`${name} could not be revoked and stays valid until it expires. ${explain(error)}`);
  }
}
