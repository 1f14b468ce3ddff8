import type { BindingRule } from '../nomad-rules/api.js';
import { listVariables } from '../nomad-rules/formats.js';
import type { Expectation } from './arguments.js';
import { demandMatch, demandName, demandTokenName, mapAttributes, test } from './demands.js';
import { escapeInSubject, listGroups, listParts, omit, text, type Claims, type Group } from './identities.js';
import { listConditions, parse } from './problems.js';
import { describeRule, nameAttribute } from './rules.js';
import { matchOneOf, Solver, splitAnd, type Formula } from '../nomad-rules/search.js';
import type { FromFile } from './setup-folder.js';
import type { Setup } from './setups.js';
import type { Row } from './simulate.js';
import type { Outcome, Simulation } from './simulation.js';
import { allowsMore, nameGrant } from './tokens.js';

/** The number of groups that should get nothing, unless an expectation says otherwise. */
const OUTSIDERS = 2;

/** The login of a group of strangers, and all claims with which the group could log in. */
export interface Attempt {
  row: Row;
  tried: Claims[];
}

/** Logs groups of strangers in, each with the claims that get the most. */
export async function tryStrangers(
  simulation: Simulation,
  base: Claims,
  expectations?: Expectation[],
): Promise<Attempt[]> {
  const search = new Search(simulation.setup, base);
  const attempts: Attempt[] = [];
  for (const [index, group] of search.groups.entries()) {
    const { gets, file, line } = expectations?.find(({ who }) => who === group.name) ?? {};
    const isOutside = expectations !== undefined && index < OUTSIDERS;
    const attempt = await tryGroup(simulation, search, group, gets ?? (isOutside ? 'refused' : undefined));
    attempts.push({ ...attempt, row: { ...attempt.row, ...(line !== undefined && { file, line }) } });
  }
  return attempts;
}

async function tryGroup(simulation: Simulation, search: Search, group: Group, expected?: string): Promise<Attempt> {
  const outcomes: FromFile<Outcome & { claims: Claims }>[] = [];
  const granted = new Set<BindingRule>();
  let doubt: string | undefined;
  for (const rule of simulation.setup.rules) {
    if (!granted.has(rule)) {
      const { claims, matching, problem } = search.find(group, rule, expected);
      const outcome = claims && { ...(await simulation.try(claims)), claims, file: rule.file };
      if (outcome?.token) {
        matching.forEach((each) => granted.add(each));
      }
      outcomes.push(...(outcome ? [outcome] : []));
      const isOdd = outcome?.status === 400 || outcome?.status === 500;
      doubt ??= isOdd ? `${describeRule(rule)} matches, but Nomad answers: ${outcome.summary}` : problem;
    }
  }
  if (outcomes.length === 0) {
    const claims = search.approach(group);
    outcomes.push({ ...(await simulation.try(claims)), claims });
  }
  const isUnexpected = ({ token }: Outcome): boolean => expected !== undefined && nameGrant(token) !== expected;
  const { token, summary, reasons, claims, file } = outcomes.reduce((best, other) => {
    const isMore = other.token !== undefined && allowsMore(other.token, best.token, simulation.setup.roles);
    return isUnexpected(other) === isUnexpected(best) ? (isMore ? other : best) : isUnexpected(other) ? other : best;
  });
  const grant = nameGrant(token);
  const row = {
    name: group.name,
    group: 'stranger' as const,
    claims,
    file,
    ...(expected !== undefined && { expected }),
  };
  const isDecided = doubt === undefined || (token !== undefined && grant !== expected);
  return {
    row: isDecided
      ? {
          ...row,
          grant,
          summary: summary + (token ? search.explain(claims) : ''),
          reasons,
          isExpected: grant === (expected ?? grant),
        }
      : { ...row, grant: 'not decided', summary: `not decided: ${doubt ?? ''}`, reasons: [], isExpected: false },
    tried: outcomes.map((outcome) => outcome.claims),
  };
}

/** A search for the claims with which groups of strangers get something from a setup. */
export class Search {
  readonly groups: Group[];
  readonly #solver: Solver;
  readonly #names: Map<string, string>;
  readonly #decisive: string[];
  readonly #tested: string[];

  constructor(
    readonly setup: Setup,
    readonly base: Claims,
  ) {
    const { method, rules, roles, policies } = setup;
    this.#names = mapAttributes(method);
    const conditions = rules.flatMap(({ Selector = '' }) => parse(Selector) ?? []).flatMap(listConditions);
    const listClaims = (attributes: string[]): string[] => [
      ...new Set(attributes.flatMap((attribute) => this.#names.get(attribute) ?? [])),
    ];
    this.#decisive = listClaims([
      ...conditions.map(nameAttribute),
      ...rules.flatMap(({ BindName = '' }) => listVariables(BindName)),
    ]);
    this.#tested = [...this.#decisive, ...listClaims(listVariables(method.TokenNameFormat ?? ''))];
    // Rules, roles and policies name what belongs to the reader.
    const yours = [
      ...['repository_owner', 'repository_owner_id', 'repository_id'].map((name) => String(base[name])),
      ...[...conditions.map(({ value }) => value), ...[...roles, ...policies].map(({ Name }) => Name)].flatMap(
        (name) => [...(name.match(/\d+/g) ?? []), ...(/^(?:repo:)?([\w-]+)(?=$|@\d|\/)/.exec(name)?.slice(1) ?? [])],
      ),
    ];
    const subjects = conditions.filter((condition) => this.#names.get(nameAttribute(condition)) === 'sub');
    this.#solver = new Solver(listParts(base, this.#tested, method.Config.BoundAudiences ?? []));
    this.groups = listGroups(
      base,
      this.#tested,
      yours,
      subjects.map(({ value }) => value),
    );
  }

  /** Finds claims with which a rule grants something: if possible something unexpected, and more through other rules. */
  find(group: Group, rule: BindingRule, expected = ''): { claims?: Claims; matching: BindingRule[]; problem?: string } {
    const { rules } = this.setup;
    const names = this.#listNames(rule);
    const unexpected = names.filter((name) => !expected.split(', ').includes(`${rule.BindType} ${name}`));
    let problem: string | undefined;
    const variants: [allowed: string[], isSafe: boolean][] = [
      [unexpected, true],
      ...(unexpected.length < names.length ? [[names, true] as [string[], boolean]] : []),
      // Nomad may stop at a management rule before it finds that another name is invalid.
      ...(rule.BindType === 'management' ? [[names, false] as [string[], boolean]] : []),
    ];
    for (const [allowed, isSafe] of variants) {
      for (const situation of group.situations) {
        try {
          let demands = [
            ...this.#demand(rule, situation, allowed),
            ...this.#exclude(group),
            ...(isSafe ? this.#demandValid(situation) : []),
          ];
          let claims = this.#solve(situation, demands);
          const matching = [rule];
          for (const other of claims === undefined ? [] : rules.filter((each) => each !== rule)) {
            const more = [...demands, ...this.#demand(other, situation, this.#listNames(other))];
            const found = this.#solve(situation, more);
            if (found !== undefined) {
              [claims, demands] = [found, more];
              matching.push(other);
            }
          }
          if (claims !== undefined) {
            return { claims, matching };
          }
        } catch (error) {
          problem = `${describeRule(rule)}: ${(error as Error).message}`;
        }
      }
    }
    return { matching: [], ...(problem !== undefined && { problem }) };
  }

  /** Returns the claims with which a group comes closest to what a rule demands. */
  approach(group: Group): Claims {
    const usual = this.#solve(group.situations[0] ?? {}, this.#exclude(group)) ?? {};
    let closest = { claims: usual, missing: Infinity };
    for (const [rule, situation] of this.setup.rules.flatMap((each) =>
      group.situations.map((one) => [each, one] as const),
    )) {
      try {
        const kept = this.#exclude(group);
        const demands = this.#demand(rule, situation, this.#listNames(rule)).flatMap(splitAnd);
        for (const demand of demands) {
          kept.push(...(this.#solve(situation, [...kept, demand]) === undefined ? [] : [demand]));
        }
        const missing = demands.length + Object.keys(group.excluded).length - kept.length;
        closest = missing < closest.missing ? { claims: this.#solve(situation, kept) ?? usual, missing } : closest;
      } catch {
        // Nobody knows what this rule demands.
      }
    }
    return closest.claims;
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

  #listNames({ BindType }: BindingRule): string[] {
    return this.setup[BindType === 'policy' ? 'policies' : 'roles'].map(({ Name }) => Name);
  }

  #demand(rule: BindingRule, situation: Claims, names: string[]): Formula[] {
    return [
      demandMatch(rule.Selector, situation, this.#names),
      demandName(rule, situation, this.#names, names),
      demandTokenName(this.setup.method, situation, this.#names),
    ];
  }

  // A login fails if the name of any rule that matches is invalid.
  #demandValid(situation: Claims): Formula[] {
    return this.setup.rules
      .filter(({ BindName = '' }) => BindName.includes('${'))
      .map((rule) => ({
        type: 'or',
        parts: [demandMatch(rule.Selector, situation, this.#names, false), demandName(rule, situation, this.#names)],
      }));
  }

  #exclude({ excluded }: Group): Formula[] {
    return Object.entries(excluded).map(([part, values]) => test(`‹${part}›`, matchOneOf(values, 'iu'), false));
  }

  #solve(situation: Claims, parts: Formula[]): Claims | undefined {
    const chosen = this.#solver.solve(parts);
    const fill = (claim: string, template: string): string =>
      template.replace(/‹(\w+)›/g, (_, part: string) => {
        const value = chosen?.[part] ?? this.#solver.choices[part]?.usual[0] ?? '';
        return claim === 'sub' ? escapeInSubject(value) : value;
      });
    const claims = Object.entries(omit(situation, [])).map(([claim, template]) => [
      claim,
      typeof template === 'string' ? fill(claim, template) : template,
    ]);
    return chosen && (Object.fromEntries(claims) as Claims);
  }
}
