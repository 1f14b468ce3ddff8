import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import peggy from 'peggy';
import { RE2JS } from 're2js';

/** What a method's claim mappings make of a JWT, by the names that selectors use. */
export interface Attributes {
  value: Record<string, string>;
  list: Record<string, string[]>;
}

type Expression =
  | { type: 'and' | 'or'; left: Expression; right: Expression }
  | { type: 'not'; operand: Expression }
  | { type: 'any' | 'all'; path: string[]; names: Names; body: Expression }
  | { type: 'match'; operator: string; path: string[]; value: string };

/** What the body of a quantifier calls each element: both of its parts, or the one that counts (a map's key, a list's value). */
type Names = { key: string; value: string } | { either: string };

// Without a cache, each parenthesis would multiply the time by four.
const parser = peggy.generate(readFileSync(join(import.meta.dirname, 'selector.peggy'), 'utf8'), { cache: true });

/** Returns what is wrong with a selector's syntax, or undefined. */
export function findSyntaxError(selector: string): string | undefined {
  try {
    parser.parse(selector);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Tells whether a selector matches; an empty one always does, one that cannot be evaluated never. */
export function matches(selector: string, attributes: Attributes): boolean {
  if (selector === '') {
    return true;
  }
  try {
    return evaluate(parser.parse(selector) as Expression, attributes);
  } catch {
    return false;
  }
}

function evaluate(expression: Expression, scope: object): boolean {
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

// An attribute that is not there is undefined; a scope that is not there is an error, as in Nomad.
function lookUp(scope: object, [head = '', ...rest]: string[]): unknown {
  if (!Object.hasOwn(scope, head)) {
    throw new Error(`unknown name ${head}`);
  }
  return rest.reduce<unknown>(
    (value, key) => {
      if (typeof value !== 'object' || value === null) {
        throw new Error(`${rest.join('.')} is no attribute`);
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
