import type { AuthMethodConfig } from '../../nomad-rules/api.js';
import { parseDuration } from '../../nomad-rules/formats.js';
import { invalidJwt, Refusal, Unknown } from '../../nomad-rules/errors.js';

/** The claims of a JWT. */
export type Claims = Record<string, unknown>;

const DEFAULT_LEEWAY_S = 150;
const DEFAULT_CLOCK_SKEW_S = 60;
// Go's times overflow later.
const MAX_TIME = 1e13;
const NUMERIC_DATE = 'go-jose/go-jose/jwt: expected number value to unmarshal NumericDate';

/** Checks the registered claims of a JWT; throws a refusal, in the order of Nomad's checks and with its texts. */
export function verifyClaims(claims: Claims, config: AuthMethodConfig): void {
  verifyTypes(claims);
  verifyAudience(claims['aud'], config.BoundAudiences ?? []);
  verifyTimes(claims, config);
  verifyIssuer(claims['iss'], config.BoundIssuer ?? []);
}

const isNumeric = (claim: unknown): boolean => claim == null || typeof claim === 'number';

// Nomad reports errors in the types of claims in this order.
function verifyTypes(claims: Claims): void {
  const { aud } = claims;
  const audiences = (Array.isArray(aud) ? aud : [aud ?? '']) as unknown[];
  if ('aud' in claims && (aud === null || !audiences.every((audience) => typeof audience === 'string'))) {
    throw invalidJwt('go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience');
  }
  if (!['exp', 'iat', 'nbf'].every((name) => isNumeric(claims[name]))) {
    throw invalidJwt(NUMERIC_DATE);
  }
  for (const name of ['iss', 'jti', 'sub']) {
    const claim = claims[name] ?? '';
    if (typeof claim !== 'string') {
      throw invalidJwt(
        `json: cannot unmarshal ${nameJsonType(claim)} into Go struct field Claims.${name} of type string`,
      );
    }
  }
}

function nameJsonType(value: unknown): string {
  if (typeof value === 'boolean') {
    return 'bool';
  }
  return Array.isArray(value) ? 'array' : typeof value;
}

function verifyAudience(aud: unknown, bound: string[]): void {
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (bound.length > 0 && !audiences.some((audience) => bound.includes(audience as string))) {
    throw invalidJwt('invalid audience (aud) claim: audience claim does not match any expected audience');
  }
}

function verifyTimes(claims: Claims, config: AuthMethodConfig): void {
  const times = [claims['iat'], claims['nbf'], claims['exp']].map((time) => Math.trunc(Number(time ?? 0)));
  const [iat, nbf, exp] = times as [number, number, number];
  if (times.some((time) => Math.abs(time) > MAX_TIME)) {
    throw new Unknown('the times of this JWT');
  }
  if (iat === 0 && nbf === 0 && exp === 0) {
    throw invalidJwt('no issued at (iat), not before (nbf), or expiration time (exp) claims in token');
  }
  const end = exp || Math.max(iat, nbf) + leeway(config.ExpirationLeeway, DEFAULT_LEEWAY_S);
  const start = nbf || iat || end - leeway(config.NotBeforeLeeway, DEFAULT_LEEWAY_S);
  const skew = leeway(config.ClockSkewLeeway, DEFAULT_CLOCK_SKEW_S);
  const now = Date.now() / 1000;
  if (now < start - skew) {
    throw invalidJwt('invalid not before (nbf) claim: token not yet valid');
  }
  if (now > end + skew) {
    throw invalidJwt('invalid expiration time (exp) claim: token is expired');
  }
  if (now < iat - skew) {
    throw invalidJwt('invalid issued at (iat) claim: token issued in the future');
  }
}

// Zero means the default; only a negative value turns a leeway off.
function leeway(value: string | number | undefined, defaultSeconds: number): number {
  const seconds = parseDuration(value || 0);
  return seconds === 0 ? defaultSeconds : Math.max(seconds, 0);
}

function verifyIssuer(iss: unknown, bound: string[]): void {
  if (bound.length > 0 && iss === undefined) {
    throw new Refusal(
      401,
      'unable to validate provided token: auth method specifies BoundIssuers but the provided token does not contain issuer information',
    );
  }
  if (bound.length > 0 && iss === null) {
    throw new Refusal(401, 'unable to validate provided token: unable to read iss property of provided token');
  }
  if (bound.length > 0 && !bound.includes(iss as string)) {
    throw new Refusal(401, `unable to validate provided token: invalid JWT issuer: ${String(iss)}`);
  }
}
