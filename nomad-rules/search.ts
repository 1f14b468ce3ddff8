import { Automaton } from './automaton.js';

/** A text with parts to choose, such as "repo:‹owner›/‹name›", and a regular expression that it matches or not. */
export interface Test {
  template: string;
  pattern: RegExp;
  /** Changes what is chosen before it becomes part of the text. */
  convert?: ((text: string) => string) | undefined;
}

/** Which values can be chosen for a part, as a regular expression for the whole value, and which of them to try first. */
export interface Choice {
  pattern: RegExp;
  usual: string[];
}

// A test of which the text has been read up to a part that is to be chosen, in each state that is possible there.
interface Reader extends Test {
  automaton: Automaton;
  names: string[];
  texts: string[];
  states: string[];
}

const PART = /‹(\w+)›/;
const LIMIT = 20_000;
const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 32)).join('');
const CHARACTERS = `abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ${PRINTABLE}éλ中`;

/**
 * Finds values for the parts of templates. Whatever other values the choices allow, a combination of these has the same result in all
 * tests. Throws an error if there are too many.
 */
export function findValues(tests: Test[], chooseFrom: (part: string) => Choice): [part: string, values: string[]][] {
  const readers = tests.map((test): Reader => {
    const [start = '', ...pieces] = test.template.split(PART);
    const [names, texts] = [0, 1].map((rest) => pieces.filter((_, index) => index % 2 === rest));
    const automaton = compile(test.pattern);
    const states = [automaton.read(automaton.start, start)];
    return { ...test, automaton, names: names ?? [], texts: texts ?? [], states };
  });
  return sortParts(readers.map(({ names }) => names)).map((part) => {
    const affected = readers.filter(({ names }) => names.includes(part));
    const choice = chooseFrom(part);
    const key = JSON.stringify([choice, part, affected], (name, value: unknown) =>
      name === 'automaton' ? undefined : value instanceof RegExp || typeof value === 'function' ? String(value) : value,
    );
    const values = known.get(key) ?? listValues(choice, affected, part);
    known.set(key, values);
    for (const reader of affected) {
      const ends = values.flatMap((value) =>
        reader.states.map((state) => finish(reader, part, read(reader, state, value))),
      );
      reader.states = [...new Set(ends)];
    }
    return [part, values];
  });
}

/** A regular expression as an automaton; throws an error if it is too complicated. */
export function compile(pattern: RegExp): Automaton {
  const key = String(pattern);
  const automaton = automata.get(key) ?? new Automaton(pattern);
  automata.set(key, automaton);
  return automaton;
}

const automata = new Map<string, Automaton>();
const known = new Map<string, string[]>();

function read({ automaton, convert }: Pick<Reader, 'automaton' | 'convert'>, state: string, text: string): string {
  return automaton.read(state, convert ? convert(text) : text);
}

// Reads what follows a part in the template.
function finish({ automaton, names, texts }: Reader, part: string, state: string): string {
  const at = names.indexOf(part);
  const end = automaton.read(state, texts[at] ?? '');
  return at < names.length - 1 ? end : String(automaton.accepts(end));
}

// The usual or the shortest value of each set of values that no test tells apart.
function listValues(choice: Choice, affected: Reader[], part: string): string[] {
  const automaton = compile(choice.pattern);
  const readers: Pick<Reader, 'automaton' | 'convert' | 'states'>[] = [
    { automaton, states: [automaton.start] },
    ...affected,
  ];
  const characters = findDistinct(readers);
  const found = new Map<string, string>();
  const queue = [{ text: '', states: readers.map(({ states }) => states) }];
  const seen = new Set<string>();
  for (const { text, states } of queue) {
    if (automaton.accepts(states[0]?.[0] ?? '')) {
      const ends = affected.map((reader, index) => states[index + 1]?.map((state) => finish(reader, part, state)));
      const key = JSON.stringify(ends);
      found.set(key, found.get(key) ?? text);
    }
    for (const more of text === '' ? [...choice.usual, ...characters] : characters) {
      const after = readers.map((reader, index) => (states[index] ?? []).map((state) => read(reader, state, more)));
      const key = JSON.stringify(after);
      if (after[0]?.[0] !== '' && !seen.has(key)) {
        seen.add(key);
        queue.push({ text: text + more, states: after });
      }
    }
    if (seen.size > LIMIT) {
      throw new Error('there are too many combinations of values');
    }
  }
  return [...found.values()];
}

// One character of each set that no test tells apart.
function findDistinct(tests: Pick<Reader, 'automaton' | 'convert'>[]): string[] {
  const source = tests.map(({ automaton }) => automaton.pattern.source).join('');
  const distinct = new Map<string, string>();
  // A range of characters begins with one of the expression, or after one.
  const after = Array.from(source, (character) => String.fromCodePoint((character.codePointAt(0) ?? 0) + 1)).join('');
  for (const character of new Set(CHARACTERS + source + after)) {
    const classes = tests.map(({ automaton, convert = String }) =>
      Array.from(convert(character), (read) =>
        automaton.characters.map((pattern) => Number(pattern.test(read))).join(''),
      ),
    );
    const key = JSON.stringify(classes);
    distinct.set(key, distinct.get(key) ?? character);
  }
  return [...distinct.values()];
}

// The parts in an order that is the one in each template.
function sortParts(sequences: string[][]): string[] {
  const rest = sequences.filter((names) => names.length > 0);
  const next = rest.flat().find((name) => rest.every((names) => names.lastIndexOf(name) <= 0));
  if (rest.length > 0 && next === undefined) {
    throw new Error('claims have the same parts in another order');
  }
  return next === undefined ? [] : [next, ...sortParts(rest.map((names) => names.filter((name) => name !== next)))];
}

/** Returns a regular expression that matches these texts only. */
export function matchOneOf(texts: string[], flags = 'u'): RegExp {
  return new RegExp(`^(?:${texts.map(escapePattern).join('|')})$`, flags);
}

/** Returns a regular expression of a text. */
export function escapePattern(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
