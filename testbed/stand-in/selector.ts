import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import peggy from 'peggy';

/** What a method's claim mappings make of a JWT, by the names that selectors use. */
export interface Attributes {
  value: Record<string, string>;
  list: Record<string, string[]>;
}

type Expression =
  | { type: 'and' | 'or'; left: Expression; right: Expression }
  | { type: 'not'; operand: Expression }
  | { type: 'any' | 'all'; path: string[]; name: string; body: Expression }
  | { type: 'match'; operator: string; path: string[]; value: string };

const parser = peggy.generate(readFileSync(join(import.meta.dirname, 'selector.peggy'), 'utf8'));

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
      const items = expectList(lookUp(scope, expression.path));
      const test = (item: string): boolean => evaluate(expression.body, { ...scope, [expression.name]: item });
      return expression.type === 'any' ? items.some(test) : items.every(test);
    }
    case 'match':
      return match(expression.operator, lookUp(scope, expression.path), expression.value);
  }
}

function match(operator: string, actual: string | string[] | undefined, value: string): boolean {
  switch (operator) {
    case '==':
      return actual !== undefined && expectString(actual) === value;
    case 'contains':
      return actual?.includes(value) ?? false;
    case 'matches':
      return actual !== undefined && new RegExp(value).test(expectString(actual));
    case 'is empty':
      return actual === undefined || actual.length === 0;
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

// An attribute that is not there is undefined; a scope that is not there is an error, as in Nomad.
function lookUp(scope: object, [head = '', ...rest]: string[]): string | string[] | undefined {
  if (!Object.hasOwn(scope, head)) {
    throw new Error(`unknown name ${head}`);
  }
  const value = (scope as Record<string, unknown>)[head];
  const [key, ...deeper] = rest;
  if (key === undefined) {
    return value as string | string[];
  }
  if (deeper.length > 0 || typeof value !== 'object' || value === null) {
    throw new Error(`${rest.join('.')} is no attribute`);
  }
  return Object.hasOwn(value, key) ? (value as Record<string, string | string[]>)[key] : undefined;
}

function expectString(value: string | string[]): string {
  if (typeof value !== 'string') {
    throw new Error('not a string');
  }
  return value;
}

function expectList(value: string | string[] | undefined): string[] {
  if (!Array.isArray(value)) {
    throw new Error('not a list');
  }
  return value;
}
