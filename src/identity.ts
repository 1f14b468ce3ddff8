import * as core from '@actions/core';

/** Which identity the job shows to Nomad. */
export interface IdentityOptions {
  identityToken: string | undefined;
  jwtGithubAudience: string | undefined;
}

/**
 * Returns the JWT that was supplied or, without one, an OIDC token that GitHub mints for this job, masked.
 * Throws where the supplied value is no JWT, the job may not ask for a token, or GitHub refuses.
 */
export async function requestIdentity(options: IdentityOptions): Promise<string> {
  if (options.identityToken !== undefined) {
    if (!isJwt(options.identityToken)) {
      throw new Error('Input identityToken is not a JWT: three base64url parts joined by dots, JSON in the first two.');
    }
    return options.identityToken;
  }
  // https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
  if (!process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] || !process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']) {
    throw new Error(
      'GitHub lets this job ask for no OIDC token. ' +
        'Give the job the permission "id-token: write" in the workflow, or set the input identityToken.',
    );
  }
  try {
    return await core.getIDToken(options.jwtGithubAudience);
  } catch (error) {
    throw new Error(`GitHub minted no OIDC token. ${flattenMessage(error)}`, { cause: error });
  }
}

// https://www.rfc-editor.org/rfc/rfc7519#section-7.2
function isJwt(token: string): boolean {
  const [header, claims, signature, ...rest] = token.split('.');
  return isJsonObject(header) && isJsonObject(claims) && signature !== undefined && rest.length === 0;
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

// The toolkit lays its message out over several indented lines, with labels of its own.
function flattenMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/^Error message: (Failed to get ID Token\.)?/, '')
    .replace(/\s+/g, ' ')
    .trim();
}
