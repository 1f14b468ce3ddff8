import { createPublicKey, KeyObject } from 'node:crypto';
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import type { AuthMethodConfig } from '../../nomad-rules/api.js';
import { invalidJwt, type Refusal } from '../../nomad-rules/errors.js';
import { verifyClaims, type Claims } from './verify-claims.js';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA'];

/** Returns the claims of a JWT that a method accepts; throws a refusal, in the order of Nomad's checks and with its texts. */
export async function verify(jwt: string, config: AuthMethodConfig): Promise<Claims> {
  const claims = await verifySignature(jwt, config);
  const { alg = '' } = decodeProtectedHeader(jwt);
  const allowed = config.SigningAlgs?.length ? config.SigningAlgs : ['RS256'];
  const unsupported = allowed.find((name) => !ALGORITHMS.includes(name));
  if (unsupported !== undefined) {
    throw invalidJwt(`invalid algorithm (alg) header parameter: unsupported signing algorithm "${unsupported}"`);
  }
  if (!allowed.includes(alg)) {
    throw invalidJwt('invalid algorithm (alg) header parameter: token signed with unexpected algorithm');
  }
  verifyClaims(claims, config);
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
    const verified = await (
      key instanceof KeyObject ? compactVerify(jwt, key) : compactVerify(jwt, createLocalJWKSet(key))
    ).catch(
      // The next key may be the right one.
      () => undefined,
    );
    if (verified !== undefined) {
      return JSON.parse(Buffer.from(verified.payload).toString()) as Claims;
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

async function loadKeys(config: AuthMethodConfig): Promise<(KeyObject | JSONWebKeySet)[]> {
  if (config.JWTValidationPubKeys?.length) {
    return config.JWTValidationPubKeys.map((key) => createPublicKey(key));
  }
  if (config.JWKSURL) {
    return [(await fetchJson(config.JWKSURL)) as JSONWebKeySet];
  }
  const discovery = (await fetchJson(`${config.OIDCDiscoveryURL ?? ''}/.well-known/openid-configuration`)) as {
    jwks_uri: string;
  };
  return [(await fetchJson(discovery.jwks_uri)) as JSONWebKeySet];
}

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url).catch(() => {
    const { host } = new URL(url);
    throw badSignature(
      `fetching keys oidc: get keys failed Get "${url}": dial tcp ${host}: connect: connection refused`,
    );
  });
  return response.json();
}

function badSignature(text: string): Refusal {
  return invalidJwt(`error verifying token signature: ${text}`);
}
