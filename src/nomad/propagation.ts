import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { monotonicMs, type Deadline } from '../deadline.js';
import type { NomadApi } from './api.js';
import { readNames, type NomadToken } from './token.js';

const MAX_MS = 10_000;
const MIN_POLL_MS = 500;
const FIRST_DELAY_MS = 20;
const MAX_DELAY_MS = 500;

/** Waits until Nomad knows a new token; returns the names of its policies, including those of its roles, if Nomad lists them. */
export async function waitUntilUsable(
  nomad: NomadApi,
  { secretId, type, policies, roles }: NomadToken,
  deadline: Deadline,
): Promise<string[] | undefined> {
  const endMs = monotonicMs() + Math.min(MAX_MS, deadline.leftMs);
  const hasRoles = type === 'client' && roles.length > 0;
  const path = hasRoles ? '/v1/acl/policies' : '/v1/acl/token/self';
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
    const leftMs = endMs - monotonicMs();
    try {
      const { status, text } = await nomad.send({ method: 'GET', path, secretId }, Math.max(leftMs, MIN_POLL_MS));
      if (status === 200) {
        return hasRoles ? readNames(JSON.parse(text)) : policies;
      }
    } catch {
      // The connection failed, or a server in front of Nomad responded.
    }
    if (monotonicMs() >= endMs) {
      core.warning(
        'Nomad has created the token but does not accept it yet, so it may refuse the first requests of the next step.',
      );
      return undefined;
    }
    await sleep(delayMs);
  }
}
