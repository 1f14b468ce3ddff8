import type { Deadline } from '../deadline.js';
import { Failure } from '../failures/failure.js';
import { parseJwt, type Jwt } from '../jwt.js';
import { requestGithubToken } from './github.js';

/** Where the JWT of the job comes from. */
export interface IdentityOptions {
  identityToken: string | undefined;
  jwtGithubAudience: string | undefined;
}

/** Returns the supplied JWT or, if there is none, an OIDC token that GitHub issues for this job; throws a Failure if neither is available. */
export async function getIdentity(options: IdentityOptions, deadline: Deadline): Promise<Jwt> {
  if (options.identityToken === undefined) {
    return requestGithubToken(options.jwtGithubAudience, deadline);
  }
  const jwt = parseJwt(options.identityToken);
  if (jwt === undefined) {
    throw new Failure('Input identityToken is not a JWT', { code: 'INVALID_SUPPLIED_JWT' });
  }
  return jwt;
}
