import { Unknown } from './errors.js';
import { toRegExp } from './regexp.js';

/** A parsed selector. */
export type Expression =
  | { type: 'and' | 'or'; left: Expression; right: Expression }
  | { type: 'not'; operand: Expression }
  | Collection
  | Condition;

/** A condition for the elements of a list, each of which has the name inside. */
export interface Collection {
  type: 'any' | 'all';
  text: string;
  path: string[];
  name: string;
  inner: Expression;
}

/** A part of a selector without `and`, `or`, a leading `not`, `any` and `all`; `text` is its source. */
export interface Condition {
  type: 'condition';
  text: string;
  operator: '==' | 'contains' | 'matches' | 'is empty' | 'is nil';
  isNegated: boolean;
  path: string[];
  value: string;
}

const NAME = /[a-zA-Z][\w/]*/y;
const STRING = /`[^`]*`|"[^"]*"/y;
// Also a value that has this form is read as a JSON pointer, and loses its first slash.
const POINTER = /"((?:\/[\p{L}\p{N}_.~:|-]+)*)"/uy;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?=[ \t\r\n)]|$)/y;
const COMPARISON = /[ \t\r\n]*([!=]=)[ \t\r\n]*|[ \t\r\n]+((?:not[ \t\r\n]+)?(?:contains|matches))[ \t\r\n]+/y;
const STATE = /[ \t\r\n]+is[ \t\r\n]+(?:not[ \t\r\n]+)?(?:empty|nil)/y;
const MEMBERSHIP = /[ \t\r\n]+(?:not[ \t\r\n]+)?in[ \t\r\n]+/y;
const SPACE = /[ \t\r\n]*/y;
const ESCAPES: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

// Since 1.11.0, Nomad refuses a selector that takes its parser more than two million steps, and the parser tries what is in brackets up
// to four times. This many characters, counted for each time, are certainly within the limit.
const MAX_TRIED = 20_000;
// The shortest conditions take more steps for each character.
const MIN_LENGTH = 30;

/** Parses a selector as Nomad does; throws a SyntaxError if it is invalid: https://github.com/hashicorp/go-bexpr */
export function parse(text: string): Expression {
  let at = 0;
  let depth = 0;
  let tried = text.length;

  function take(pattern: RegExp): string[] | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    at += found?.[0].length ?? 0;
    return found?.map((group: string | undefined) => group ?? '');
  }

  function or(): Expression | undefined {
    const left = and();
    if (left === undefined) {
      return collection();
    }
    return take(/[ \t\r\n]+or[ \t\r\n]+/y) ? { type: 'or', left, right: or() ?? fail() } : left;
  }

  function and(): Expression | undefined {
    const left = not();
    return left && take(/[ \t\r\n]+and[ \t\r\n]+/y) ? { type: 'and', left, right: and() ?? fail() } : left;
  }

  // What follows "not" can also show that it is a name.
  function not(): Expression | undefined {
    const start = at;
    const operand = take(/not[ \t\r\n]+/y) && not();
    if (operand !== undefined) {
      return { type: 'not', operand };
    }
    at = start;
    return take(/\(/y) ? nested(')') : condition();
  }

  function nested(end: string): Expression {
    const start = at;
    depth += 1;
    take(SPACE);
    const expression = or() ?? fail();
    take(SPACE);
    tried += (at - start + MIN_LENGTH) * 4 ** depth;
    depth -= 1;
    return text.startsWith(end, at++) ? expression : fail();
  }

  function condition(): Condition | undefined {
    const start = at;
    const path = readPath();
    const comparison = path && take(COMPARISON);
    if (path && comparison) {
      return build(start, path, comparison[1] || comparison[2] || '', readValue() ?? fail());
    }
    const state = path && take(STATE);
    if (path && state) {
      return build(start, path, state[0] ?? '');
    }
    at = start;
    const value = readValue();
    const membership = value === undefined ? undefined : take(MEMBERSHIP);
    if (membership) {
      return build(start, readPath() ?? fail(), membership[0] ?? '', value);
    }
    at = start;
    return undefined;
  }

  function build(start: number, path: string[], words: string, value = ''): Condition {
    const operator = words.trim().replace(/[ \t\r\n]+/g, ' ');
    const name = operator.replace('not ', '').replace('!=', '==').replace(/^in$/, 'contains');
    if (name === 'matches') {
      toRegExp(value);
    }
    const isNegated = /not |!=/.test(operator);
    const source = text.slice(start, at);
    return { type: 'condition', text: source, operator: name as Condition['operator'], isNegated, path, value };
  }

  function collection(): Collection | undefined {
    const start = at;
    const [, type] = take(/(any|all)[ \t\r\n]+/y) ?? [];
    if (type === undefined) {
      return undefined;
    }
    const path = readPath() ?? fail();
    const [, index, item, alone] =
      take(
        /[ \t\r\n]+as[ \t\r\n]+(?:([a-zA-Z]\w*|_)[ \t\r\n]*,[ \t\r\n]*([a-zA-Z]\w*|_)|([a-zA-Z]\w*))[ \t\r\n]*\{/y,
      ) ?? fail();
    const inner = nested('}');
    const source = text.slice(start, at);
    if ((index && index !== '_') || item === '_' || path.length < 2) {
      throw new Unknown(`the selector ${source}`);
    }
    return { type: type as Collection['type'], text: source, path, name: item || alone || '', inner };
  }

  function readPath(): string[] | undefined {
    const [, pointer] = take(POINTER) ?? [];
    if (pointer !== undefined) {
      return checkPath(
        pointer
          .split('/')
          .slice(pointer === '' ? 0 : 1)
          .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')),
      );
    }
    const [first] = take(NAME) ?? [];
    const names = first === undefined ? [] : [first];
    for (let next = first; next !== undefined;) {
      next = take(/\.([a-zA-Z][\w/]*|\d+)/y)?.[1] ?? readIndex();
      names.push(...(next === undefined ? [] : [next]));
    }
    return first === undefined ? undefined : checkPath(names);
  }

  function readIndex(): string | undefined {
    if (!take(/\[[ \t\r\n]*/y)) {
      return undefined;
    }
    const [literal] = take(STRING) ?? fail();
    return take(/[ \t\r\n]*\]/y) ? unquote(literal ?? '') : fail();
  }

  function readValue(): string | undefined {
    const start = at;
    const path = readPath();
    if (path !== undefined) {
      return path.join(text.startsWith('"', start) ? '/' : '.');
    }
    const [literal] = take(STRING) ?? [];
    return literal === undefined ? take(NUMBER)?.[0] : unquote(literal);
  }

  take(SPACE);
  const expression = or() ?? fail();
  take(SPACE);
  if (at < text.length) {
    fail();
  }
  if (tried > MAX_TRIED) {
    throw new Unknown(`the deeply nested selector ${text}`);
  }
  return expression;
}

function fail(): never {
  throw new SyntaxError('invalid');
}

// Go reads other numbers than these as indexes, too.
function checkPath(names: string[]): string[] {
  const [, , index = ''] = names;
  if (!/^(?:[a-zA-Z].*|\d|[1-9]\d{0,3})?$/s.test(index)) {
    throw new Unknown(`the index ${index} in a selector`);
  }
  return names;
}

// https://go.dev/ref/spec#String_literals
function unquote(literal: string): string {
  const text = literal.slice(1, -1);
  if (literal.startsWith('`')) {
    return text.replaceAll('\r', '');
  }
  if (text.includes('\n')) {
    return fail();
  }
  return text.replace(/\\(.?)/gs, (escape, character: string) => {
    if (/[xuU0-7]/.test(character)) {
      throw new Unknown(`the escape ${escape} in a selector`);
    }
    return ESCAPES[character] ?? fail();
  });
}
