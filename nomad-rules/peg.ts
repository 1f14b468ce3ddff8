/** The text that is parsed, and the number of steps so far. */
export interface Input {
  text: string;
  steps: number;
}

interface Match<T> {
  value: T;
  end: number;
}

/** A parsing expression, as in https://bford.info/pub/lang/peg.pdf: returns what it matches at an index. */
export type Parser<T = unknown> = (input: Input, at: number) => Match<T> | undefined;

// Nomad limits the number of expressions that its parser tries, so each of them counts.
function step<T>(parser: Parser<T>): Parser<T> {
  return (input, at) => {
    input.steps += 1;
    return parser(input, at);
  };
}

export const literal = (text: string): Parser<string> =>
  step((input, at) => (input.text.startsWith(text, at) ? { value: text, end: at + text.length } : undefined));

/** Matches one character; the pattern must be sticky. */
export const character = (pattern: RegExp): Parser<string> =>
  step(({ text }, at) => {
    pattern.lastIndex = at;
    const [value] = pattern.exec(text) ?? [];
    return value === undefined ? undefined : { value, end: at + value.length };
  });

export const sequence = <T extends unknown[]>(...parts: { [K in keyof T]: Parser<T[K]> }): Parser<T> =>
  step((input, at) => {
    const values: unknown[] = [];
    let end = at;
    for (const part of parts) {
      const match = part(input, end);
      if (match === undefined) {
        return undefined;
      }
      values.push(match.value);
      end = match.end;
    }
    return { value: values as T, end };
  });

export const choice = <T>(...alternatives: Parser<T>[]): Parser<T> =>
  step((input, at) => {
    for (const alternative of alternatives) {
      const match = alternative(input, at);
      if (match !== undefined) {
        return match;
      }
    }
    return undefined;
  });

export const optional = (parser: Parser): Parser =>
  step((input, at) => parser(input, at) ?? { value: undefined, end: at });

export const repeat = <T>(parser: Parser<T>, min = 0): Parser<T[]> =>
  step((input, at) => {
    const value: T[] = [];
    let end = at;
    for (let match = parser(input, end); match !== undefined; match = parser(input, end)) {
      value.push(match.value);
      end = match.end;
    }
    return value.length < min ? undefined : { value, end };
  });

export const followedBy = (parser: Parser): Parser =>
  step((input, at) => parser(input, at) && { value: undefined, end: at });

export const notFollowedBy = (parser: Parser): Parser =>
  step((input, at) => (parser(input, at) === undefined ? { value: undefined, end: at } : undefined));

/** Matches as a parser does, in one more step. */
export const label = <T>(parser: Parser<T>): Parser<T> => step(parser);

/** Builds a value from a match and its text. */
export const action = <T, U>(parser: Parser<T>, build: (value: T, text: string) => U): Parser<U> =>
  step((input, at) => {
    const match = parser(input, at);
    return match && { value: build(match.value, input.text.slice(at, match.end)), end: match.end };
  });

export const fail: Parser<never> = step(() => {
  throw new SyntaxError('invalid');
});

/** A named rule, which may refer to itself; it remembers what it matched and in how many steps, because Nomad tries again. */
export function rule<T>(get: () => Parser<T>): Parser<T> {
  const known = new WeakMap<Input, Map<number, { match: Match<T> | undefined; steps: number }>>();
  let parser: Parser<T> | undefined;
  return step((input, at) => {
    parser ??= get();
    const results = known.get(input) ?? new Map<number, { match: Match<T> | undefined; steps: number }>();
    known.set(input, results);
    const before = input.steps;
    const result = results.get(at);
    if (result !== undefined) {
      input.steps += result.steps;
      return result.match;
    }
    const match = parser(input, at);
    results.set(at, { match, steps: input.steps - before });
    return match;
  });
}
