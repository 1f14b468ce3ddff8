import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../deadline.js';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import type { Response } from '../http/response.js';
import { NomadApi, type ApiOptions } from './api.js';

const POLL_DELAY_MS = 100;
const MAX_POLLS = 10;

/**
 * Revokes a management token with the token itself; returns false if it no longer existed. Throws a Failure unless Nomad confirms
 * that it no longer knows the token.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#delete-token
 */
export async function revoke(
  options: ApiOptions,
  { accessorId, secretId }: { accessorId: string; secretId: string },
  deadline: Deadline,
): Promise<boolean> {
  const api = new NomadApi(options);
  try {
    const isDeleted = await retry(deadline, async (limitMs) => {
      const call = { method: 'DELETE', path: `/v1/acl/token/${accessorId}`, secretId } as const;
      const response = await api.send(call, limitMs);
      if (isUnknownToken(response)) {
        return false;
      }
      api.expectSuccess('Nomad refused to revoke the token', response);
      return true;
    });
    await confirm(api, secretId, deadline);
    return isDeleted;
  } finally {
    api.close();
  }
}

// A gateway in front of Nomad may have answered instead, and a follower learns of the deletion a few milliseconds later.
async function confirm(api: NomadApi, secretId: string, deadline: Deadline): Promise<void> {
  for (let polls = 1; polls <= MAX_POLLS && deadline.leftMs > 0; polls += 1) {
    const response = await api.send({ method: 'GET', path: '/v1/acl/token/self', secretId }, deadline.attemptMs);
    if (isUnknownToken(response)) {
      return;
    }
    await sleep(POLL_DELAY_MS);
  }
  throw new Failure('Nomad does not confirm that the token is revoked', { code: 'NOT_REVOKED' });
}

// Nomad's own messages for a token that does not exist: "not found" up to 1.8, and "Permission denied" since 1.10.
function isUnknownToken({ status, text }: Response): boolean {
  return (
    (status === 403 && /^(rpc error: )?Permission denied\s*$/.test(text)) ||
    (status === 404 && /^(rpc error: )?ACL token not found\s*$/.test(text))
  );
}
