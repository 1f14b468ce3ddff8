import * as core from '@actions/core';
import { quote } from './secrets.js';

/** What a JWT says; nothing of it is verified here. */
export type Claims = Record<string, unknown>;

// GitHub's issuers, its enterprises' and GitHub Enterprise Server's among them, whose claims hold no secret.
// https://docs.github.com/en/actions/reference/security/oidc
const GITHUB_ISSUER =
  /^https:\/\/(token\.actions\.(githubusercontent\.com|[\w-]+\.ghe\.com)(\/[\w-]+)?|[^/]+\/_services\/token)$/;
const ALWAYS_SHOWN = ['iss', 'aud', 'sub', 'iat', 'nbf', 'exp'];

/** Decodes one of the first two parts of a JWT; undefined where it is no JSON object. https://www.rfc-editor.org/rfc/rfc7519 */
export function decodePart(part: string | undefined): Claims | undefined {
  if (part === undefined || !/^[\w-]+$/.test(part)) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** Lists the claims of a JWT in a group of the log: GitHub's with their values, of others only those that are no secret. */
export function listClaims(jwt: string): void {
  const claims = decodePart(jwt.split('.')[1]) ?? {};
  const isGithubs = GITHUB_ISSUER.test(String(claims['iss']));
  core.startGroup('Claims of the JWT that was refused');
  for (const [name, value] of Object.entries(claims)) {
    const isShown = isGithubs || ALWAYS_SHOWN.includes(name);
    core.info(isShown ? `${quote(name)}: ${quote(JSON.stringify(value))}` : `${quote(name)} (value not shown)`);
  }
  core.endGroup();
}
