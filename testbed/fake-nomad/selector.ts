import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import peggy from 'peggy';
import { RE2JS } from 're2js';

/** The attributes that an auth method's claim mappings create from a JWT, by the names that selectors use. */
export interface Attributes {
  value: Record<string, string>;
  list: Record<string, string[]>;
}

/** A parsed selector. */
export type Expression =
  { type: 'and' | 'or'; left: Expression; right: Expression } | { type: 'not'; operand: Expression } | Condition;

/** A part of a selector that contains no `and`, `or` or `not` outside braces; `text` is its source. */
export type Condition =
  | { type: 'any' | 'all'; text: string; path: string[]; names: Names; body: Expression }
  | { type: 'match'; text: string; operator: string; path: string[]; value: string };

/** The names by which the body of a quantifier refers to an element: to both of its parts, or to a map's key or a list's value. */
type Names = { key: string; value: string } | { either: string };

// Without the cache, each nested parenthesis quadruples the parse time.
const parser = peggy.generate(readFileSync(join(import.meta.dirname, 'selector.peggy'), 'utf8'), { cache: true });

/** Parses a selector that is not empty; throws a syntax error. */
export function parseSelector(selector: string): Expression {
  return parser.parse(selector) as Expression;
}

/** Returns a selector's syntax error, or undefined. */
export function findSyntaxError(selector: string): string | undefined {
  try {
    parseSelector(selector);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Tells whether a selector matches; an empty one always does, and one that cannot be evaluated never does. */
export function matches(selector: string, attributes: Attributes): boolean {
  if (selector === '') {
    return true;
  }
  try {
    return evaluate(parseSelector(selector), attributes);
  } catch {
    return false;
  }
}

/** Evaluates a parsed selector; throws an error if a path does not fit the attributes. */
export function evaluate(expression: Expression, scope: object): boolean {
  switch (expression.type) {
    case 'and':
      return evaluate(expression.left, scope) && evaluate(expression.right, scope);
    case 'or':
      return evaluate(expression.left, scope) || evaluate(expression.right, scope);
    case 'not':
      return !evaluate(expression.operand, scope);
    case 'any':
    case 'all': {
      const test = (bound: object): boolean => evaluate(expression.body, { ...scope, ...bound });
      const elements = listElements(lookUp(scope, expression.path), expression.names);
      return expression.type === 'any' ? elements.some(test) : elements.every(test);
    }
    case 'match':
      return match(expression.operator, lookUp(scope, expression.path), expression.value);
  }
}

function listElements(value: unknown, names: Names): object[] {
  if (value !== undefined && (typeof value !== 'object' || value === null)) {
    throw new Error('neither a list nor a map');
  }
  return Object.entries(value ?? {}).map(([key, element]) =>
    'either' in names
      ? { [names.either]: Array.isArray(value) ? (element as unknown) : key }
      : { [names.key]: key, [names.value]: element as unknown },
  );
}

function match(operator: string, actual: unknown, value: string): boolean {
  switch (operator) {
    case '==':
      return actual !== undefined && expectString(actual) === value;
    case 'contains':
      return contains(actual, value);
    case 'matches':
      return actual !== undefined && RE2JS.compile(value).matcher(expectString(actual)).find();
    case 'is empty':
      return actual === undefined || Object.keys(Object(actual) as object).length === 0;
    default:
      return !match(OPPOSITES[operator] ?? operator, actual, value);
  }
}

const OPPOSITES: Record<string, string> = {
  '!=': '==',
  'not contains': 'contains',
  'not matches': 'matches',
  'is not empty': 'is empty',
};

function contains(actual: unknown, value: string): boolean {
  if (typeof actual === 'string' || Array.isArray(actual)) {
    return actual.includes(value);
  }
  return Object.hasOwn(Object(actual) as object, value);
}

/** Returns the value at a path, or undefined if there is no such attribute; an unknown first name is an error, as in Nomad. */
export function lookUp(scope: object, [head = '', ...rest]: string[]): unknown {
  if (!Object.hasOwn(scope, head)) {
    throw new Error(`unknown name ${head}`);
  }
  return rest.reduce<unknown>(
    (value, key) => {
      if (typeof value !== 'object' || value === null) {
        throw new Error(`${rest.join('.')} is not an attribute`);
      }
      return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    },
    (scope as Record<string, unknown>)[head],
  );
}

function expectString(value: unknown): string {
  if (typeof value !== 'string') {
    throw new Error('not a string');
  }
  return value;
}
