import * as core from '@actions/core';
import { Deadline } from '../deadline.js';
import { explain } from '../failures/explain.js';
import { retry } from '../failures/retry.js';
import { maskHeader } from '../inputs/headers.js';
import type { Connection } from '../inputs/inputs.js';
import { maskKey } from '../inputs/pem.js';
import { mask } from '../secrets.js';
import { NomadApi } from './api.js';
import type { Response } from './response.js';

const MAX_S = 5;

/** Revokes a management token with itself and logs the outcome: https://developer.hashicorp.com/nomad/api-docs/acl/tokens#delete-token */
export async function revokeToken(
  name: string,
  { accessorId, secretId }: { accessorId: string; secretId: string },
  connection: Connection,
): Promise<void> {
  // This process has not masked them yet.
  mask(secretId);
  maskKey(connection.clientKey?.text ?? '');
  Object.values(connection.extraHeaders).forEach(maskHeader);
  try {
    const deadline = new Deadline(Math.min(MAX_S, connection.timeout));
    const nomad = new NomadApi(connection, deadline);
    try {
      const isDeleted = await revoke(nomad, accessorId, secretId, deadline);
      core.info(isDeleted ? `${name} is revoked.` : `${name} had already expired or been revoked.`);
    } finally {
      nomad.close();
    }
  } catch (error) {
    // The job itself is done.
    core.warning(`${name} could not be revoked and stays valid until it expires. ${explain(error)}`);
  }
}

// Returns false if the token no longer existed.
function revoke(nomad: NomadApi, accessorId: string, secretId: string, deadline: Deadline): Promise<boolean> {
  return retry(deadline, async (limitMs) => {
    const path = `/v1/acl/token/${accessorId}`;
    const response = await nomad.send({ method: 'DELETE', path, secretId }, limitMs);
    // A web page with status 200 does not come from Nomad.
    const isDeleted = response.status === 200 && response.text === '';
    if (!isDeleted && !isUnknownToken(response)) {
      throw nomad.refuse('Nomad refused to revoke the token', response);
    }
    return isDeleted;
  });
}

// Nomad's own messages for a token that does not exist: "not found" up to 1.8, and "Permission denied" since 1.10. Since 1.11, it
// says "expired" until it deletes an expired token.
function isUnknownToken({ status, text }: Response): boolean {
  const [, said = ''] = /^(?:rpc error: )?(.*?)\s*$/.exec(text) ?? [];
  return ['403 Permission denied', '404 ACL token not found', '500 ACL token expired'].includes(
    `${String(status)} ${said}`,
  );
}
