import { mapClaims } from '../nomad-rules/attributes.js';
import { lookUp } from '../nomad-rules/selector.js';
import type { AuthMethod } from '../nomad-rules/api.js';
import { startNomad } from '../testbed/nomad/nomad.js';
import type { Expectation, Plan } from './arguments.js';
import { BadFile } from './bad-file.js';
import { changeClaims, EXAMPLE, nameJob, VARIATIONS, type Claims } from './identities.js';
import { findProblems, findUnknownClaims, isProperty, warnAbout } from './problems.js';
import { listAttributes } from './rules.js';
import type { Configuration } from './setup-folder.js';
import { readSetup } from './setups.js';
import { withSimulation, type Simulation } from './simulation.js';
import { tryStrangers } from './strangers.js';
import { grantsMore, nameGrant } from './tokens.js';
import { predict, type Verdict } from './verdicts.js';

/** What a simulation found. */
export interface Result {
  methodName: string;
  nomadName: string;
  rows: Row[];
  warnings: Warning[];
  /** Why the only job gets what it gets. */
  explanation?: Explanation;
  /** The exit status. */
  status: 0 | 1;
}

/** A login, and what it got. */
export interface Row {
  name: string;
  group: 'job' | 'stranger';
  claims: Claims;
  /** What the job should get, as in --expect. */
  expected?: string;
  /** What the job gets, as in --expect, such as "refused" or "role a, policy b"; or "not decided". */
  grant: string;
  /** The token, or Nomad's refusal, in one line. */
  summary: string;
  /** What would have to differ for the closest rule to grant something. */
  reasons: string[];
  isExpected: boolean;
  /** Where it is expected, or the rule that grants it. */
  file?: string | undefined;
  line?: number | undefined;
}

/** A probable mistake. */
export interface Warning {
  text: string;
  /** The file that it is about. */
  file?: string | undefined;
}

/** How a job's attributes and the binding rules lead to the result of its login. */
export interface Explanation {
  /** Undefined as the value means that the JWT has no such claim. */
  attributes: { name: string; value: string | string[] | undefined }[];
  /** Undefined if the auth method refuses the JWT. */
  verdicts: Verdict[] | undefined;
  /** The log of the action's step. */
  log?: string;
}

/** A job of a table. */
export type Job = Pick<Row, 'name' | 'claims' | 'expected' | 'file' | 'line'>;

/** A login, and what the rules do for each job that it stands for. */
export interface Attempt {
  row: Row;
  verdicts: Verdict[][];
  /** The status of Nomad's response to a job. */
  status?: number;
}

/** Simulates the logins of a plan; throws an error if a file is invalid. */
export async function simulate(plan: Plan, start = startNomad): Promise<Result> {
  const { job, changes, expectations, showsLog } = plan;
  const setup = await readSetup(plan.config, plan.methodName);
  const base = changeClaims(job ?? EXAMPLE, changes);
  for (const { claims, file, line } of expectations ?? []) {
    const [mistyped] = findUnknownClaims(Object.keys(claims), setup.method);
    if (mistyped !== undefined) {
      throw new BadFile(file, `has an unknown claim. ${mistyped}`, line);
    }
  }
  const isOneJob = job !== undefined && expectations === undefined;
  const jobs = isOneJob ? [{ name: nameJob(base), claims: base }] : listJobs(base, expectations);
  const tryAll = async (simulation: Simulation): Promise<Attempt[]> => [
    ...(await tryJobs(simulation, jobs)),
    ...(isOneJob ? [] : await tryStrangers(simulation, base, expectations)),
  ];
  return withSimulation(setup, start, async (simulation) => {
    const attempts = await tryAll(simulation);
    const rows = attempts.map(({ row }) => row);
    const warnings = [
      ...findProblems(setup),
      ...findUnknownClaims(
        Object.keys(changes).filter((claim) => !isProperty(claim)),
        setup.method,
      ).map((text) => ({ text })),
      ...(isOneJob ? [] : findIneffective(setup, attempts)),
      ...findRandom(attempts),
    ];
    for (const other of simulation.listOthers()) {
      warnings.push(...compare(other.setup.method, attempts, await tryAll(other)));
    }
    const isMet = expectations === undefined || (warnings.length === 0 && rows.every(({ isExpected }) => isExpected));
    const isGood = isOneJob ? rows.every(({ grant }) => grant !== 'refused') : isMet;
    return {
      methodName: setup.method.Name,
      nomadName: simulation.nomad.name,
      rows,
      warnings,
      ...(isOneJob && attempts[0] && { explanation: await explain(simulation, attempts[0], showsLog) }),
      status: isGood ? 0 : 1,
    };
  });
}

/** Returns the jobs of a table: those with an expectation, or those of the default table. */
export function listJobs(base: Claims, expectations?: Expectation[]): Job[] {
  if (expectations === undefined) {
    return Object.entries(VARIATIONS).map(([name, vary]) => {
      const changes = vary(base);
      const isBase = Object.keys(changes).length === 0;
      return { name: isBase ? nameJob(base) : name, claims: changeClaims(base, changes) };
    });
  }
  return expectations
    .filter(({ who }) => who === undefined)
    .map(({ name, claims, gets, file, line }) => {
      const changes = Object.entries(claims).map(
        ([claim, value]) => `${claim}=${String(value).replace(/^(.{80}).+/s, '$1…')}`,
      );
      return {
        name: name ?? (changes.join(' ') || nameJob(base)),
        claims: changeClaims(base, claims),
        expected: gets,
        file,
        line,
      };
    });
}

/** Logs jobs in. */
export async function tryJobs(simulation: Simulation, jobs: Job[]): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const job of jobs) {
    const { token, status, summary, reasons } = await simulation.try(job.claims);
    const grant = nameGrant(token);
    const isExpected = grant === (job.expected ?? grant);
    attempts.push({
      row: { ...job, group: 'job', grant, summary, reasons, isExpected },
      verdicts: [predict(simulation.setup, job.claims).verdicts],
      status,
    });
  }
  return attempts;
}

async function explain(
  simulation: Simulation,
  { row: { claims }, verdicts, status }: Attempt,
  showsLog: boolean,
): Promise<Explanation> {
  return {
    attributes: describeAttributes(claims, simulation.setup.method),
    verdicts: status === 401 ? undefined : verdicts[0],
    ...(showsLog && { log: (await simulation.runAction(claims)).log }),
  };
}

function describeAttributes(claims: Claims, { Config }: AuthMethod): Explanation['attributes'] {
  try {
    const attributes = mapClaims(claims, Config);
    return listAttributes(Config).map(({ name }) => ({ name, value: lookUp(name.split('.'), attributes) }));
  } catch {
    // The login fails for the same reason.
    return [];
  }
}

function findIneffective({ rules }: Configuration, attempts: Attempt[]): Warning[] {
  const verdicts = attempts.flatMap((attempt) => attempt.verdicts.flat());
  return rules.flatMap((rule) => {
    const matching = verdicts.filter((verdict) => verdict.rule === rule && verdict.matches);
    const [reason = 'it matches none of them'] = matching[0]?.explain() ?? [];
    return matching.some(({ grants, isUnknown }) => grants ?? isUnknown)
      ? []
      : warnAbout(rule, `The rule grants nothing to these jobs and groups: ${reason}.`);
  });
}

// Nomad goes through the rules by their random IDs, and stops at a management rule or at an invalid name.
function findRandom(attempts: Attempt[]): Warning[] {
  const isRandom = (verdicts: Verdict[]): boolean =>
    verdicts.some(({ grants }) => grants === 'management') && verdicts.some(({ isInvalid }) => isInvalid);
  const names = attempts.filter(({ verdicts }) => verdicts.some(isRandom)).map(({ row }) => row.name);
  const reason = 'because they match a management rule and a rule whose bind name is invalid for them';
  return names.length === 0
    ? []
    : [{ text: `Nomad decides at random what these get, ${reason}: ${names.join(', ')}.` }];
}

// Warns about another auth method of the setup that grants more.
function compare({ Name, file }: Configuration['method'], attempts: Attempt[], others: Attempt[]): Warning[] {
  const wider = others.filter(({ row }, index) => grantsMore(row.grant, attempts[index]?.row.grant ?? 'refused'));
  const names = wider.map(({ row }) => row.name).join(', ');
  return names === '' ? [] : [{ text: `The auth method ${Name} grants more to these jobs: ${names}.`, file }];
}
