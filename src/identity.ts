import * as core from '@actions/core';
import { NO_ANSWER, RequestFailure } from './failure.js';
import { findProxy } from './proxy.js';
import { limit, retry, seconds, type Deadline } from './retry.js';
import { mask, quote } from './secrets.js';

/** Which identity the job shows to Nomad. */
export interface IdentityOptions {
  identityToken: string | undefined;
  jwtGithubAudience: string | undefined;
}

/**
 * Returns the JWT that was supplied or, without one, an OIDC token that GitHub mints for this job, masked.
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
    throw new Error(
      'This job may not ask GitHub for an OIDC token. ' +
        'Give the job the permission "id-token: write" in the workflow, or set the input identityToken.',
    );
  }
  // The toolkit asks for the proxy itself, but not whether it is one.
  findProxy(new URL(endpoint));
  mask(process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '');
  return retry(deadline, (ms) =>
    limit(
      ms,
      mint(options.jwtGithubAudience),
      () => new RequestFailure(`GitHub gave no answer in ${seconds(ms)}`, { peer: 'GitHub', code: NO_ANSWER }),
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
  return isJsonObject(header) && isJsonObject(claims) && /^[\w-]*$/.test(signature ?? '.') && rest.length === 0;
}

function isJsonObject(part: string | undefined): boolean {
  if (part === undefined || !/^[\w-]+$/.test(part)) {
    return false;
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
