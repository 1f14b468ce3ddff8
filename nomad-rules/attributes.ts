import type { AuthMethodConfig } from './api.js';
import { Refusal } from './errors.js';
import type { Attributes } from './selector.js';

/** Maps a JWT's claims to the attributes that selectors and bind names use; throws a refusal for a claim that is an object. */
export function mapClaims(claims: Record<string, unknown>, config: AuthMethodConfig): Attributes {
  const attributes: Attributes = { value: {}, list: {} };
  for (const [source, name] of Object.entries(config.ClaimMappings ?? {})) {
    const claim = findClaim(claims, source);
    if (claim != null) {
      const text = stringify(claim);
      if (text === undefined) {
        throw new Refusal(
          500,
          `error converting claim '${source}' to string from unknown type map[string]interface {}`,
        );
      }
      attributes.value[name] = text;
    }
  }
  for (const [source, name] of Object.entries(config.ListClaimMappings ?? {})) {
    const claim = findClaim(claims, source);
    if (claim != null) {
      attributes.list[name] = stringifyList(claim, source);
    }
  }
  return attributes;
}

// A source that begins with a slash is a JSON pointer: https://www.rfc-editor.org/rfc/rfc6901
function findClaim(claims: Record<string, unknown>, source: string): unknown {
  if (!source.startsWith('/')) {
    return claims[source];
  }
  return source
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined | null)?.[key], claims);
}

function stringify(claim: unknown): string | undefined {
  if (typeof claim === 'number') {
    return String(Math.trunc(claim));
  }
  if (typeof claim === 'string' || typeof claim === 'boolean') {
    return String(claim);
  }
  return Array.isArray(claim) ? JSON.stringify(claim) : undefined;
}

function stringifyList(claim: unknown, source: string): string[] {
  if (stringify(claim) === undefined) {
    throw new Refusal(500, `"${source}" list claim could not be converted to string list`);
  }
  const items = (Array.isArray(claim) ? claim : [claim]) as unknown[];
  const texts = items.map((item) => {
    const text = stringify(item);
    if (text === undefined) {
      throw new Refusal(500, `value ${formatMap(item)} in "${source}" list claim could not be parsed as string`);
    }
    return text;
  });
  return texts.filter((text) => text !== '');
}

// Formats an object as Go's fmt does.
function formatMap(value: unknown): string {
  const entries = Object.entries(value as object).map(([key, item]) => `${key}:${String(item)}`);
  return `map[${entries.sort().join(' ')}]`;
}
