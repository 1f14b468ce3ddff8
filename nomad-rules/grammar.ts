import { Unknown } from './errors.js';
import { toRegExp } from './regexp.js';
import {
  action,
  character,
  choice,
  fail,
  followedBy,
  label,
  literal,
  notFollowedBy,
  optional,
  repeat,
  rule,
  sequence,
  type Parser,
} from './peg.js';

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

type Operator = Pick<Condition, 'operator' | 'isNegated'>;

const ESCAPES: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

// Nomad counts what its parser tries, so these are the rules of its parser, in their order:
// https://github.com/hashicorp/go-bexpr/blob/v0.1.16/grammar/grammar.peg
const space = rule(() => repeat(character(/[ \t\r\n]/y), 1));
const anyCharacter = character(/./suy);
const end = rule(() => notFollowedBy(anyCharacter));

const rawCharacter = rule(() => sequence(notFollowedBy(literal('`')), anyCharacter));
const quotedCharacter = rule(() => sequence(notFollowedBy(literal('"')), anyCharacter));
const string = rule(() =>
  choice<string>(
    action(
      choice<unknown>(
        sequence(literal('`'), repeat(rawCharacter), literal('`')),
        sequence(literal('"'), repeat(quotedCharacter), literal('"')),
      ),
      (_, text) => unquote(text),
    ),
    never(
      choice<unknown>(sequence(literal('`'), repeat(rawCharacter)), sequence(literal('"'), repeat(quotedCharacter))),
      end,
    ),
  ),
);

const integerOrFloat = rule(() =>
  sequence(
    choice<unknown>(literal('0'), sequence(character(/[1-9]/y), repeat(character(/\d/y)))),
    optional(sequence(literal('.'), repeat(character(/\d/y), 1))),
  ),
);
const afterNumber = rule(() => followedBy(choice<unknown>(space, end, literal(')'))));
const number = rule(() =>
  choice<string>(
    action(sequence(optional(literal('-')), integerOrFloat, followedBy(afterNumber)), (_, text) => text),
    never(optional(literal('-')), integerOrFloat, notFollowedBy(afterNumber)),
  ),
);

const identifier = rule(() =>
  action(sequence(character(/[a-zA-Z]/y), repeat(character(/[a-zA-Z\d_/]/y))), (_, text) => text),
);
const index = rule(() =>
  choice<string>(
    action(sequence(literal('['), optional(space), label(string), optional(space), literal(']')), ([, , text]) => text),
    never(literal('['), optional(space), notFollowedBy(string)),
    never(literal('['), optional(space), string, optional(space), notFollowedBy(literal(']'))),
  ),
);
const pathPart = rule(() =>
  choice<string>(
    action(sequence(literal('.'), label(identifier)), ([, name]) => name),
    action(label(index), (name) => name),
    action(sequence(literal('.'), label(repeat(character(/\d/y), 1))), ([, digits]) => digits.join('')),
  ),
);
const pointerPart = rule(() =>
  action(sequence(literal('/'), label(repeat(character(/[\p{L}\p{N}_.~:|-]/uy), 1))), ([, name]) => name.join('')),
);
const path = rule(() =>
  choice<{ names: string[]; separator: string }>(
    action(sequence(label(identifier), label(repeat(pathPart))), ([first, rest]) => ({
      names: [first, ...rest],
      separator: '.',
    })),
    // A JSON pointer, also where it is a value.
    action(sequence(literal('"'), label(repeat(pointerPart)), literal('"')), ([, parts]) => ({
      names: parts.length === 0 ? [''] : parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')),
      separator: '/',
    })),
  ),
);
const value = rule(() =>
  choice<string>(
    action(label(path), ({ names, separator }) => names.join(separator)),
    action(label(number), (text) => text),
    action(label(string), (text) => text),
  ),
);

const equality = ['==', '!='].map((sign) => operator(sign, optional(space), literal(sign), optional(space)));
const tests = ['contains', 'not contains', 'matches', 'not matches'].map((name) =>
  operator(name, ...words(name), space),
);
const states = ['is empty', 'is not empty', 'is nil', 'is not nil'].map((name) => operator(name, ...words(name)));
const positions = ['in', 'not in'].map((name) => operator(name, ...words(name), space));

function words(name: string): Parser[] {
  return name.split(' ').flatMap((word) => [space, literal(word)]);
}

function operator(name: string, ...parts: Parser[]): Parser<Operator> {
  const positive = name.replace('not ', '').replace('!=', '==').replace(/^in$/, 'contains');
  const found = { operator: positive as Condition['operator'], isNegated: /not |!=/.test(name) };
  return rule(() => action(sequence(...parts), () => found));
}

const condition = rule(() => choice<Condition>(comparison, emptiness, membership));
const comparison = rule(() =>
  action(
    sequence(label(path), label(choice(...equality, ...tests)), label(value)),
    ([{ names }, found, text], source) => build(source, names, found, text),
  ),
);
const emptiness = rule(() =>
  action(sequence(label(path), label(choice(...states))), ([{ names }, found], source) =>
    build(source, names, found, ''),
  ),
);
const membership = rule(() =>
  choice<Condition>(
    action(sequence(label(value), label(choice(...positions)), label(path)), ([text, found, { names }], source) =>
      build(source, names, found, text),
    ),
    never(value, label(choice(...positions)), notFollowedBy(path)),
  ),
);

function build(text: string, names: string[], found: Operator, compared: string): Condition {
  if (found.operator === 'matches') {
    toRegExp(compared);
  }
  return { type: 'condition', text, ...found, path: checkPath(names), value: compared };
}

// Go reads other numbers than these as indexes, too.
function checkPath(names: string[]): string[] {
  const [, , index = ''] = names;
  if (!/^(?:[a-zA-Z].*|\d|[1-9]\d{0,3})?$/s.test(index)) {
    throw new Unknown(`the index ${index} in a selector`);
  }
  return names;
}

const grouping = rule(() =>
  choice<Expression>(
    action(
      sequence(literal('('), optional(space), label(or), optional(space), literal(')')),
      ([, , expression]) => expression,
    ),
    action(label(condition), (expression) => expression),
    never(literal('('), optional(space), or, optional(space), notFollowedBy(literal(')'))),
  ),
);
const not: Parser<Expression> = rule(() =>
  choice<Expression>(
    action(sequence(literal('not'), space, label(not)), ([, , operand]) =>
      operand.type === 'not' ? operand.operand : { type: 'not', operand },
    ),
    action(label(grouping), (expression) => expression),
  ),
);
const and: Parser<Expression> = rule(() =>
  choice<Expression>(
    action(sequence(label(not), space, literal('and'), space, label(and)), ([left, , , , right]) => ({
      type: 'and',
      left,
      right,
    })),
    action(label(not), (expression) => expression),
  ),
);
const or: Parser<Expression> = rule(() =>
  choice<Expression>(
    action(sequence(label(and), space, literal('or'), space, label(or)), ([left, , , , right]) => ({
      type: 'or',
      left,
      right,
    })),
    action(label(and), (expression) => expression),
    action(label(collection), (expression) => expression),
  ),
);

const any = rule(() => action(sequence(literal('any'), space), () => 'any' as const));
const all = rule(() => action(sequence(literal('all'), space), () => 'all' as const));
const collection = rule(() =>
  action(
    sequence(
      label(choice<'any' | 'all'>(any, all)),
      label(path),
      space,
      literal('as'),
      space,
      label(names),
      optional(space),
      literal('{'),
      optional(space),
      label(or),
      optional(space),
      literal('}'),
    ),
    ([type, { names: over }, , , , name, , , , inner], text): Expression => {
      if (over.length < 2) {
        throw new Unknown(`the selector ${text}`);
      }
      return { type, text, path: checkPath(over), name, inner };
    },
  ),
);
const comma = [optional(space), literal(','), optional(space)] as const;
const names = rule(() =>
  choice<string>(
    action(sequence(label(identifier), ...comma, label(identifier)), unknownIndex),
    action(sequence(label(identifier), ...comma, literal('_')), unknownIndex),
    action(sequence(literal('_'), ...comma, label(identifier)), ([, , , , name]) => name),
    action(label(identifier), (name) => name),
  ),
);

function unknownIndex(_: unknown, text: string): never {
  throw new Unknown(`the index in "${text}"`);
}

/** The grammar of selectors; throws a SyntaxError for what makes one invalid wherever it occurs. */
export const grammar: Parser<Expression> = choice<Expression>(
  action(
    sequence(
      optional(space),
      literal('('),
      optional(space),
      label(or),
      optional(space),
      literal(')'),
      optional(space),
      end,
    ),
    ([, , , expression]) => expression,
  ),
  action(sequence(optional(space), label(or), optional(space), end), ([, expression]) => expression),
);

function never(...parts: Parser[]): Parser<never> {
  return sequence(...parts, fail) as Parser<never>;
}

// Converts a string literal of Go: https://go.dev/ref/spec#String_literals
function unquote(literalText: string): string {
  const text = literalText.slice(1, -1);
  if (literalText.startsWith('`')) {
    return text.replaceAll('\r', '');
  }
  if (text.includes('\n')) {
    throw new SyntaxError('invalid escape');
  }
  return text.replace(
    /\\(?:x([0-7][\da-fA-F])|u(?![dD][89a-fA-F])([\da-fA-F]{4})|([xuU0-7])|(.?))/gs,
    (escape, hex: string | undefined, code: string | undefined, other: string | undefined, character = '') => {
      if (other !== undefined) {
        throw new Unknown(`the escape ${escape} in a selector`);
      }
      const digits = hex ?? code;
      const escaped = digits === undefined ? ESCAPES[character as string] : String.fromCharCode(parseInt(digits, 16));
      if (escaped === undefined) {
        throw new SyntaxError('invalid escape');
      }
      return escaped;
    },
  );
}
