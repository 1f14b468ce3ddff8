import { ALWAYS, Automaton, NEVER } from './automaton.js';

/** A formula of tests. */
export type Formula = boolean | { type: 'and' | 'or'; parts: Formula[] } | Test;

/** A regular expression that must match a template, or must not. */
export interface Test {
  type: 'test';
  /** A text with parts that can be chosen, such as "repo:‹owner›/‹name›". */
  template: string;
  pattern: RegExp;
  expected: boolean;
  /** Changes each character that is chosen. */
  convert?: ((character: string) => string) | undefined;
}

/** Which texts can be chosen for a part of a template, and which of them to try first. */
export interface Choice {
  pattern: RegExp;
  usual: string[];
}

/** What has been read of each template, up to a character of one of the parts. */
interface Position {
  part: number;
  choice: number;
  tests: number[];
  words: string[];
}

const PART = /‹(\w+)›/;
const LIMIT = 20_000;
const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 32));
const CHARACTERS = ['abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', ...PRINTABLE, 'éλ中'].join('');
const automata = new Map<string, Automaton>();

/** Finds texts for the parts of templates. */
export class Solver {
  readonly #known = new Map<string, Record<string, string> | undefined>();

  constructor(readonly choices: Record<string, Choice>) {}

  /** Finds texts with which all formulas hold, the usual or the shortest; undefined proves that there are none. Throws an error if it gives up. */
  solve(formulas: Formula[]): Record<string, string> | undefined {
    const solutions = groupByParts(formulas.flatMap(splitAnd)).map((group) => this.#solveGroup(group));
    return solutions.includes(undefined) ? undefined : (Object.assign({}, ...solutions) as Record<string, string>);
  }

  #solveGroup(parts: Formula[]): Record<string, string> | undefined {
    const key = JSON.stringify(parts, (_, value: unknown) =>
      value instanceof RegExp || typeof value === 'function' ? String(value) : value,
    );
    if (!this.#known.has(key)) {
      this.#known.set(key, solve({ type: 'and', parts }, this.choices));
    }
    return this.#known.get(key);
  }
}

/** Splits a formula into those that must all hold. */
export function splitAnd(formula: Formula): Formula[] {
  return typeof formula === 'object' && formula.type === 'and' ? formula.parts.flatMap(splitAnd) : [formula];
}

// Formulas without a common part are independent.
function groupByParts(formulas: Formula[]): Formula[][] {
  const groups: { names: Set<string>; formulas: Formula[] }[] = [];
  for (const formula of formulas) {
    const names = new Set(
      listTests(formula).flatMap(({ template }) => template.split(PART).filter((_, index) => index % 2 === 1)),
    );
    const related = groups.filter((group) => [...group.names].some((name) => names.has(name)));
    const merged = { names, formulas: [formula] };
    for (const group of related) {
      group.names.forEach((name) => names.add(name));
      merged.formulas.unshift(...group.formulas);
      groups.splice(groups.indexOf(group), 1);
    }
    groups.push(merged);
  }
  return groups.map((group) => group.formulas);
}

function solve(formula: Formula, choices: Record<string, Choice>): Record<string, string> | undefined {
  const tests = listTests(formula).map((test) => {
    const [start = '', ...pieces] = test.template.split(PART);
    const names = pieces.filter((_, index) => index % 2 === 0);
    return { ...test, start, names, pieces, automaton: build(test.pattern) };
  });
  const parts = sortParts(tests.map(({ names }) => names)).map((name) => {
    const { pattern, usual } = choices[name] ?? { pattern: /./u, usual: [] };
    return { name, usual, automaton: build(pattern) };
  });
  const read = (automaton: Automaton, state: number, text: string): number =>
    Array.from(text).reduce((before, character) => automaton.step(before, character), state);

  const choose = ({ part, choice, tests: states, words }: Position, text: string): Position => ({
    part,
    choice: parts[part] ? read(parts[part].automaton, choice, text) : choice,
    tests: tests.map(({ names, automaton, convert }, index) => {
      const state = states[index] ?? NEVER;
      const converted = convert ? Array.from(text, convert).join('') : text;
      return names.includes(parts[part]?.name ?? '') ? read(automaton, state, converted) : state;
    }),
    words: words.with(part, (words[part] ?? '') + text),
  });

  // Reads what follows a part in each template.
  const finish = ({ part, tests: states, words }: Position): Position => ({
    part: part + 1,
    choice: parts[part + 1]?.automaton.start ?? ALWAYS,
    tests: tests.map(({ start, names, pieces, automaton }, index) => {
      const at = part < 0 ? 0 : names.indexOf(parts[part]?.name ?? '') + 1;
      if (part >= 0 && at === 0) {
        return states[index] ?? NEVER;
      }
      const state = read(automaton, states[index] ?? NEVER, at === 0 ? start : (pieces[2 * at - 1] ?? ''));
      return at < names.length ? state : automaton.accepts(state) ? ALWAYS : NEVER;
    }),
    words: part + 1 < parts.length ? [...words, ''] : words,
  });

  const queue: Position[] = [];
  const seen = new Set<string>();
  const visit = (position: Position): void => {
    const rest = describe(formula, (index) => position.tests[index] ?? NEVER);
    const key = `${String(position.part)} ${String(position.choice)} ${rest}`;
    if (rest !== 'never' && position.choice !== NEVER && !seen.has(key)) {
      seen.add(key);
      queue.push(position);
    }
  };
  visit(finish({ part: -1, choice: NEVER, tests: tests.map(({ automaton }) => automaton.start), words: [] }));
  const characters = queue.length > 0 ? findDistinct([...tests, ...parts], tests) : [];
  for (const position of queue) {
    const part = parts[position.part];
    if (part === undefined) {
      return Object.fromEntries(parts.map(({ name }, index) => [name, position.words[index] ?? '']));
    }
    if (seen.size > LIMIT) {
      throw new Error('there are too many combinations of values');
    }
    const texts = position.words[position.part] === '' ? [...part.usual, ...characters] : characters;
    if (part.automaton.accepts(position.choice)) {
      visit(finish(position));
    }
    texts.forEach((text) => visit(choose(position, text)));
  }
  return undefined;
}

/** Returns a regular expression that matches these texts only. */
export function matchOneOf(texts: string[], flags = 'u'): RegExp {
  return new RegExp(`^(?:${texts.map(escapePattern).join('|')})$`, flags);
}

/** Returns a regular expression of a text. */
export function escapePattern(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function listTests(formula: Formula): Test[] {
  return typeof formula === 'boolean' ? [] : formula.type === 'test' ? [formula] : formula.parts.flatMap(listTests);
}

function build(pattern: RegExp): Automaton {
  const key = String(pattern);
  const automaton = automata.get(key) ?? new Automaton(pattern);
  automata.set(key, automaton);
  return automaton;
}

// The parts in an order that is the one in each template.
function sortParts(sequences: string[][]): string[] {
  const rest = sequences.filter((names) => names.length > 0);
  if (rest.length === 0) {
    return [];
  }
  const next = rest.flat().find((name) => rest.every((names) => names.lastIndexOf(name) <= 0));
  if (next === undefined) {
    throw new Error('claims have the same parts in another order');
  }
  return [next, ...sortParts(rest.map((names) => names.filter((name) => name !== next)))];
}

// One character of each group that no automaton tells apart.
function findDistinct(used: { automaton: Automaton }[], tests: Test[]): string[] {
  const automatons = [...new Set(used.map(({ automaton }) => automaton))];
  const converts = new Set([(character: string) => character, ...tests.flatMap(({ convert }) => convert ?? [])]);
  const source = automatons.flatMap(({ characters }) => [...characters.keys()]).join('');
  const distinct = new Map<string, string>();
  for (const character of new Set(CHARACTERS + source)) {
    const forms = [...converts].map((convert) => convert(character));
    const key = forms
      .map((form) => (form.length > 1 ? form : automatons.map((automaton) => automaton.classify(form)).join()))
      .join();
    distinct.set(key, distinct.get(key) ?? character);
  }
  return [...distinct.values()];
}

// What remains to be shown, as a text that is the same for the same question.
function describe(formula: Formula, stateOf: (index: number) => number): string {
  let index = -1;
  const visit = (part: Formula): string => {
    if (typeof part === 'boolean') {
      return part ? 'always' : 'never';
    }
    if (part.type === 'test') {
      index += 1;
      const state = stateOf(index);
      const isDecided = state === NEVER || state === ALWAYS;
      return isDecided
        ? (state === ALWAYS) === part.expected
          ? 'always'
          : 'never'
        : `${String(index)}:${String(state)}`;
    }
    const [decisive, neutral] = part.type === 'and' ? ['never', 'always'] : ['always', 'never'];
    const rest = part.parts.map(visit).filter((text) => text !== neutral);
    return rest.includes(decisive) ? decisive : rest.length > 0 ? `${part.type}(${rest.join(' ')})` : neutral;
  };
  return visit(formula);
}
