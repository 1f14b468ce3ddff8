import { interpolate, listVariables } from '../nomad-rules/formats.js';
import { toRegExp } from '../nomad-rules/regexp.js';
import { compile, escapePattern, findValues, matchOneOf, type Choice, type Test } from '../nomad-rules/search.js';
import type { BindingRule } from '../nomad-rules/api.js';
import type { Condition } from '../nomad-rules/selector.js';
import { ACCOUNT, chooseFrom, isOptional, listSituations, STRANGERS, type Situation } from './groups.js';
import { escapeInSubject, GITHUB_ISSUERS, omit, RENEWED, text, type Claims } from './identities.js';
import { describeRule, listAttributes, listConditions, nameAttribute } from './rules.js';
import type { Configuration } from './setup-folder.js';
import { predict, type Prediction } from './verdicts.js';

const LIMIT = 50_000;

/** Claims that a group can get, and what the rules do with them. */
export interface Guess extends Prediction {
  claims: Claims;
}

type Chosen = Record<string, string | undefined>;

/** A search for the claims with which groups of strangers get something from a setup. */
export class Search {
  readonly #setup: Configuration;
  readonly #job: Claims;
  /** The claims of attributes. */
  readonly #claims: Map<string, string>;
  readonly #conditions: Condition[];
  /** The claims that decide what a job gets. */
  readonly #decisive: string[];
  /** Those, and the claims in the token's name. */
  readonly #tested: string[];
  readonly #groups: Situation[][];
  #problem: string | undefined;

  constructor(setup: Configuration, jobs: Claims[], trustsRules: boolean) {
    const [job = {}] = jobs;
    const { method, rules, roles, policies } = setup;
    this.#setup = setup;
    this.#job = job;
    this.#claims = new Map(listAttributes(method.Config).map(({ name, claim }) => [name, claim]));
    this.#conditions = rules.flatMap((rule) => this.#readConditions(rule));
    const listClaims = (names: string[]): string[] => names.flatMap((name) => this.#claims.get(name) ?? []);
    this.#decisive = listClaims([
      ...this.#conditions.map(nameAttribute),
      ...rules.flatMap(({ BindName = '' }) => listVariables(BindName)),
    ]);
    this.#tested = [...this.#decisive, ...listClaims(listVariables(method.TokenNameFormat ?? ''))];
    const listConditionsOn = (claim: string): Condition[] =>
      this.#conditions.filter((condition) => this.#claims.get(nameAttribute(condition)) === claim);
    const subjects = listConditionsOn('sub');
    // Roles and policies name what belongs to the reader, and all rules do if there are no expectations.
    const named = [
      ...(trustsRules ? this.#conditions.map(({ value }) => value) : []),
      ...[...roles, ...policies].map(({ Name }) => Name),
    ];
    const listNames = (texts: string[]): string[] =>
      texts.flatMap((each) => [...(each.match(/[\w-]+/g) ?? []), ...(each.match(/\d+/g) ?? [])]);
    const listOwn = (names: string[]): string[] => jobs.flatMap((claims) => names.map((name) => text(claims[name])));
    const known = {
      tested: this.#tested,
      yours: [...listOwn(ACCOUNT), ...listNames(named)],
      actors: [
        ...listOwn(['actor', 'actor_id']),
        ...listNames(listConditionsOn('actor').map(({ value }) => value)),
      ].filter((name) => !name.endsWith('[bot]')),
      jobs,
      subjects: [text(job['sub']), ...subjects.map(({ value }) => value)],
      isSubjectOpen: subjects.some(({ operator }) => operator === 'matches' || operator === 'contains'),
    };
    const groups = jobs.map((each) => listSituations({ ...each, iss: this.#chooseIssuer(each) }, known));
    this.#groups = STRANGERS.map((_, index) => groups.flatMap((situations) => situations[index] ?? []));
  }

  /** Returns a guess for each set of rules that a group can match, and why there may be others. */
  guess(index: number): { guesses: Guess[]; problem: string | undefined } {
    const guesses = new Map<string, Guess>();
    let problem = this.#problem;
    const situations = (this.#groups[index] ?? []).toSorted((a, b) => Number(a.isDoubtful) - Number(b.isDoubtful));
    for (const { claims, excluded, isDoubtful } of situations) {
      const deciding = Object.fromEntries([...this.#tested, 'iss'].map((name) => [name, claims[name]]));
      try {
        for (const chosen of this.#listChoices(claims, excluded)) {
          const prediction = predict(this.#setup, fill(deciding, chosen));
          const effects = prediction.verdicts.map(({ matches, grants }) => grants ?? matches);
          const unknown = prediction.verdicts.find(({ isUnknown }) => isUnknown);
          problem ??= unknown && `only Nomad can judge the rule ${describeRule(unknown.rule)}`;
          const key = JSON.stringify([prediction.grant, effects]);
          const known = guesses.get(key);
          if (isDoubtful && known === undefined && prediction.grant !== 'refused') {
            throw new Error('a customized sub may match; compare sub with == instead');
          }
          if (!isDoubtful && (known === undefined || measureDistance(prediction) < measureDistance(known))) {
            guesses.set(key, { ...prediction, claims: fill(claims, chosen) });
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
      (name) => claims[name] !== undefined && claims[name] !== this.#job[name],
    );
    const { environment, ref_type, ref } = claims;
    const stops = [
      environment !== this.#job['environment'] && `the environment ${text(environment)}`,
      ref_type === 'tag' && `the tag ${text(ref).replace('refs/tags/', '')}`,
    ].filter((stop) => stop !== false);
    return [
      ...(chosen.length > 0 ? [`, with ${chosen.map((name) => `${name}=${text(claims[name])}`).join(' ')}`] : []),
      ...(stops.length > 0 ? [`, unless ${stops.join(' or ')} is protected`] : []),
    ].join('');
  }

  #readConditions(rule: BindingRule): Condition[] {
    try {
      const conditions = listConditions(rule);
      const unknown = conditions.find(
        (condition) =>
          condition.path.length === 1 || RENEWED.includes(this.#claims.get(nameAttribute(condition)) ?? ''),
      );
      if (unknown !== undefined) {
        throw new Error(`the simulator does not search for ${unknown.text}`);
      }
      conditions.flatMap(listPatterns).forEach(compile);
      return conditions;
    } catch (error) {
      this.#problem ??= `${describeRule(rule)}: ${(error as Error).message}`;
      return [];
    }
  }

  #chooseIssuer({ iss }: Claims): unknown {
    const bound = this.#setup.method.Config.BoundIssuer ?? [];
    return bound.find((issuer) => issuer === iss) ?? bound.find((issuer) => GITHUB_ISSUERS.test(issuer)) ?? iss;
  }

  // Returns values for the parts of claims in all combinations that the rules tell apart.
  #listChoices(claims: Claims, excluded: Situation['excluded']): Chosen[] {
    const parts = [...JSON.stringify(claims).matchAll(/‹(\w+)›/g)].map(([, part = '']) => part);
    const choose = (part: string): Choice =>
      chooseFrom(part, this.#job, this.#setup.method.Config.BoundAudiences ?? []);
    const tests = [
      ...this.#conditions.flatMap((condition) => this.#listTests(condition, claims)),
      ...this.#setup.rules.flatMap((rule) => this.#listNameTests(rule, claims)),
      ...Object.entries(excluded).map(([part, values]) => ({
        template: `‹${part}›`,
        pattern: matchOneOf(values, 'iu'),
      })),
    ];
    const choices = findValues(tests, choose).map(([part, values]) => {
      const forbidden = matchOneOf(excluded[part] ?? [], 'iu');
      const allowed = values.filter((value) => !forbidden.test(value));
      return [part, [...(isOptional(part) ? [undefined] : []), ...allowed]] as const;
    });
    if (choices.reduce((count, [, values]) => count * values.length, 1) > LIMIT) {
      throw new Error('there are too many combinations of values');
    }
    return choices.reduce<Chosen[]>(
      (all, [part, values]) => all.flatMap((chosen) => values.map((value) => ({ ...chosen, [part]: value }))),
      [Object.fromEntries(parts.map((part) => [part, choose(part).usual[0]]))],
    );
  }

  #listTests(condition: Condition, claims: Claims): Test[] {
    const claim = this.#claims.get(nameAttribute(condition)) ?? '';
    const template = text(claims[claim]);
    return listPatterns(condition).map((pattern) => ({
      template,
      pattern,
      convert: chooseConversion(claim, template),
    }));
  }

  #listNameTests({ BindType, BindName = '' }: BindingRule, claims: Claims): Test[] {
    const names = this.#setup[BindType === 'policy' ? 'policies' : 'roles'].map(({ Name }) => Name);
    const variables = [...this.#claims].map(([attribute, claim]) => [attribute, text(claims[claim])] as const);
    return listVariables(BindName).length === 0
      ? []
      : [matchOneOf(names, 'iu'), /^[a-zA-Z0-9-]+$/u].map((pattern) => ({
          template: interpolate(BindName, new Map(variables)),
          pattern,
        }));
  }
}

/** Returns how far the closest rule is from granting something. */
export function measureDistance({ verdicts }: Prediction): number {
  return Math.min(...verdicts.map(({ distance }) => distance));
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

// The values in sub are escaped, but the rest of a customized one already has its form.
function chooseConversion(claim: string, template: string): Test['convert'] {
  return claim === 'sub' && !template.includes('‹sub_rest›') ? escapeInSubject : undefined;
}

// A claim is missing if one of its parts is.
function fill(claims: Claims, chosen: Chosen): Claims {
  const filled = Object.entries(claims).map(([claim, template]) => {
    const convert = chooseConversion(claim, text(template)) ?? text;
    const put = (whole: string, part: string): string => (chosen[part] === undefined ? whole : convert(chosen[part]));
    return [claim, typeof template === 'string' ? template.replace(/‹(\w+)›/g, put) : template] as const;
  });
  return omit(Object.fromEntries(filled.filter(([, claim]) => !text(claim).includes('‹'))), []);
}
