import { mapClaims } from '../nomad-rules/attributes.js';
import {
  evaluate,
  lookUp,
  parseSelector,
  type Attributes,
  type Collection,
  type Condition,
  type Expression,
} from '../nomad-rules/selector.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import type { Claims } from './identities.js';
import { listAttributes, nameAttribute, resolveBindName } from './rules.js';

/** Explains why a rule grants nothing to a JWT: the conditions that failed, each with the value that it met, or the missing role. */
export function explainNoMatch(rule: BindingRule, claims: Claims, method: AuthMethod): string[] {
  const { Selector = '', BindType } = rule;
  try {
    const attributes = mapClaims(claims, method.Config);
    const known = listAttributes(method.Config).map(({ name }) => name);
    const failed = Selector === '' ? [] : findFailed(parseSelector(Selector), attributes, true);
    const reasons = failed.map(({ condition, expected }) => {
      const name = nameAttribute(condition);
      const reason = known.includes(name)
        ? describeValue(condition, attributes)
        : `${name} is not an attribute of the auth method`;
      return `${expected ? '' : 'not '}${condition.text}, but ${reason}`;
    });
    return reasons.length > 0 ? reasons : [`there is no ${BindType} ${resolveBindName(rule, claims, method)}`];
  } catch {
    // Only the real Nomad knows this selector.
    return [`the selector does not match, or there is no such ${BindType}`];
  }
}

/** Returns the failed conditions, each with the result that it needs for the selector to match. */
export function findFailed(
  expression: Expression,
  attributes: Attributes,
  expected: boolean,
): { condition: Condition | Collection; expected: boolean }[] {
  if (evaluate(expression, attributes) === expected) {
    return [];
  }
  switch (expression.type) {
    case 'and':
    case 'or':
      return [expression.left, expression.right].flatMap((operand) => findFailed(operand, attributes, expected));
    case 'not':
      return findFailed(expression.operand, attributes, !expected);
    case 'any':
    case 'all':
    case 'condition':
      return [{ condition: expression, expected }];
  }
}

function describeValue(condition: Condition | Collection, attributes: Attributes): string {
  const name = nameAttribute(condition);
  const actual = lookUp(condition.path, attributes);
  if (actual === undefined) {
    return `the JWT has no claim for ${name}`;
  }
  if (Array.isArray(actual) && condition.type === 'condition' && /^(?:==|matches)$/.test(condition.operator)) {
    const advice = `write ${JSON.stringify(condition.value)} ${condition.isNegated ? 'not in' : 'in'} ${name}`;
    return `${name} is a list, for which ==, != and matches do not work: ${advice}`;
  }
  const differsInCase =
    condition.type === 'condition' &&
    condition.operator === '==' &&
    typeof actual === 'string' &&
    actual !== condition.value &&
    actual.toLowerCase() === condition.value.toLowerCase();
  return `${name} is ${JSON.stringify(actual)}${differsInCase ? ' (values are case-sensitive)' : ''}`;
}
