import { compactVerify, createLocalJWKSet, decodeProtectedHeader, importSPKI, type JSONWebKeySet } from 'jose';
import type { AuthMethodConfig } from '../nomad-api.js';
import { parseDuration } from './duration.js';
import { Refusal } from './refusal.js';

type Claims = Record<string, unknown>;

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA'];
const DEFAULT_LEEWAY_S = 150;
const DEFAULT_CLOCK_SKEW_S = 60;

/** Returns the claims of a JWT that a method takes; throws a refusal in Nomad's order of checks and with its texts. */
export async function verify(jwt: string, config: AuthMethodConfig): Promise<Claims> {
  const claims = await verifySignature(jwt, config);
  const { alg = '' } = decodeProtectedHeader(jwt);
  const allowed = config.SigningAlgs?.length ? config.SigningAlgs : ['RS256'];
  if (!allowed.includes(alg)) {
    throw invalid('invalid algorithm (alg) header parameter: token signed with unexpected algorithm');
  }
  verifyAudience(claims['aud'], config.BoundAudiences ?? []);
  verifyTimes(claims, config);
  verifyIssuer(claims['iss'], config.BoundIssuer ?? []);
  return claims;
}

async function verifySignature(jwt: string, config: AuthMethodConfig): Promise<Claims> {
  const alg = readAlgorithm(jwt);
  if (!ALGORITHMS.includes(alg)) {
    const expected = ALGORITHMS.map((name) => `"${name}"`).join(' ');
    throw badSignature(`oidc: malformed jwt: unexpected signature algorithm "${alg}"; expected [${expected}]`);
  }
  const keys = await loadKeys(config);
  for (const key of keys) {
    try {
      const { payload } =
        typeof key === 'string'
          ? await compactVerify(jwt, await importSPKI(key, alg))
          : await compactVerify(jwt, createLocalJWKSet(key));
      return JSON.parse(Buffer.from(payload).toString()) as Claims;
    } catch {
      // The next key may fit.
    }
  }
  throw badSignature('failed to verify id token signature');
}

function readAlgorithm(jwt: string): string {
  if (jwt.split('.').length !== 3) {
    throw badSignature('oidc: malformed jwt: go-jose/go-jose: compact JWS format must have three parts');
  }
  try {
    return decodeProtectedHeader(jwt).alg ?? '';
  } catch {
    throw badSignature('oidc: malformed jwt: go-jose/go-jose: cannot parse the header');
  }
}

async function loadKeys(config: AuthMethodConfig): Promise<(string | JSONWebKeySet)[]> {
  if (config.JWTValidationPubKeys) {
    return config.JWTValidationPubKeys;
  }
  if (config.JWKSURL !== undefined) {
    return [(await fetchJson(config.JWKSURL)) as JSONWebKeySet];
  }
  const discovery = (await fetchJson(`${config.OIDCDiscoveryURL ?? ''}/.well-known/openid-configuration`)) as {
    jwks_uri: string;
  };
  return [(await fetchJson(discovery.jwks_uri)) as JSONWebKeySet];
}

async function fetchJson(url: string): Promise<unknown> {
  try {
    const response = await fetch(url);
    return await response.json();
  } catch {
    const { host } = new URL(url);
    throw badSignature(
      `fetching keys oidc: get keys failed Get "${url}": dial tcp ${host}: connect: connection refused`,
    );
  }
}

function verifyAudience(aud: unknown, bound: string[]): void {
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (bound.length > 0 && !audiences.some((audience) => bound.includes(audience as string))) {
    throw invalid('invalid audience (aud) claim: audience claim does not match any expected audience');
  }
}

function verifyTimes(claims: Claims, config: AuthMethodConfig): void {
  const [iat, nbf, exp] = [claims['iat'], claims['nbf'], claims['exp']].map((time) => Number(time ?? 0)) as [
    number,
    number,
    number,
  ];
  if (iat === 0 && nbf === 0 && exp === 0) {
    throw invalid('no issued at (iat), not before (nbf), or expiration time (exp) claims in token');
  }
  const end = exp || Math.max(iat, nbf) + leeway(config.ExpirationLeeway, DEFAULT_LEEWAY_S);
  const start = nbf || iat || end - leeway(config.NotBeforeLeeway, DEFAULT_LEEWAY_S);
  const skew = leeway(config.ClockSkewLeeway, DEFAULT_CLOCK_SKEW_S);
  const now = Date.now() / 1000;
  if (now < start - skew) {
    throw invalid('invalid not before (nbf) claim: token not yet valid');
  }
  if (now > end + skew) {
    throw invalid('invalid expiration time (exp) claim: token is expired');
  }
  if (now < iat - skew) {
    throw invalid('invalid issued at (iat) claim: token issued in the future');
  }
}

// Zero means the default, and only a negative leeway is none.
function leeway(value: string | number | undefined, defaultSeconds: number): number {
  const seconds = parseDuration(value);
  return seconds === 0 ? defaultSeconds : Math.max(seconds, 0);
}

function verifyIssuer(iss: unknown, bound: string[]): void {
  if (bound.length > 0 && !bound.includes(iss as string)) {
    throw new Refusal(401, `unable to validate provided token: invalid JWT issuer: ${String(iss)}`);
  }
}

function badSignature(text: string): Refusal {
  return invalid(`error verifying token signature: ${text}`);
}

function invalid(text: string): Refusal {
  return new Refusal(401, `unable to validate provided token: unable to verify signature of JWT token: ${text}`);
}
