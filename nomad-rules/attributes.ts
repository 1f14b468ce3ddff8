import type { AuthMethodConfig } from './api.js';
import { Refusal, Unknown } from './errors.js';
import type { Attributes } from './selector.js';

/** Maps a JWT's claims to the attributes that selectors and bind names use; throws a refusal for a claim that is an object. */
export function mapClaims(claims: Record<string, unknown>, config: AuthMethodConfig): Attributes {
  return {
    value: map(claims, config.ClaimMappings, toText),
    list: map(claims, config.ListClaimMappings, toTexts),
  };
}

function map<T>(
  claims: Record<string, unknown>,
  mappings: Record<string, string> | undefined,
  convert: (claim: unknown, source: string) => T,
): Record<string, T> {
  // An attribute may be named like a property of every object.
  const attributes = Object.create(null) as Record<string, T>;
  for (const [source, name] of Object.entries(mappings ?? {})) {
    const claim = findClaim(claims, source);
    if (claim != null) {
      const attribute = convert(claim, source);
      if (name in attributes && JSON.stringify(attributes[name]) !== JSON.stringify(attribute)) {
        throw new Unknown(`which of two claims becomes the attribute ${name}, because Nomad chooses one at random`);
      }
      attributes[name] = attribute;
    }
  }
  return attributes;
}

// A source that begins with a slash is a JSON pointer: https://www.rfc-editor.org/rfc/rfc6901
function findClaim(claims: unknown, source: string): unknown {
  const keys = source.startsWith('/')
    ? source
        .slice(1)
        .split('/')
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    : [source];
  return keys.reduce((value, key) => {
    // Go reads other numbers than these as indexes, too.
    if (Array.isArray(value) && !/^(?:[a-z].*|\d|[1-9]\d{0,3})$/is.test(key)) {
      throw new Unknown(`the claim ${source}`);
    }
    const isObject = typeof value === 'object' && value !== null && !(Array.isArray(value) && key === 'length');
    return isObject && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }, claims);
}

function toText(claim: unknown, source: string): string {
  if (Array.isArray(claim) && claim.every((item) => isAlike(item) && !/[<>&\u2028\u2029]/.test(String(item)))) {
    return JSON.stringify(claim);
  }
  if (isAlike(claim)) {
    return String(claim);
  }
  if (typeof claim === 'number' && Number.isSafeInteger(Math.trunc(claim))) {
    return String(Math.trunc(claim));
  }
  if (typeof claim === 'object' && claim !== null && !Array.isArray(claim)) {
    throw new Refusal(500, `error converting claim '${source}' to string from unknown type map[string]interface {}`);
  }
  throw new Unknown(`the text of the claim ${source}`);
}

// Tells whether Go and JavaScript write a value alike, in JSON, too.
function isAlike(value: unknown): boolean {
  return typeof value === 'string'
    ? !/\p{Surrogate}/u.test(value)
    : typeof value === 'boolean' || Number.isSafeInteger(value);
}

function toTexts(claim: unknown, source: string): string[] {
  if (typeof claim === 'object' && !Array.isArray(claim)) {
    throw new Refusal(500, `"${source}" list claim could not be converted to string list`);
  }
  const items: unknown[] = Array.isArray(claim) ? claim : [claim];
  if (items.some((item) => typeof item === 'object' && !Array.isArray(item))) {
    throw new Unknown(`the text of an element of the claim ${source}`);
  }
  return items.map((item) => toText(item, source)).filter((text) => text !== '');
}
