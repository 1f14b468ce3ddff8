import * as core from '@actions/core';
import { explain } from '../failures/explain.js';
import { retry } from '../failures/retry.js';
import { maskHeader } from '../inputs/headers.js';
import type { Connection } from '../inputs/inputs.js';
import { maskKey } from '../inputs/pem.js';
import { mask } from '../secrets.js';
import { Deadline } from '../time.js';
import { NomadApi } from './api.js';
import { explainResponse } from './explain.js';
import { isUnknownToken } from './token.js';

const MAX_S = 5;

/** Revokes a management token with itself and logs the outcome: https://developer.hashicorp.com/nomad/api-docs/acl/tokens#delete-token */
export async function revokeToken(accessorId: string, secretId: string, connection: Connection): Promise<void> {
  const name = `The management token ${accessorId}`;
  // This process has not masked them yet.
  mask(secretId);
  maskKey(connection.clientKey ?? '');
  Object.entries(connection.extraHeaders).forEach(maskHeader);
  const deadline = new Deadline(Math.min(MAX_S, connection.timeout));
  try {
    const nomad = new NomadApi(connection, deadline);
    const outcome = await retry(deadline, async (limitMs) => {
      const response = await nomad.send({ method: 'DELETE', path: `/v1/acl/token/${accessorId}`, secretId }, limitMs);
      // A web page with status 200 does not come from Nomad.
      if (response.status === 200 && response.text === '') {
        return 'is revoked';
      }
      const failure = explainResponse('Nomad refused to revoke the token', response, nomad.facts);
      // Nomad gives the same answer if something in between removes X-Nomad-Token, but then to any request.
      const self = { method: 'GET', path: '/v1/acl/token/self', secretId } as const;
      if (isUnknownToken(failure) && (await nomad.send(self, limitMs)).status !== 200) {
        return 'had already expired or been revoked';
      }
      throw failure;
    }).finally(() => nomad.close());
    core.info(`${name} ${outcome}.`);
  } catch (error) {
    // The job itself is done.
    core.warning(`${name} could not be revoked and stays valid until it expires. ${explain(error)}`);
  }
}
