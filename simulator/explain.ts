import { evaluate, lookUp, type Attributes, type Condition, type Expression } from '../testbed/fake-nomad/selector.js';
import type { Attribute } from './attributes.js';

/** Returns the conditions because of which a selector does not match, each with the actual value. */
export function explainMismatch(selector: Expression, attributes: Attributes, known: Attribute[]): string[] {
  return findFailed(selector, attributes, true).map(({ condition, expected, error }) => {
    const name = nameAttribute(condition);
    const truth = expected ? 'is false' : 'is true, but negated';
    const outcome = error === undefined ? truth : 'cannot be evaluated';
    const reason = known.some((attribute) => attribute.name === name)
      ? (error ?? describeValue(condition, attributes))
      : `${name} is not an attribute of the auth method`;
    return `${condition.text} ${outcome}: ${reason}`;
  });
}

/** Returns all conditions of a selector; conditions inside a quantifier are part of the quantifier. */
export function listConditions(selector: Expression): Condition[] {
  switch (selector.type) {
    case 'and':
    case 'or':
      return [...listConditions(selector.left), ...listConditions(selector.right)];
    case 'not':
      return listConditions(selector.operand);
    default:
      return [selector];
  }
}

/** Returns the attributes for which a selector only excludes values, and therefore also matches JWTs without them. */
export function findOnlyExcluded(selector: Expression): string[] {
  const parts = splitAnd(selector);
  const list = (some: Expression[]): string[] => some.flatMap(listConditions).map(nameAttribute);
  const required = list(parts.filter((part) => !isExclusion(part)));
  return [...new Set(list(parts.filter(isExclusion)))].filter((name) => !required.includes(name));
}

/** Returns the name of the attribute that a condition tests, such as value.ref. */
export function nameAttribute({ path }: Condition): string {
  return path.slice(0, 2).join('.');
}

interface Failed {
  condition: Condition;
  /** The result that the condition needs for the selector to match. */
  expected: boolean;
  error?: string;
}

function findFailed(expression: Expression, attributes: Attributes, expected: boolean): Failed[] {
  let error: string | undefined;
  try {
    if (evaluate(expression, attributes) === expected) {
      return [];
    }
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  switch (expression.type) {
    case 'and':
    case 'or':
      return [expression.left, expression.right].flatMap((operand) => findFailed(operand, attributes, expected));
    case 'not':
      return findFailed(expression.operand, attributes, !expected);
    default:
      return [{ condition: expression, expected, ...(error !== undefined && { error }) }];
  }
}

function describeValue(condition: Condition, attributes: Attributes): string {
  const name = condition.path.join('.');
  const value = lookUp(attributes, condition.path);
  if (value === undefined) {
    return `the JWT has no claim for ${name}`;
  }
  const differsInCase =
    condition.type === 'match' &&
    condition.operator === '==' &&
    typeof value === 'string' &&
    value !== condition.value &&
    value.toLowerCase() === condition.value.toLowerCase();
  return `${name} is ${JSON.stringify(value)}${differsInCase ? ' (values are case-sensitive)' : ''}`;
}

function splitAnd(selector: Expression): Expression[] {
  return selector.type === 'and' ? [selector.left, selector.right].flatMap(splitAnd) : [selector];
}

function isExclusion(part: Expression): boolean {
  // "is empty" is meant to match JWTs without the claim.
  if (part.type === 'match' && part.operator === 'is empty') {
    return false;
  }
  try {
    return evaluate(part, { value: {}, list: {} });
  } catch {
    return false;
  }
}
