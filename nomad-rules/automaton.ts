/** A step of a regular expression: it consumes a character, holds at an edge of the text, or only leads to the next steps. */
interface Node {
  character?: RegExp;
  edge?: string;
  next: number[];
}

/** Adds the nodes of a part of a regular expression in front of a node, and returns the first of them. */
type Part = (next: number) => number;

// The nodes that always exist; nothing leads to the first one.
const ACCEPT = 1;
const ANY = /[^]/u;
const QUANTIFIER = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/;
const CHARACTER = /^(?:\[(?:\\[^]|[^\\\]])*\]|\\[^bBcpkuxDP1-9]|\\D|[^\\[\]{}*+?()|^$])/u;

/** An automaton that finds a regular expression anywhere in a text; a state is a text, empty if nothing can match any more. */
export class Automaton {
  readonly start: string;
  /** The parts of the expression that match one character. */
  readonly characters: RegExp[] = [];
  readonly #nodes: Node[] = [
    { edge: 'never', next: [] },
    { character: ANY, next: [ACCEPT] },
  ];
  readonly #steps = new Map<string, string>();
  #rest: string;

  /** Throws an error for a part of an expression that it does not know. */
  constructor(readonly pattern: RegExp) {
    this.#rest = pattern.source;
    const begin = this.#readAlternatives()(ACCEPT);
    if (this.#rest !== '') {
      throw new Error(`the simulator does not search for texts that match ${pattern.source}`);
    }
    const anywhere = this.#add({ character: ANY, next: [begin] });
    this.start = this.#enter([anywhere, begin], '^');
    if (this.#enter([begin]) !== '') {
      this.#nodes[anywhere]?.next.push(anywhere);
    }
  }

  /** Returns the state after a text. */
  read(state: string, text: string): string {
    let after = state;
    for (const character of text) {
      after = this.#step(after, character);
    }
    return after;
  }

  accepts(state: string): boolean {
    return this.#enter(state.split(' ').map(Number), '$') === String(ACCEPT);
  }

  #step(state: string, character: string): string {
    const key = `${state} ${character}`;
    let after = this.#steps.get(key);
    if (after === undefined) {
      const nodes = state.split(' ').map((index) => this.#nodes[Number(index)]);
      after = this.#enter(nodes.flatMap((node) => (node?.character?.test(character) ? node.next : [])));
      this.#steps.set(key, after);
    }
    return after;
  }

  // Follows the nodes that consume nothing. What has matched matches whatever follows.
  #enter(nodes: number[], edge?: string): string {
    const seen = new Set(nodes);
    for (const index of seen) {
      const node = this.#nodes[index];
      if (node && !node.character && (node.edge === undefined || node.edge === edge)) {
        node.next.forEach((next) => seen.add(next));
      }
    }
    const kept = [...seen].filter((index) => this.#nodes[index]?.character ?? this.#nodes[index]?.edge === '$');
    return seen.has(ACCEPT) ? String(ACCEPT) : kept.sort().join(' ');
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
    const parts: Part[] = [];
    do {
      const sequence: Part[] = [];
      for (let part = this.#readRepeated(); part !== undefined; part = this.#readRepeated()) {
        sequence.unshift(part);
      }
      parts.push((next) => sequence.reduce((after, part) => part(after), next));
    } while (this.#take(/^\|/));
    return (next) => this.#add({ next: parts.map((part) => part(next)) });
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
    const [edge] = this.#take(/^[$^]/) ?? [];
    const [token] = edge === undefined ? (this.#take(CHARACTER) ?? []) : [];
    if (token === undefined) {
      return edge === undefined ? undefined : (next) => this.#add({ edge, next: [next] });
    }
    const character = new RegExp(`^${token}$`, this.pattern.flags);
    this.characters.push(character);
    return (next) => this.#add({ character, next: [next] });
  }
}
