import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import { interpolate, listVariables } from '../nomad-rules/formats.js';
import { toRegExp } from '../nomad-rules/regexp.js';
import { parseSelector, type Collection, type Condition, type Expression } from '../nomad-rules/selector.js';
import { escapeInSubject, RENEWED, text, type Claims } from './identities.js';
import { listAttributes, nameAttribute } from './rules.js';
import { escapePattern, matchOneOf, type Formula, type Test } from '../nomad-rules/search.js';

/** The claim of each attribute, by the attribute's name. */
type Names = Map<string, string>;

const VALID_NAME = /^[a-zA-Z0-9-]+$/u;

/** Returns the claim of each attribute of an auth method, by the attribute's name. */
export function mapAttributes(method: AuthMethod): Map<string, string> {
  // A JSON pointer with one part is the name of a claim.
  return new Map(listAttributes(method.Config).map(({ name, claim }) => [name, claim.replace(/^\/(?=[^/]*$)/, '')]));
}

/** What claims with parts to choose must be for a selector to match, or not to match. */
export function demandMatch(selector: string | undefined, claims: Claims, names: Names, expected = true): Formula {
  return selector ? demand(parseSelector(selector), expected, claims, names) : expected;
}

function demand(expression: Expression, expected: boolean, claims: Claims, names: Names): Formula {
  switch (expression.type) {
    case 'not':
      return demand(expression.operand, !expected, claims, names);
    case 'and':
    case 'or': {
      const left = demand(expression.left, expected, claims, names);
      const right = demand(expression.right, expected, claims, names);
      // A condition that cannot be evaluated fails the selector, unless the result is certain before it.
      const otherwise = demand(expression.left, !expected, claims, names);
      return (expression.type === 'and') === expected
        ? { type: 'and', parts: [left, right] }
        : { type: 'or', parts: [left, { type: 'and', parts: [otherwise, right] }] };
    }
    case 'any':
    case 'all':
      return demandElement(expression, expected, claims, names);
    case 'condition':
      return demandCondition(expression, expected !== expression.isNegated, claims, names);
  }
}

// A list of GitHub's claims has one element, or none if the claim is empty.
function demandElement(
  { type, path, name, inner }: Collection,
  expected: boolean,
  claims: Claims,
  names: Names,
): Formula {
  const attribute = path.join('.');
  const claim = names.get(attribute) ?? '';
  if (claims[claim] === undefined) {
    return (type === 'all') === expected;
  }
  if (path[0] !== 'list') {
    return false;
  }
  const isSome = (type === 'any') === expected;
  const parts = [
    test(claims[claim], /^$/u, !isSome),
    demand(inner, expected, claims, new Map([...names, [name, claim]])),
  ];
  return { type: isSome ? 'and' : 'or', parts };
}

function demandCondition(condition: Condition, expected: boolean, claims: Claims, names: Names): Formula {
  const { operator, path, value } = condition;
  const attribute = nameAttribute(condition);
  const isElement = path.length === 1 && names.has(attribute);
  const isList = path[0] === 'list';
  if (!isElement && path[0] !== 'value' && !isList) {
    return false;
  }
  if (!isElement && path.length !== 2) {
    throw new Error(`the simulator does not search for ${condition.text}`);
  }
  const claim = names.get(attribute) ?? '';
  const actual = claims[claim];
  if (RENEWED.includes(claim) || (actual != null && typeof actual !== 'string')) {
    throw new Error(`the simulator does not search for values of the claim ${claim}`);
  }
  if (actual == null) {
    return (operator === 'is empty' || operator === 'is nil') === expected;
  }
  const isText = !isList;
  const patterns: Record<Condition['operator'], RegExp | undefined> = {
    '==': isText ? matchOneOf([value]) : undefined,
    contains: isText ? new RegExp(escapePattern(value), 'u') : matchOneOf([value]),
    matches: isText && operator === 'matches' ? toRegExp(value) : undefined,
    'is empty': /^$/u,
    'is nil': isText ? undefined : /[]/u,
  };
  const pattern = patterns[operator];
  // Nomad cannot evaluate the other conditions.
  return pattern === undefined
    ? false
    : { ...test(actual, pattern, expected), ...(claim === 'sub' && { convert: escapeInSubject }) };
}

/** What a bind name demands: that it is one of these, or any valid one. */
export function demandName(
  { BindType, BindName = '' }: BindingRule,
  claims: Claims,
  names: Names,
  allowed?: string[],
): Formula {
  const isKnown = listVariables(BindName).every((name) => name.startsWith('value.') && names.has(name));
  if (BindType === 'management' || allowed?.length === 0 || !isKnown) {
    return BindType === 'management';
  }
  // A claim that the JWT lacks is empty in a bind name.
  const values = [...names].map(([name, claim]) => [name, text(claims[claim]).toLowerCase()] as const);
  const template = interpolate(BindName, new Map(values));
  return {
    ...test(template, allowed ? matchOneOf(allowed) : VALID_NAME, true),
    convert: (character) => character.toLowerCase(),
  };
}

/** Whether the JWT has all claims of the token name. */
export function demandTokenName({ TokenNameFormat = '' }: AuthMethod, claims: Claims, names: Names): Formula {
  return listVariables(TokenNameFormat).every(
    (name) => name.startsWith('auth_method_') || (name.startsWith('value.') && claims[names.get(name) ?? ''] != null),
  );
}

/** A test of a template. */
export function test(template: unknown, pattern: RegExp, expected: boolean): Test {
  return { type: 'test', template: text(template), pattern, expected };
}
