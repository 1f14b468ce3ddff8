import { mapClaims } from '../testbed/fake-nomad/attributes.js';
import { interpolate, listVariables } from '../testbed/fake-nomad/interpolation.js';
import { parseSelector } from '../testbed/fake-nomad/selector.js';
import type { AuthMethod, BindingRule } from '../testbed/nomad-api.js';
import { listAttributes } from './attributes.js';
import { explainMismatch } from './explain.js';
import type { Claims } from './identities.js';

/** Names a binding rule after what it grants, such as "role repo-74". */
export function describeRule({ BindType, BindName = '' }: BindingRule): string {
  return [BindType, BindName].filter(Boolean).join(' ');
}

/** Explains why a rule does not match a JWT: one sentence for each condition that failed. */
export function explainNoMatch({ Selector = '' }: BindingRule, claims: Claims, { Config }: AuthMethod): string[] {
  try {
    return explainMismatch(parseSelector(Selector), mapClaims(claims, Config), listAttributes(Config));
  } catch {
    // Nomad refuses the claims or the selector, and its own reason is reported.
    return [];
  }
}

/** Names the role or policy that a rule binds for a JWT, with its variables filled in as Nomad does. */
export function resolveBindName({ BindName = '' }: BindingRule, claims: Claims, { Config }: AuthMethod): string {
  const { value } = mapClaims(claims, Config);
  const names = Object.values(Config.ClaimMappings ?? {});
  return interpolate(BindName, new Map(names.map((name) => [`value.${name}`, value[name]?.toLowerCase() ?? ''])));
}

/** Returns the claims that the token name requires and the JWT lacks, because of which Nomad refuses the login. */
export function findClaimsMissingForName(claims: Claims, { Config, TokenNameFormat = '' }: AuthMethod): string[] {
  const variables = listVariables(TokenNameFormat);
  return Object.entries(Config.ClaimMappings ?? {})
    .filter(([claim, name]) => variables.includes(`value.${name}`) && claims[claim] == null)
    .map(([claim]) => claim);
}
