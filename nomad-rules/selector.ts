import { refuse, Unknown } from './errors.js';

/** The attributes that an auth method's claim mappings create from a JWT, by the names that selectors use. */
export interface Attributes {
  value: Record<string, string>;
  list: Record<string, string[]>;
}

/** A parsed selector. */
export type Expression =
  { type: 'and' | 'or'; left: Expression; right: Expression } | { type: 'not'; operand: Expression } | Condition;

/** A part of a selector without `and`, `or` and a leading `not`; `text` is its source. */
export interface Condition {
  type: 'condition';
  text: string;
  operator: '==' | 'contains' | 'matches' | 'is empty';
  isNegated: boolean;
  path: string[];
  value: string;
}

const QUOTED = /"(?:[^"\\]|\\[\\"abfnrtvxuU0-7])*"|`[^`]*`/g;
// What no selector contains outside quotes: other characters, "=" alone, "!" alone, and a hyphen inside a word.
const NEVER_VALID = /[^\w \t\r\n/.(){}[\],=!-]|(?<![=!])=(?!=)|===|!(?!=)|[\w.]-/;
// What a selector can contain that the parser does not read: quantifiers, indexes, JSON pointers, escapes, and paths of another length.
const UNREAD =
  /\b(?:any|all)\s|[[\\{]|\bin\s+"|"\s*[!=]=|"\s+(?:not\s+)?(?:contains|is|matches)\b|\.\d|\w\.\w+\.|\b(?:value|list)\b(?!\.)|\bnot\s+(?:[!=]=|contains|in|is|matches)/;
const NAME = '[a-zA-Z][a-zA-Z0-9_/]*';
const PATH = `${NAME}(?:\\.${NAME})?`;
const COMPARISON = new RegExp(`^(${PATH})(\\s*[!=]=\\s*|\\s+(?:not\\s+)?(?:contains|matches)\\s+)`);
const EMPTINESS = new RegExp(`^(${PATH})\\s+(is\\s+(?:not\\s+)?empty)`);
const MEMBERSHIP = new RegExp(`^\\s+((?:not\\s+)?in)\\s+(${PATH})`);
const TEXT = /"(?:[^"\\\n]|\\\\)*"|`[^`]*`/;
const VALUE = new RegExp(`^(?:(${TEXT.source})|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?=[\\s)]|$)|${NAME}(?:\\.${NAME})*)`);
// The part of Go's regular expressions that means the same in JavaScript.
const CLASS = /\[\^?(?:[^\\[\]^]|\\[\\^$.|?*+()[\]{}/dw-])+\]/;
const REPEATED = /(?:[*+?]|(?<!\))\{\d{1,2}(?:,\d{0,2})?\})\??/;
const TOKEN = new RegExp(
  `${CLASS.source}|${REPEATED.source}|\\\\[\\\\^$.|?*+()[\\]{}/dw]|\\((?:\\?:|(?!\\?))|[^\\\\[\\]{}*+?(]`,
  'gu',
);

/** Parses a selector that is not empty; throws a refusal if it is invalid, or if the fake Nomad does not know a part of it. */
export function parseSelector(selector: string): Expression {
  if (NEVER_VALID.test(selector.replace(QUOTED, ''))) {
    refuse('binding rule 0 invalid', [`selector is invalid: ${selector}`]);
  }
  let rest = selector;

  function take(pattern: RegExp): string[] | undefined {
    const found = pattern.exec(rest);
    rest = rest.slice(found?.[0].length ?? 0);
    return found?.map((group: string | undefined) => group ?? '');
  }

  function or(): Expression {
    const left = and();
    return take(/^\s+or\s+/) ? { type: 'or', left, right: or() } : left;
  }

  function and(): Expression {
    const left = not();
    return take(/^\s+and\s+/) ? { type: 'and', left, right: and() } : left;
  }

  function not(): Expression {
    return take(/^not\s+/) ? { type: 'not', operand: not() } : primary();
  }

  function primary(): Expression {
    if (!take(/^\(\s*/)) {
      return condition();
    }
    const inner = or();
    return take(/^\s*\)/) ? inner : fail();
  }

  function condition(): Condition {
    const before = rest;
    const [, subject, comparison] = take(COMPARISON) ?? take(EMPTINESS) ?? [];
    const value = comparison?.endsWith('empty') ? '' : readValue();
    const [, membership = '', container = ''] = subject === undefined ? (take(MEMBERSHIP) ?? fail()) : [];
    const operator = (comparison ?? membership).trim().replace(/\s+/g, ' ');
    const path = (subject ?? container).split('.');
    const name = operator
      .replace(/\bnot /, '')
      .replace('!=', '==')
      .replace(/^in$/, 'contains');
    if (name === 'matches') {
      toRegExp(value);
    }
    // The attributes as a whole.
    return path.length === 1 && /^(?:value|list)$/.test(path[0] ?? '')
      ? fail()
      : {
          type: 'condition',
          text: before.slice(0, before.length - rest.length),
          operator: name as Condition['operator'],
          isNegated: /\bnot |!=/.test(operator),
          path,
          value,
        };
  }

  function readValue(): string {
    const [text = '', quoted] = take(VALUE) ?? fail();
    return quoted ? text.slice(1, -1).replaceAll('\\\\', text.startsWith('"') ? '\\' : '\\\\') : text;
  }

  function fail(): never {
    refuse('binding rule 0 invalid', [!UNREAD.test(selector) && `selector is invalid: ${selector}`]);
    throw new Unknown(`the selector ${selector}`);
  }

  take(/^\s*/);
  const expression = or();
  take(/^\s*/);
  return rest === '' ? expression : fail();
}

/** Converts a regular expression of Go; throws a refusal if it may mean something else in JavaScript. */
function toRegExp(pattern: string): RegExp {
  const isKnown = pattern.replace(TOKEN, '') === '';
  try {
    return new RegExp(isKnown ? pattern.replace(TOKEN, (token) => (token === '.' ? '[^\\n]' : token)) : '[', 'u');
  } catch {
    throw new Unknown(`the regular expression ${pattern}`);
  }
}

/** Tells whether a selector matches; an empty one always does, and one that cannot be evaluated never does. */
export function matches(selector: string, attributes: Attributes): boolean {
  const expression = selector === '' ? undefined : parseSelector(selector);
  try {
    return expression === undefined || evaluate(expression, attributes);
  } catch {
    return false;
  }
}

/** Evaluates a parsed selector; throws an error if a path does not fit the attributes. */
export function evaluate(expression: Expression, attributes: Attributes): boolean {
  switch (expression.type) {
    case 'and':
      return evaluate(expression.left, attributes) && evaluate(expression.right, attributes);
    case 'or':
      return evaluate(expression.left, attributes) || evaluate(expression.right, attributes);
    case 'not':
      return !evaluate(expression.operand, attributes);
    case 'condition':
      return holds(expression, lookUp(expression.path, attributes)) !== expression.isNegated;
  }
}

function holds({ operator, value }: Condition, actual: string | string[] | undefined): boolean {
  if (operator === 'is empty') {
    return actual === undefined || actual.length === 0;
  }
  if (actual === undefined || operator === 'contains') {
    return actual?.includes(value) ?? false;
  }
  if (typeof actual !== 'string') {
    throw new Error('not a string');
  }
  return operator === '==' ? actual === value : toRegExp(value).test(actual);
}

/** Returns the value at a path, or undefined if there is no such attribute; an unknown first name is an error, as in Nomad. */
export function lookUp([scope = '', name = '']: string[], attributes: Attributes): string | string[] | undefined {
  if (scope !== 'value' && scope !== 'list') {
    throw new Error(`unknown name ${scope}`);
  }
  return Object.hasOwn(attributes[scope], name) ? attributes[scope][name] : undefined;
}
