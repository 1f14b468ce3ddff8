import { readFileSync } from 'node:fs';
import * as core from '@actions/core';
import { decodePart } from './claims.js';
import { NO_ANSWER, RequestFailure } from './failure.js';
import { findProxy } from './proxy.js';
import { retry } from './retry.js';
import { mask, quote } from './secrets.js';
import { formatSeconds, limit, type Deadline } from './time.js';

/** Which identity the job shows to Nomad. */
export interface IdentityOptions {
  identityToken: string | undefined;
  jwtGithubAudience: string | undefined;
}

interface PullRequestEvent {
  pull_request?: { head?: { repo?: { fork?: boolean } | null } };
}

/**
 * Returns the JWT that was supplied or, without one, an OIDC token that GitHub mints for this job, and masks it.
 * Throws where the supplied value is no JWT, the job may not ask for a token, or GitHub refuses.
 */
export async function requestIdentity(options: IdentityOptions, deadline: Deadline): Promise<string> {
  if (options.identityToken !== undefined) {
    if (!isJwt(options.identityToken)) {
      throw new Error('Input identityToken is not a JWT: three base64url parts joined by dots, JSON in the first two.');
    }
    return options.identityToken;
  }
  // https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
  const endpoint = process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  if (!endpoint || !process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']) {
    throw describeMissingEndpoint();
  }
  // The toolkit asks for the proxy itself, but not whether it is one.
  findProxy(new URL(endpoint));
  mask(process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '');
  return retry(deadline, (ms) =>
    limit(
      ms,
      mint(options.jwtGithubAudience),
      () => new RequestFailure(`GitHub gave no answer in ${formatSeconds(ms)}`, { peer: 'GitHub', code: NO_ANSWER }),
    ),
  );
}

async function mint(audience: string | undefined): Promise<string> {
  try {
    const jwt = await core.getIDToken(audience);
    mask(jwt);
    return jwt;
  } catch (error) {
    // The toolkit lays its message out over several lines with labels of its own, "undefined" among them.
    const [, status, reason] = /Error Code : (\d+)?.*Error Message: (.*)/s.exec(String(error)) ?? [];
    const isAnswered = status !== undefined || reason === undefined;
    const said = quote(reason ?? 'its answer holds none');
    throw new RequestFailure(`GitHub minted no OIDC token${status ? ` (${status})` : ''}: ${said || 'no answer'}`, {
      peer: 'GitHub',
      // An answer without a token and a 404 look alike here.
      status: isAnswered ? Number(status ?? 404) : undefined,
    });
  }
}

// https://www.rfc-editor.org/rfc/rfc7519#section-7.2
function isJwt(token: string): boolean {
  const [header, claims, signature, ...rest] = token.split('.');
  const hasParts = decodePart(header) !== undefined && decodePart(claims) !== undefined;
  return hasParts && /^[\w-]*$/.test(signature ?? '.') && rest.length === 0;
}

function describeMissingEndpoint(): RequestFailure {
  if (process.env['GITHUB_ACTIONS'] !== 'true') {
    const message = 'There is no GitHub Actions job here to get an OIDC token for';
    return new RequestFailure(message, { peer: 'GitHub', code: 'NO_RUNNER' });
  }
  const message = 'This job may not ask GitHub for an OIDC token';
  return isFromFork()
    ? new RequestFailure(`${message}, as it runs for a pull request from a fork`, { peer: 'GitHub', code: 'FROM_FORK' })
    : new RequestFailure(message, { peer: 'GitHub', code: 'NO_PERMISSION' });
}

// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
function isFromFork(): boolean {
  try {
    const event = JSON.parse(readFileSync(process.env['GITHUB_EVENT_PATH'] ?? '', 'utf8')) as PullRequestEvent;
    return event.pull_request?.head?.repo?.fork === true;
  } catch {
    return false;
  }
}
