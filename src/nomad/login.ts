import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import type { Jwt } from '../github/identity.js';
import { Deadline, monotonicMs } from '../time.js';
import type { NomadApi } from './api.js';
import { explainResponse } from './explain.js';
import { isUnknownToken, parseToken, readAccessorId, readNames, type NomadToken } from './token.js';

// How long to wait until Nomad knows a new token.
const MAX_S = 10;
const MIN_POLL_MS = 500;
const FIRST_DELAY_MS = 20;
const MAX_DELAY_MS = 500;

/** Exchanges a JWT for an ACL token and masks it: https://developer.hashicorp.com/nomad/api-docs/acl/login */
export async function logIn(nomad: NomadApi, first: Jwt, methodName: string, deadline: Deadline): Promise<NomadToken> {
  let jwt = first;
  const attempt = async (limitMs: number): Promise<NomadToken> => {
    if (jwt.renewal !== undefined && monotonicMs() > jwt.renewal.dueMs) {
      jwt = await jwt.renewal.request(limitMs);
      core.info('Requested another JWT from GitHub, because the previous one has expired or will soon.');
    }
    const body = { AuthMethodName: methodName, LoginToken: jwt.token };
    const call = { method: 'POST', path: '/v1/acl/login', body } as const;
    const response = await nomad.send(call, Math.min(limitMs, deadline.leftMs));
    if (response.status !== 200) {
      const failure = explainResponse('Nomad refused the login', response, { ...nomad.facts, jwt, methodName });
      // Nomad's clock may be ahead of the issuer's.
      if (failure.facts.text.includes('(exp)') && jwt.renewal !== undefined && jwt === first) {
        jwt.renewal.dueMs = 0;
        return attempt(limitMs);
      }
      throw failure;
    }
    try {
      return parseToken(response.text);
    } catch {
      throw explainResponse("Nomad's response does not contain a valid token", response, nomad.facts);
    }
  };
  return retry(deadline, attempt);
}

/** Waits until Nomad knows a new token; returns the names of its policies, including those of its roles if Nomad lists them, or warns that it may not work. */
export async function waitUntilUsable(nomad: NomadApi, token: NomadToken, deadline: Deadline): Promise<string[]> {
  const { secretId, accessorId, type, policies, roles } = token;
  const limit = new Deadline(Math.min(MAX_S, deadline.leftMs / 1000));
  const ask = async <T>(path: string, parse: (body: unknown) => T, share = 1): Promise<T> => {
    const response = await nomad.send({ method: 'GET', path, secretId }, Math.max(share * limit.leftMs, MIN_POLL_MS));
    try {
      return parse(JSON.parse(response.status === 200 ? response.text : ''));
    } catch {
      throw explainResponse(`GET ${path} was answered`, response, nomad.facts);
    }
  };
  const hasRoles = type === 'client' && roles.length > 0;
  const listPolicies = (): Promise<string[] | undefined> =>
    ask('/v1/acl/policies', readNames, 1 / 3).catch(() => undefined);
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
    try {
      // Nomad also lists policies for the token of someone else, or for none.
      const names = hasRoles ? listPolicies() : policies;
      const seenId = await ask('/v1/acl/token/self', readAccessorId);
      if (seenId === accessorId) {
        // Not every server in front of Nomad answers two requests at once.
        const listed = (await names) ?? (await listPolicies());
        if (hasRoles && listed?.length === 0) {
          core.warning(
            `This token has no permissions: the policies of its roles (${roles.join(', ')}) do not exist. Create them, or link the roles to other policies.`,
          );
        }
        return listed ?? policies;
      }
      throw new Error(`something in between replaces or removes X-Nomad-Token, so that Nomad sees the token ${seenId}`);
    } catch (error) {
      const isTemporary = error instanceof Failure && (isUnknownToken(error) || (error.kind.retry ?? 0) > 0);
      if (!isTemporary || limit.leftMs === 0) {
        core.warning(
          `Nomad has created the token, but this step could not confirm that it works: ${(error as Error).message}. Later steps may be refused. A server in front of Nomad must pass on GET requests and the header X-Nomad-Token unchanged.`,
        );
        return policies;
      }
    }
    await sleep(delayMs);
  }
}
