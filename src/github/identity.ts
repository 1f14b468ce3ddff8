import { readFileSync } from 'node:fs';
import * as core from '@actions/core';
import { monotonicMs, withTimeout, type Deadline } from '../deadline.js';
import type { KindId } from '../failures/catalogue.js';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import type { Inputs } from '../inputs/inputs.js';
import { parseJwt, type Jwt } from '../jwt.js';
import { findProxy } from '../proxy.js';
import { mask } from '../secrets.js';
import { parseToolkitError } from './toolkit-error.js';

interface PullRequestEvent {
  pull_request: Record<'head' | 'base', { repo: { full_name: string } | null }>;
}

// As a share of the lifetime: four of GitHub's five minutes. The clocks of the runner and of the issuer may differ, so only the
// time since the JWT arrived counts.
const MAX_AGE = 0.8;

// Why a job cannot request a JWT, by the variable of its platform: Forgejo also sets GITEA_ACTIONS, and all set GITHUB_ACTIONS.
const REASONS: [variable: string, id: KindId, message: string][] = [
  ['ACT', 'no-token-endpoint', 'act does not issue OIDC tokens'],
  ['FORGEJO_ACTIONS', 'forgejo', 'This job is not allowed to request an OIDC token from Forgejo'],
  ['GITEA_ACTIONS', 'no-token-endpoint', 'This job cannot request an OIDC token from Gitea'],
  ['GITHUB_ACTIONS', 'missing-permission', 'This job is not allowed to request an OIDC token from GitHub'],
];

/** Returns the supplied JWT or, if there is none, an OIDC token that GitHub issues for this job; throws a Failure if neither is available. */
export async function getJwt(
  { identityToken, jwtGithubAudience }: Pick<Inputs, 'identityToken' | 'jwtGithubAudience'>,
  deadline: Deadline,
): Promise<Jwt> {
  if (identityToken === undefined) {
    return requestJwt(jwtGithubAudience, deadline);
  }
  const jwt = parseJwt(identityToken, true);
  if (jwt === undefined) {
    throw new Failure('malformed-jwt', 'Input identityToken is not a JWT');
  }
  return jwt;
}

// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
async function requestJwt(audience: string | undefined, deadline: Deadline): Promise<Jwt> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: endpoint = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer = '' } = process.env;
  if (!URL.canParse(endpoint) || bearer === '') {
    throw explainMissingEndpoint();
  }
  mask(bearer);
  const url = new URL(endpoint).origin;
  const facts = { url, proxy: findProxy(new URL(endpoint)) };
  const attempt = async (limitMs: number): Promise<Jwt> => {
    const token = await withTimeout(limitMs, getIdToken(audience)).catch((error: unknown) => {
      throw parseToolkitError(error as Error, facts);
    });
    const jwt = typeof token === 'string' ? parseJwt(token, false) : undefined;
    if (jwt === undefined) {
      throw parseToolkitError(new Error(), facts);
    }
    mask(jwt.token);
    const { exp, iat } = jwt.claims;
    const dueMs = monotonicMs() + MAX_AGE * 1000 * (Number(exp) - Number(iat));
    return { ...jwt, renewal: { dueMs, request: attempt } };
  };
  return retry(deadline, attempt);
}

let onUncaught: (error: unknown) => void = () => undefined;

// For some responses, the toolkit throws where its caller cannot catch the error. The value in a response can be anything.
function getIdToken(audience: string | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // An attempt that the toolkit never ends is still listening.
    process.off('uncaughtException', onUncaught).once('uncaughtException', reject);
    onUncaught = reject;
    void core
      .getIDToken(audience)
      .then(resolve, reject)
      .finally(() => process.off('uncaughtException', reject));
  });
}

/** Explains why there is no endpoint from which this job can request a JWT. */
export function explainMissingEndpoint(): Failure {
  const [variable, id, message] = REASONS.find(([name]) => process.env[name]) ?? [
    '',
    'no-token-endpoint',
    'This is not a GitHub Actions job',
  ];
  return variable === 'GITHUB_ACTIONS' && isFromFork()
    ? new Failure('fork-pull-request', 'GitHub does not issue OIDC tokens to pull requests from forks')
    : new Failure(id, message);
}

// The repository of a fork that was deleted is null. Other events, such as pull_request_target, get a token if the permission is granted.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
function isFromFork(): boolean {
  const { GITHUB_EVENT_NAME: event, GITHUB_EVENT_PATH: path = '' } = process.env;
  try {
    const { head, base } = (JSON.parse(readFileSync(path, 'utf8')) as PullRequestEvent).pull_request;
    return event !== 'pull_request_target' && head.repo?.full_name !== base.repo?.full_name;
  } catch {
    return false;
  }
}
