import * as core from '@actions/core';
import type { Jwt } from '../jwt.js';
import { quote, quoteId } from '../secrets.js';

// The claims of GitHub's issuers, including enterprises and GitHub Enterprise Server, do not contain secrets.
// https://docs.github.com/en/actions/reference/security/oidc
const GITHUB_ISSUER =
  /^https:\/\/(token\.actions\.(githubusercontent\.com|[\w-]+\.ghe\.com)(\/[\w-]+)?|[^/]+\/_services\/token)$/;
const ALWAYS_SHOWN = ['iss', 'aud', 'sub', 'iat', 'nbf', 'exp'];
// IDs that often look like a Nomad token.
const IDS = /^(jti|kid|\w+_id)$/;
const MAX_CLAIMS = 100;

/** Logs the claims of a JWT in a group: GitHub's claims by value, and others by name only unless they are never secret. */
export function listClaims(jwt: Jwt): void {
  const isGithubs = isFromGithub(jwt);
  const entries = Object.entries(jwt.claims);
  core.startGroup('Claims of the JWT that Nomad refused');
  for (const [name, value] of entries.slice(0, MAX_CLAIMS)) {
    const isShown = isGithubs || ALWAYS_SHOWN.includes(name);
    // With the dash, the line cannot begin with a workflow command.
    core.info(`- ${quote(name, 100)}${isShown ? `: ${showClaim(name, value)}` : ' (value not shown)'}`);
  }
  if (entries.length > MAX_CLAIMS) {
    core.info(`- and ${(entries.length - MAX_CLAIMS).toLocaleString('en')} more`);
  }
  core.endGroup();
}

/** Tells whether a JWT names one of GitHub's issuers. */
export function isFromGithub({ claims: { iss } }: Jwt): boolean {
  return typeof iss === 'string' && GITHUB_ISSUER.test(iss);
}

/** Returns the value of a claim or of a header parameter as JSON that is safe to print. */
export function showClaim(name: string, value: unknown, maxLength = 500): string {
  if (typeof value === 'string' && IDS.test(name)) {
    return `"${quoteId(value)}"`;
  }
  try {
    return quote(JSON.stringify(value), maxLength);
  } catch {
    return '(too deeply nested to show)';
  }
}
