import { mapClaims } from '../nomad-rules/attributes.js';
import { interpolate, listVariables } from '../nomad-rules/formats.js';
import { matches, type Condition } from '../nomad-rules/selector.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import type { Claims } from './identities.js';

/** An attribute of an auth method, with its full name, such as value.ref. */
export interface Attribute {
  name: string;
  claim: string;
}

/** Returns the attributes that an auth method's mappings create from claims. */
export function listAttributes({ ClaimMappings, ListClaimMappings }: AuthMethod['Config']): Attribute[] {
  const list = (scope: string, mappings: Record<string, string> | null | undefined): Attribute[] =>
    Object.entries(mappings ?? {}).map(([claim, name]) => ({ name: `${scope}.${name}`, claim }));
  return [...list('value', ClaimMappings), ...list('list', ListClaimMappings)];
}

/** Returns the name of the attribute that a condition tests, such as value.ref. */
export function nameAttribute({ path }: Pick<Condition, 'path'>): string {
  return path.join('.');
}

/** Names a binding rule after what it grants, such as "role repo-74". */
export function describeRule({ BindType, BindName = '' }: Pick<BindingRule, 'BindType' | 'BindName'>): string {
  return [BindType, BindName].filter(Boolean).join(' ');
}

/** Names the role or policy that a rule binds for a JWT, with its variables filled in as Nomad does. */
export function resolveBindName({ BindName = '' }: BindingRule, claims: Claims, { Config }: AuthMethod): string {
  const { value } = mapClaims(claims, Config);
  const names = Object.values(Config.ClaimMappings ?? {});
  return interpolate(BindName, new Map(names.map((name) => [`value.${name}`, value[name]?.toLowerCase() ?? ''])));
}

/** Tells whether a rule matches a JWT, or may match it because only the real Nomad knows its selector. */
export function matchesClaims({ Selector = '' }: BindingRule, claims: Claims, { Config }: AuthMethod): boolean {
  try {
    return matches(Selector, mapClaims(claims, Config));
  } catch {
    return true;
  }
}

/** Tells whether the name that a rule binds for a JWT can be that of a role or policy. */
export function hasValidName(rule: BindingRule, claims: Claims, method: AuthMethod): boolean {
  try {
    return /^[a-zA-Z0-9-]{1,128}$/.test(resolveBindName(rule, claims, method));
  } catch {
    return false;
  }
}

/** Returns the claims that the token name requires and the JWT lacks, because of which Nomad refuses the login. */
export function findClaimsMissingForName(claims: Claims, { Config, TokenNameFormat = '' }: AuthMethod): string[] {
  const variables = listVariables(TokenNameFormat);
  return Object.entries(Config.ClaimMappings ?? {})
    .filter(([claim, name]) => variables.includes(`value.${name}`) && claims[claim] == null)
    .map(([claim]) => claim);
}
