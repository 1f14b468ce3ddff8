import { parseSelector, type Condition, type Expression } from '../nomad-rules/selector.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';

/** An attribute of an auth method, with its full name, such as value.ref. */
export interface Attribute {
  name: string;
  /** A JSON pointer with one part is the name of a claim. */
  claim: string;
}

/** Returns the attributes that an auth method's mappings create from claims. */
export function listAttributes({ ClaimMappings, ListClaimMappings }: AuthMethod['Config']): Attribute[] {
  const list = (scope: string, mappings: Record<string, string> | null | undefined): Attribute[] =>
    Object.entries(mappings ?? {}).map(([claim, name]) => ({
      name: `${scope}.${name}`,
      claim: claim.replace(/^\/(?=[^/]*$)/, ''),
    }));
  return [...list('value', ClaimMappings), ...list('list', ListClaimMappings)];
}

/** Returns the name of the attribute that a condition tests, such as value.ref. */
export function nameAttribute({ path }: Pick<Condition, 'path'>): string {
  return path.slice(0, 2).join('.');
}

/** Names a binding rule after what it grants, such as "role repo-74". */
export function describeRule({ BindType, BindName = '' }: Pick<BindingRule, 'BindType' | 'BindName'>): string {
  return [BindType, BindName].filter(Boolean).join(' ');
}

/** Returns all conditions of a rule; those on the elements of a list have its path. Throws an error if only Nomad knows the selector. */
export function listConditions({ Selector = '' }: BindingRule): Condition[] {
  return Selector === '' ? [] : collect(parseSelector(Selector));
}

function collect(selector: Expression): Condition[] {
  switch (selector.type) {
    case 'and':
    case 'or':
      return [...collect(selector.left), ...collect(selector.right)];
    case 'not':
      return collect(selector.operand);
    case 'any':
    case 'all':
      return collect(selector.inner).map((condition) =>
        condition.path[0] === selector.name ? { ...condition, path: selector.path } : condition,
      );
    case 'condition':
      return [selector];
  }
}
