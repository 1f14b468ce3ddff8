import assert from 'node:assert';
import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import type { Inputs } from '../inputs/inputs.js';
import { findProxy } from '../proxy.js';
import { mask } from '../secrets.js';
import { monotonicMs, withTimeout, type Deadline } from '../time.js';
import { parseToolkitError } from './toolkit-error.js';

// As a share of the lifetime: four of GitHub's five minutes. The clocks of the runner and of the issuer may differ, so only the
// time since the JWT arrived counts.
const MAX_AGE = 0.8;

/** A JWT and its contents, which are not verified here. */
export interface Jwt {
  token: string;
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  /** How to get another one, unless the input identityToken supplies it: `dueMs` is when to do so, on the clock of `monotonicMs`. */
  renewal?: { dueMs: number; request: (limitMs: number) => Promise<Jwt> };
}

/** Returns the supplied JWT or, if there is none, an OIDC token that GitHub issues for this job; throws a Failure if neither is available. */
export async function getJwt(
  { identityToken, jwtGithubAudience }: Pick<Inputs, 'identityToken' | 'jwtGithubAudience'>,
  deadline: Deadline,
): Promise<Jwt> {
  if (identityToken === undefined) {
    return requestJwt(jwtGithubAudience, deadline);
  }
  const jwt = parseJwt(identityToken);
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
    const token: unknown = await withTimeout(limitMs, core.getIDToken(audience)).catch((error: unknown) => {
      throw parseToolkitError(error as Error, facts);
    });
    const jwt = typeof token === 'string' ? parseJwt(token) : undefined;
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

/** Explains why there is no endpoint from which this job can request a JWT. */
export function explainMissingEndpoint(): Failure {
  const { GITHUB_ACTIONS, ACT, FORGEJO_ACTIONS, GITEA_ACTIONS } = process.env;
  // Other platforms also set GITHUB_ACTIONS.
  return GITHUB_ACTIONS && !(ACT || FORGEJO_ACTIONS || GITEA_ACTIONS)
    ? new Failure('missing-permission', 'This job is not allowed to request an OIDC token from GitHub')
    : new Failure('no-token-endpoint', 'This job does not run on GitHub Actions, so it has no OIDC token');
}

/** Decodes a signed JWT; returns undefined for any other text. https://www.rfc-editor.org/rfc/rfc7519#section-7.2 */
export function parseJwt(token: string): Jwt | undefined {
  const [, header, claims] = /^([\w-]+)\.([\w-]+)\.[\w-]*$/.exec(token) ?? [];
  try {
    return { token, header: decode(header), claims: decode(claims) };
  } catch {
    return undefined;
  }
}

function decode(part = ''): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  assert(typeof value === 'object' && value !== null && !Array.isArray(value), 'not a JSON object');
  return value as Record<string, unknown>;
}
