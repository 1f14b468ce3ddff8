import { Refusal } from './errors.js';
import { parse, type Collection, type Condition, type Expression } from './parser.js';
import { toRegExp } from './regexp.js';

export type { Collection, Condition, Expression } from './parser.js';

/** The attributes that an auth method's claim mappings create from a JWT, by the names that selectors use. */
export interface Attributes {
  value: Record<string, string>;
  list: Record<string, string[]>;
}

/** What is at a path: an attribute, an element of a list, or all attributes of a kind. */
type Value = string | string[] | Record<string, string | string[]>;

/** A name that `any` or `all` gives to an element of a list. */
interface Variable {
  name: string;
  path: string[];
}

/** Parses a selector that is not empty; throws a refusal if it is invalid, or if the fake Nomad does not know a part of it. */
export function parseSelector(text: string): Expression {
  try {
    return parse(text);
  } catch (error) {
    throw error instanceof SyntaxError
      ? new Refusal(400, `binding rule 0 invalid: 1 error occurred:\n\t* selector is invalid: ${text}\n\n`)
      : error;
  }
}

/** Tells whether a selector matches; an empty one always does, and one that cannot be evaluated never does. */
export function matches(selector: string, attributes: Attributes): boolean {
  return selector === '' || evaluate(parseSelector(selector), attributes) === true;
}

/** Evaluates a parsed selector; undefined means that Nomad cannot evaluate it, and therefore it does not match. */
export function evaluate(
  expression: Expression,
  attributes: Attributes,
  variables: Variable[] = [],
): boolean | undefined {
  const recur = (operand: Expression): boolean | undefined => evaluate(operand, attributes, variables);
  switch (expression.type) {
    case 'and':
      return recur(expression.left) && recur(expression.right);
    case 'or': {
      const left = recur(expression.left);
      return left === false ? recur(expression.right) : left;
    }
    case 'not': {
      const result = recur(expression.operand);
      return result === undefined ? undefined : !result;
    }
    case 'any':
    case 'all':
      return evaluateCollection(expression, attributes, variables);
    case 'condition':
      return evaluateCondition(expression, resolve(expression.path, attributes, variables));
  }
}

function evaluateCollection(
  { type, path, name, inner }: Collection,
  attributes: Attributes,
  variables: Variable[],
): boolean | undefined {
  const items = resolve(path, attributes, variables);
  if (items !== undefined && !Array.isArray(items)) {
    return undefined;
  }
  for (const index of (items ?? []).keys()) {
    const result = evaluate(inner, attributes, [...variables, { name, path: [...path, String(index)] }]);
    if (result !== (type === 'all')) {
      return result;
    }
  }
  return type === 'all';
}

function evaluateCondition(
  { operator, isNegated, value }: Condition,
  actual: Value | undefined | null,
): boolean | undefined {
  if (actual === null) {
    return undefined;
  }
  const result =
    actual === undefined ? operator === 'is empty' || operator === 'is nil' : holds(operator, actual, value);
  return result === undefined ? undefined : result !== isNegated;
}

function holds(operator: Condition['operator'], actual: Value, value: string): boolean | undefined {
  const isText = typeof actual === 'string';
  switch (operator) {
    case 'is empty':
      return Object.keys(actual).length === 0;
    case 'is nil':
      return isText ? undefined : false;
    case 'contains':
      return isText || Array.isArray(actual) ? actual.includes(value) : Object.hasOwn(actual, value);
    case '==':
      return isText ? actual === value : undefined;
    case 'matches':
      return isText ? toRegExp(value).test(actual) : undefined;
  }
}

// Returns undefined if there is no such attribute, and null if the path does not fit the attributes.
function resolve(path: string[], attributes: Attributes, variables: Variable[]): Value | undefined | null {
  const [scope, name, ...rest] = variables.reduceRight(
    (names, variable) => (names[0] === variable.name ? [...variable.path, ...names.slice(1)] : names),
    path,
  );
  if (scope !== 'value' && scope !== 'list') {
    return null;
  }
  if (name === undefined) {
    return attributes[scope];
  }
  const actual = lookUp([scope, name], attributes);
  const [index] = rest;
  if (index === undefined) {
    return actual;
  }
  return (Array.isArray(actual) && rest.length === 1 && actual[Number(index)]) || null;
}

/** Returns the value of an attribute, or undefined if there is none; throws an error if the first name is no kind of attribute. */
export function lookUp([scope = '', name = '']: string[], attributes: Attributes): string | string[] | undefined {
  if (scope !== 'value' && scope !== 'list') {
    throw new Error(`unknown name ${scope}`);
  }
  return Object.hasOwn(attributes[scope], name) ? attributes[scope][name] : undefined;
}
