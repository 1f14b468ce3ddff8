import type { Expectation } from './arguments.js';
import { STRANGERS } from './groups.js';
import { changeClaims, text, type Claims } from './identities.js';
import { measureDistance, Search, type Guess } from './stranger-search.js';
import type { Attempt, Row } from './simulate.js';
import type { Simulation } from './simulation.js';
import { grantsMore, nameGrant } from './tokens.js';

/** The number of groups that should get nothing, unless an expectation says otherwise. */
const OUTSIDERS = 2;
const NOTHING = { token: undefined, summary: 'refused', reasons: [] };

/** Logs groups of strangers in, each with the claims that get the most. */
export async function tryStrangers(
  simulation: Simulation,
  base: Claims,
  expectations?: Expectation[],
): Promise<Attempt[]> {
  const granted = (expectations ?? []).filter(({ who, gets }) => who === undefined && gets !== 'refused');
  const jobs = [base, ...granted.map(({ claims }) => moveToBranch(changeClaims(base, claims), base))];
  const distinct = new Map(jobs.map((job) => [JSON.stringify(job), job]));
  const search = new Search(simulation.setup, [...distinct.values()], expectations === undefined);
  const attempts: Attempt[] = [];
  for (const [index, name] of STRANGERS.entries()) {
    const { gets, file, line } = expectations?.find(({ who }) => who === name) ?? {};
    const isOutside = expectations !== undefined && index < OUTSIDERS;
    const expected = gets ?? (isOutside ? 'refused' : undefined);
    const { guesses, problem } = search.guess(index);
    const best = chooseBest(guesses, expected);
    const { token, summary, reasons } = (best && (await simulation.try(best.claims))) ?? NOTHING;
    const actual = nameGrant(token);
    const doubt =
      best && actual !== best.grant ? `the rules grant ${best.grant}, but Nomad answers: ${summary}` : problem;
    const isDecided = doubt === undefined || (token !== undefined && actual !== expected);
    const grant = isDecided ? actual : 'not decided';
    const row: Row = {
      ...{ name, group: 'stranger', claims: best?.claims ?? {}, grant },
      ...(expected !== undefined && { expected }),
      summary: isDecided ? `${summary}${token && best ? search.explain(best.claims) : ''}` : `not decided: ${doubt}`,
      reasons: isDecided ? reasons : [],
      isExpected: isDecided && grant === (expected ?? grant),
      ...(line === undefined ? { file: best?.verdicts.find(({ grants }) => grants)?.rule.file } : { file, line }),
    };
    attempts.push({ row, verdicts: guesses.map((guess) => guess.verdicts) });
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

// Prefers what is not expected, then management, what does not depend on chance, and what gets the most or comes closest.
function chooseBest(guesses: Guess[], expected = 'refused'): Guess | undefined {
  const measure = (guess: Guess): number =>
    (grantsMore(guess.grant, expected) ? 1e9 : 0) +
    (guess.grant === 'management' ? 1e8 : 0) +
    (guess.verdicts.some(({ isInvalid }) => isInvalid) ? 0 : 1e7) +
    (guess.grant === 'refused' ? 0 : guess.grant.split(', ').length * 1e3) -
    measureDistance(guess);
  return guesses.toSorted((a, b) => measure(b) - measure(a))[0];
}
