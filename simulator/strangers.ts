import { mapClaims } from '../nomad-rules/attributes.js';
import type { BindingRule } from '../nomad-rules/api.js';
import { interpolate, listVariables } from '../nomad-rules/formats.js';
import { toRegExp } from '../nomad-rules/regexp.js';
import { compile, escapePattern, findValues, matchOneOf, type Choice, type Test } from '../nomad-rules/search.js';
import { lookUp, parseSelector, type Condition, type Expression } from '../nomad-rules/selector.js';
import type { Expectation } from './arguments.js';
import { chooseFrom, isOptional, listGroups, PARTS, STRANGERS, type Group } from './groups.js';
import { changeClaims, escapeInSubject, GITHUB_ISSUERS, omit, RENEWED, text, type Claims } from './identities.js';
import { findFailed } from './mismatch.js';
import { listConditions } from './problems.js';
import { describeRule, listAttributes, hasValidName, resolveBindName } from './rules.js';
import type { FromFile } from './setup-folder.js';
import type { Setup } from './setups.js';
import type { Row } from './simulate.js';
import type { Simulation } from './simulation.js';
import { nameGrant } from './tokens.js';

/** The number of groups that should get nothing, unless an expectation says otherwise. */
const OUTSIDERS = 2;
const LIMIT = 50_000;
const ACCOUNT = ['repository_owner', 'repository_owner_id', 'repository_id', 'enterprise', 'enterprise_id'];

/** The login of a group of strangers, and claims of the group for each set of rules that it can match. */
export interface Attempt {
  row: Row;
  tried: Claims[];
}

/** Claims, and what the rules grant to them, as far as the simulator can tell. */
interface Guess {
  claims: Claims;
  /** What each rule does: its grant, "invalid" for a name that is invalid, or nothing. */
  effects: string[];
  grants: string[];
  /** Where the first rule with an effect comes from. */
  file: string | undefined;
  /** How many conditions of the closest rule do not hold. */
  missing: number;
}

/** A rule with a selector that the search can read. */
interface KnownRule {
  rule: FromFile<BindingRule>;
  selector: Expression | undefined;
  conditions: Condition[];
}

/** Logs groups of strangers in, each with the claims that get the most. */
export async function tryStrangers(
  simulation: Simulation,
  base: Claims,
  expectations?: Expectation[],
): Promise<Attempt[]> {
  const granted = (expectations ?? []).filter(({ who, gets }) => who === undefined && gets !== 'refused');
  const bases = [base, ...granted.map(({ claims }) => moveToBranch(changeClaims(base, claims), base))];
  const distinct = new Map(bases.map((job) => [JSON.stringify(job), job]));
  const searches = [...distinct.values()].map(
    (job) => new Search(simulation.setup, job, bases, expectations === undefined),
  );
  const attempts: Attempt[] = [];
  for (const [index, name] of STRANGERS.entries()) {
    const { gets, file, line } = expectations?.find(({ who }) => who === name) ?? {};
    const isOutside = expectations !== undefined && index < OUTSIDERS;
    const tries: Attempt[] = [];
    for (const search of searches) {
      tries.push(await tryGroup(simulation, search, index, gets ?? (isOutside ? 'refused' : undefined)));
    }
    const { row } = tries.reduce((worst, next) => (rank(next.row) > rank(worst.row) ? next : worst));
    attempts.push({
      row: { ...row, ...(line !== undefined && { file, line }) },
      tried: tries.flatMap(({ tried }) => tried),
    });
  }
  return attempts;
}

// The branch of a job counts as the default branch, but a pull request, a merge queue or a tag has none.
function moveToBranch(job: Claims, base: Claims): Claims {
  const names = ['ref', 'ref_type', 'ref_protected', 'head_ref', 'base_ref'];
  return /^refs\/heads\/(?!gh-readonly-queue\/)/.test(text(job['ref']))
    ? job
    : { ...job, ...Object.fromEntries(names.map((name) => [name, base[name]])) };
}

function rank({ grant, isExpected }: Row): number {
  return grant === 'refused' ? 0 : isExpected ? 1 : grant === 'not decided' ? 2 : 3;
}

async function tryGroup(simulation: Simulation, search: Search, index: number, expected?: string): Promise<Attempt> {
  const { guesses, problem } = search.guess(index);
  const outcomes = [];
  for (const guess of chooseBest(guesses)) {
    outcomes.push({ ...guess, ...(await simulation.try(guess.claims)) });
  }
  const odd = outcomes.find(
    ({ grants, token, status, claims: { iss } }) =>
      grants.length > 0 && token === undefined && (status !== 401 || iss === search.issuer),
  );
  const doubt = problem ?? (odd && `${odd.grants.join(', ')} should be granted, but Nomad answers: ${odd.summary}`);
  const granted = outcomes.filter(({ token }) => token !== undefined);
  const best = granted.find(({ token }) => expected !== undefined && nameGrant(token) !== expected) ?? granted[0];
  const { claims, file, token, summary, reasons } = best ?? outcomes[0] ?? { claims: search.base, reasons: [] };
  const isDecided = doubt === undefined || (token !== undefined && nameGrant(token) !== expected);
  const grant = isDecided ? nameGrant(token) : 'not decided';
  return {
    row: {
      name: STRANGERS[index] ?? '',
      group: 'stranger',
      claims,
      file,
      ...(expected !== undefined && { expected }),
      grant,
      summary: isDecided ? `${summary ?? ''}${token ? search.explain(claims) : ''}` : `not decided: ${doubt}`,
      reasons: isDecided ? reasons : [],
      isExpected: isDecided && grant === (expected ?? grant),
    },
    tried: guesses.map((guess) => guess.claims),
  };
}

// Those that get what no other gets as well, the most first, or the one that comes closest.
function chooseBest(guesses: Guess[]): Guess[] {
  const isManagement = ({ grants }: Guess): boolean => grants.includes('management');
  const isMore = (guess: Guess, than: Guess): boolean =>
    isManagement(guess)
      ? !isManagement(than) || (than.effects.includes('invalid') && !guess.effects.includes('invalid'))
      : guess.grants.length > than.grants.length && than.grants.every((grant) => guess.grants.includes(grant));
  const best = guesses.filter((guess) => guess.grants.length > 0 && !guesses.some((other) => isMore(other, guess)));
  return best.length > 0
    ? best.sort((a, b) => b.grants.length - a.grants.length)
    : guesses.sort((a, b) => a.missing - b.missing).slice(0, 1);
}

/** A search for the claims with which groups of strangers get something from a setup. */
class Search {
  readonly base: Claims;
  readonly issuer: unknown;
  readonly #groups: Group[];
  readonly #rules: KnownRule[] = [];
  readonly #names: Map<string, string>;
  readonly #decisive: string[];
  readonly #tested: string[];
  readonly #choose: (part: string) => Choice;
  readonly #usual: Record<string, string | undefined>;
  #problem: string | undefined;

  constructor(
    readonly setup: Setup,
    job: Claims,
    bases: Claims[],
    trustsRules: boolean,
  ) {
    this.base = bases[0] ?? job;
    const { method, rules, roles, policies } = setup;
    // A JSON pointer with one part is the name of a claim.
    const names = listAttributes(method.Config).map(
      ({ name, claim }) => [name, claim.replace(/^\/(?=[^/]*$)/, '')] as const,
    );
    this.#names = new Map(names);
    for (const rule of rules) {
      try {
        const selector = rule.Selector ? parseSelector(rule.Selector) : undefined;
        const conditions = selector ? listConditions(selector) : [];
        conditions.forEach((condition) => this.#checkCondition(condition));
        this.#rules.push({ rule, selector, conditions });
      } catch (error) {
        this.#problem ??= `${describeRule(rule)}: ${(error as Error).message}`;
      }
    }
    const conditions = this.#rules.flatMap((rule) => rule.conditions);
    const listClaims = (attributes: string[]): string[] => [
      ...new Set(attributes.flatMap((attribute) => this.#names.get(attribute) ?? [])),
    ];
    this.#decisive = listClaims([
      ...conditions.map(nameCollection),
      ...rules.flatMap(({ BindName = '' }) => listVariables(BindName)),
    ]);
    this.#tested = [...this.#decisive, ...listClaims(listVariables(method.TokenNameFormat ?? ''))];
    const { BoundIssuer } = method.Config;
    const isBound = !BoundIssuer?.length || BoundIssuer.includes(text(job['iss']));
    this.issuer = (isBound ? undefined : BoundIssuer.find((issuer) => GITHUB_ISSUERS.test(issuer))) ?? job['iss'];
    this.#choose = (part) => chooseFrom(part, job, method.Config.BoundAudiences ?? []);
    const parts = [...PARTS, ...this.#tested].filter((part) => !isOptional(part));
    this.#usual = Object.fromEntries(parts.map((part) => [part, this.#choose(part).usual[0]]));
    // Roles and policies name what belongs to the reader, and rules do if there are no expectations.
    const named = [
      ...(trustsRules ? conditions.map(({ value }) => value) : []),
      ...[...roles, ...policies].map(({ Name }) => Name),
    ];
    const listConditionsOn = (claim: string): Condition[] =>
      conditions.filter((condition) => this.#names.get(nameCollection(condition)) === claim);
    const subjects = listConditionsOn('sub');
    this.#groups = listGroups(
      { ...job, iss: this.issuer },
      {
        tested: this.#tested,
        yours: [
          ...bases.flatMap((claims) => ACCOUNT.map((name) => text(claims[name]))),
          ...named.flatMap((name) => [
            ...(name.match(/\d+/g) ?? []),
            ...(/^(?:repo:)?([\w-]+)(?=$|@\d|\/)/.exec(name)?.slice(1) ?? []),
          ]),
        ],
        actors: listConditionsOn('actor').flatMap(({ value }) => (value.endsWith('[bot]') ? [] : value)),
        bases,
        subjects: [text(job['sub']), ...subjects.map(({ value }) => value)],
        isSubjectOpen: subjects.some(({ operator }) => operator === 'matches' || operator === 'contains'),
      },
    );
  }

  /** Returns claims of a group for each set of rules that it can match, and why there may be others. */
  guess(index: number): { guesses: Guess[]; problem?: string | undefined } {
    const guesses = new Map<string, Guess>();
    let problem = this.#problem;
    const { situations = [], doubtful = [], excluded = {} } = this.#groups[index] ?? {};
    for (const situation of [...situations, ...doubtful]) {
      try {
        const tested = Object.entries(situation).filter(([claim]) => this.#tested.includes(claim));
        const isDoubtful = doubtful.includes(situation);
        for (const chosen of this.#listChoices(situation, excluded)) {
          const guess = this.#predict(fill(Object.fromEntries(tested), chosen));
          const key = JSON.stringify(guess.effects);
          if (isDoubtful) {
            if (guess.grants.length > 0 && !guesses.has(key)) {
              throw new Error(
                `a customized sub may match, such as ${text(guess.claims['sub'])}; compare sub with == instead`,
              );
            }
          } else if (guess.missing < (guesses.get(key)?.missing ?? Infinity)) {
            guesses.set(key, { ...guess, claims: fill(situation, chosen) });
          }
        }
      } catch (error) {
        problem ??= (error as Error).message;
      }
    }
    return { guesses: [...guesses.values()], problem };
  }

  /** Names the claims that make the difference, and the protection that would stop the login. */
  explain(claims: Claims): string {
    const chosen = [...new Set([...this.#decisive, 'ref', 'event_name'])].filter(
      (name) => claims[name] !== undefined && claims[name] !== this.base[name],
    );
    const { environment, ref_type, ref } = claims;
    const stops = [
      environment !== this.base['environment'] && `the environment ${text(environment)}`,
      ref_type === 'tag' && `the tag ${text(ref).replace('refs/tags/', '')}`,
    ].filter((stop) => stop !== false);
    return [
      ...(chosen.length > 0 ? [`, with ${chosen.map((name) => `${name}=${text(claims[name])}`).join(' ')}`] : []),
      ...(stops.length > 0 ? [`, unless ${stops.join(' or ')} is protected`] : []),
    ].join('');
  }

  // Returns values for the parts of a situation in all combinations that the rules tell apart.
  #listChoices(situation: Claims, excluded: Group['excluded']): Record<string, string | undefined>[] {
    const tests = [
      ...this.#rules.flatMap((rule) => this.#listTests(rule, situation)),
      ...Object.entries(excluded).map(([part, values]) => ({
        template: `‹${part}›`,
        pattern: matchOneOf(values, 'iu'),
      })),
    ];
    const values = findValues(tests, this.#choose).map(([part, texts]): [string, (string | undefined)[]] => [
      part,
      [
        ...(isOptional(part) ? [undefined] : []),
        ...texts.filter((value) => !matchOneOf(excluded[part] ?? [], 'iu').test(value)),
      ],
    ]);
    if (values.reduce((count, [, texts]) => count * texts.length, 1) > LIMIT) {
      throw new Error('there are too many combinations of values');
    }
    return values.reduce(
      (all, [part, texts]) => all.flatMap((chosen) => texts.map((value) => ({ ...chosen, [part]: value }))),
      [this.#usual],
    );
  }

  #listTests({ rule, conditions }: KnownRule, situation: Claims): Test[] {
    const template = (attribute: string): string => text(situation[this.#names.get(attribute) ?? '']);
    const ofSelector = conditions.flatMap((condition) => {
      const attribute = nameCollection(condition);
      const convert = chooseConversion(this.#names.get(attribute), template(attribute));
      return listPatterns(condition).map((pattern) => ({ template: template(attribute), pattern, convert }));
    });
    const { BindName = '' } = rule;
    if (!BindName.includes('${')) {
      return ofSelector;
    }
    const name = interpolate(BindName, new Map([...this.#names.keys()].map((key) => [key, template(key)])));
    const patterns = [matchOneOf(this.#listTargets(rule), 'iu'), /^[a-zA-Z0-9-]+$/u];
    return [...ofSelector, ...patterns.map((pattern) => ({ template: name, pattern }))];
  }

  #listTargets({ BindType }: BindingRule): string[] {
    return this.setup[BindType === 'policy' ? 'policies' : 'roles'].map(({ Name }) => Name);
  }

  #checkCondition(condition: Condition): void {
    const claim = this.#names.get(nameCollection(condition)) ?? '';
    if (condition.path.length === 1 || RENEWED.includes(claim)) {
      throw new Error(`the simulator does not search for ${condition.text}`);
    }
    listPatterns(condition).forEach(compile);
  }

  #predict(claims: Claims): Guess {
    const { method } = this.setup;
    const attributes = mapClaims(claims, method.Config);
    let missing = Number.MAX_VALUE;
    const isNamed = listVariables(method.TokenNameFormat ?? '').every(
      (name) => name.startsWith('auth_method_') || lookUp(name.split('.'), attributes) !== undefined,
    );
    const effects = this.#rules.map(({ rule, selector }) => {
      const failed = selector ? findFailed(selector, attributes, true).length : 0;
      missing = Math.min(missing, failed);
      if (failed > 0 || !isNamed) {
        return '';
      }
      if (rule.BindType === 'management') {
        return rule.BindType;
      }
      const name = hasValidName(rule, claims, method) ? resolveBindName(rule, claims, method) : 'invalid';
      const isKnown = this.#listTargets(rule).includes(name);
      return isKnown ? `${rule.BindType} ${name}` : name === 'invalid' ? name : '';
    });
    const isRefused = effects.includes('invalid') && !effects.includes('management');
    const grants = isRefused ? [] : effects.filter((effect) => effect !== '' && effect !== 'invalid');
    const file = this.#rules.find((_, index) => effects[index] !== '')?.rule.file;
    return { claims, effects, grants, file, missing };
  }
}

function nameCollection({ path }: Condition): string {
  return path.slice(0, 2).join('.');
}

// The regular expressions that decide what a condition says about a value, or about a list with this value.
function listPatterns({ operator, value }: Condition): RegExp[] {
  const exact = matchOneOf([value]);
  return {
    '==': [exact],
    contains: [exact, new RegExp(escapePattern(value), 'u')],
    matches: operator === 'matches' ? [toRegExp(value)] : [],
    'is empty': [/^$/u],
    'is nil': [],
  }[operator];
}

// The rest of a customized sub already has its form.
function chooseConversion(claim: string | undefined, template: string): Test['convert'] {
  return claim === 'sub' && !template.includes('‹sub_rest›') ? escapeInSubject : undefined;
}

// A claim is missing if one of its parts is.
function fill(situation: Claims, chosen: Record<string, string | undefined>): Claims {
  const claims = Object.entries(situation).map(([claim, template]) => {
    const convert = chooseConversion(claim, text(template)) ?? text;
    const put = (whole: string, part: string): string => (chosen[part] === undefined ? whole : convert(chosen[part]));
    return [claim, typeof template === 'string' ? template.replace(/‹(\w+)›/g, put) : template] as const;
  });
  return omit(Object.fromEntries(claims.filter(([, claim]) => !text(claim).includes('‹'))), []);
}
