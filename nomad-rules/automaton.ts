/** The states from which an automaton rejects, or accepts, whatever follows. */
export const [NEVER, ALWAYS] = [0, 1];

// A node consumes a character, or holds where it is a boundary, or is only a way to the next nodes.
interface Node {
  character?: RegExp;
  boundary?: string;
  next: number[];
}

/** Builds the nodes of a part of a regular expression in front of a node, and returns the first of them. */
type Part = (next: number) => number;

const ACCEPT = 0;
const QUANTIFIER = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/;
const TOKEN = /^(?:\[(?:\\[^]|[^\\\]])*\]|\\[^cdpkuxDP1-9]|\\[dD]|[^\\[\]{}*+?()])/u;

/** A deterministic automaton that finds a regular expression anywhere in a text, as a test does, one character at a time. */
export class Automaton {
  readonly start: number;
  /** The parts of the expression that match one character, by their source and flags. */
  readonly characters = new Map<string, RegExp>();
  readonly #flags: string;
  readonly #nodes: Node[] = [{ character: /^[^]$/u, next: [ACCEPT] }];
  readonly #states: { nodes: number[]; before?: string }[] = [{ nodes: [] }, { nodes: [ACCEPT] }];
  readonly #indexes = new Map<string, number>();
  readonly #classes = new Map<string, string>();
  readonly #steps = new Map<string, number>();
  // The nodes from which the end can be reached after the first character.
  readonly #live = new Set([ACCEPT]);
  #rest: string;

  /** Throws an error for a part of an expression that it does not know. */
  constructor({ source, flags }: RegExp) {
    this.#flags = flags;
    this.#rest = source;
    const begin = this.#readAlternatives()(ACCEPT);
    const anywhere = this.#add({ next: [begin] });
    this.#nodes[anywhere]?.next.push(this.#add({ character: /^[^]$/u, next: [anywhere] }));
    if (this.#rest !== '') {
      throw new Error(`unknown regular expression: ${source}`);
    }
    for (let size = 0; size < this.#live.size;) {
      size = this.#live.size;
      this.#nodes.forEach(({ boundary, next }, index) => {
        if (boundary !== '^' && next.some((node) => this.#live.has(node))) {
          this.#live.add(index);
        }
      });
    }
    this.start = this.#enter([anywhere]);
  }

  step(state: number, character: string): number {
    if (state === NEVER || state === ALWAYS) {
      return state;
    }
    const key = `${String(state)} ${character}`;
    let after = this.#steps.get(key);
    if (after === undefined) {
      const reached = this.#reach(state, character).map((index) => this.#nodes[index]);
      const next = reached.filter((node) => node?.character?.test(character)).flatMap((node) => node?.next ?? []);
      after = this.#enter(next, /\w/.test(character) ? 'a' : ' ');
      this.#steps.set(key, after);
    }
    return after;
  }

  /** Returns a text that is the same for characters that the automaton treats alike. */
  classify(character: string): string {
    let key = this.#classes.get(character);
    if (key === undefined) {
      key = [...this.characters.values()].map((pattern) => Number(pattern.test(character))).join('');
      key += /\w/.test(character) ? 'a' : ' ';
      this.#classes.set(character, key);
    }
    return key;
  }

  accepts(state: number): boolean {
    return this.#reach(state, undefined).includes(ACCEPT);
  }

  #enter(next: number[], before?: string): number {
    const nodes = [...new Set(next)].filter((node) => before === undefined || this.#live.has(node)).sort();
    const known = this.#close(nodes, () => false).includes(ACCEPT) ? ALWAYS : nodes.length === 0 ? NEVER : undefined;
    const key = `${before ?? ''} ${nodes.join(' ')}`;
    const index = known ?? this.#indexes.get(key) ?? this.#states.push({ nodes, ...(before && { before }) }) - 1;
    this.#indexes.set(key, index);
    return index;
  }

  #reach(state: number, after: string | undefined): number[] {
    const { nodes = [], before } = this.#states[state] ?? {};
    const isWord = (character = ''): boolean => /\w/.test(character);
    return this.#close(nodes, (boundary) => {
      const isEdge = isWord(before) !== isWord(after);
      return { '^': before === undefined, $: after === undefined, '\\b': isEdge }[boundary] ?? !isEdge;
    });
  }

  // Follows the nodes that consume nothing.
  #close(nodes: number[], holds: (boundary: string) => boolean): number[] {
    const seen = new Set(nodes);
    for (const index of seen) {
      const { character, boundary, next = [] } = this.#nodes[index] ?? {};
      if (character === undefined && (boundary === undefined || holds(boundary))) {
        next.forEach((node) => seen.add(node));
      }
    }
    return [...seen];
  }

  #add(node: Node): number {
    return this.#nodes.push(node) - 1;
  }

  #take(pattern: RegExp): string[] | undefined {
    const found = pattern.exec(this.#rest);
    this.#rest = this.#rest.slice(found?.[0].length ?? 0);
    return found?.map((group: string | undefined) => group ?? '');
  }

  #readAlternatives(): Part {
    const parts = [this.#readSequence()];
    while (this.#take(/^\|/)) {
      parts.push(this.#readSequence());
    }
    return (next) => this.#add({ next: parts.map((part) => part(next)) });
  }

  #readSequence(): Part {
    const parts: Part[] = [];
    for (let part = this.#readRepeated(); part !== undefined; part = this.#readRepeated()) {
      parts.push(part);
    }
    return (next) => parts.reduceRight((after, part) => part(after), next);
  }

  #readRepeated(): Part | undefined {
    const part = this.#readSingle();
    const [, sign, min = '', comma, max = ''] = (part && this.#take(QUANTIFIER)) ?? [];
    if (part === undefined || (!sign && min === '')) {
      return part;
    }
    const least = sign ? Number(sign === '+') : Number(min);
    const most = sign === '?' ? 1 : sign || (comma && max === '') ? Infinity : Number(max || min);
    return (next) => {
      let first = next;
      if (most === Infinity) {
        first = this.#add({ next: [next] });
        this.#nodes[first]?.next.push(part(first));
      }
      for (let count = most === Infinity ? least : most; count > 0; count -= 1) {
        first = count > least ? this.#add({ next: [part(first), next] }) : part(first);
      }
      return first;
    };
  }

  #readSingle(): Part | undefined {
    if (this.#take(/^\((?:\?:|(?!\?))/)) {
      const inner = this.#readAlternatives();
      return this.#take(/^\)/) && inner;
    }
    const [token] = /^[|)]/.test(this.#rest) ? [] : (this.#take(TOKEN) ?? []);
    if (token === undefined || ['^', '$', '\\b', '\\B'].includes(token)) {
      return token === undefined ? undefined : (next) => this.#add({ boundary: token, next: [next] });
    }
    const character = new RegExp(`^${token}$`, this.#flags);
    this.characters.set(token + this.#flags, character);
    return (next) => this.#add({ character, next: [next] });
  }
}
