import { mapClaims } from '../nomad-rules/attributes.js';
import { lookUp } from '../nomad-rules/selector.js';
import type { AuthMethod } from '../nomad-rules/api.js';
import { startNomad } from '../testbed/nomad/nomad.js';
import type { Expectation, Plan } from './arguments.js';
import { BadFile } from './bad-file.js';
import { changeClaims, nameJob, VARIATIONS, type Claims } from './identities.js';
import { findProblems, findUnknownClaims, warnAbout } from './problems.js';
import { hasValidName, listAttributes, matchesClaims } from './rules.js';
import { readSetup, type Setup } from './setups.js';
import { withSimulation, type Simulation, type Verdict } from './simulation.js';
import { tryStrangers } from './strangers.js';
import { nameGrant } from './tokens.js';

/** What a simulation found, as plain data. */
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

/** Simulates the logins of a plan; throws an error if a file is invalid. */
export async function simulate(plan: Plan, start = startNomad): Promise<Result> {
  const { job, changes, expectations, showsLog } = plan;
  const setup = await readSetup(plan.config, plan.methodName);
  const base = changeClaims(job ?? setup.claims, changes);
  for (const { claims, file, line } of expectations ?? []) {
    const [mistyped] = findUnknownClaims(Object.keys(claims), setup.method, false);
    if (mistyped !== undefined) {
      throw new BadFile(file, `has an unknown claim. ${mistyped}`, line);
    }
  }
  return withSimulation(setup, start, async (simulation) => {
    const isOneJob = job !== undefined && expectations === undefined;
    const jobs = isOneJob ? [{ name: nameJob(base), claims: base }] : listJobs(base, expectations);
    const attempts = isOneJob ? [] : await tryStrangers(simulation, base, expectations);
    const rows = [...(await tryJobs(simulation, jobs)), ...attempts.map(({ row }) => row)];
    const tried = [
      ...rows,
      ...attempts.flatMap(({ row: { name }, tried: all }) => all.map((claims) => ({ name, claims }))),
    ];
    const warnings = [
      ...findProblems(setup),
      ...findUnknownClaims(Object.keys(changes), setup.method).map((text) => ({ text })),
      ...(isOneJob ? [] : findUnmatched(setup, tried)),
      ...findRandom(setup, tried),
      ...(await findWider(setup, base, rows, start, expectations)),
    ];
    const isMet = expectations === undefined || (warnings.length === 0 && rows.every(({ isExpected }) => isExpected));
    const isGood = isOneJob ? rows.every(({ grant }) => grant !== 'refused') : isMet;
    return {
      methodName: setup.method.Name,
      nomadName: simulation.nomad.name,
      rows,
      warnings,
      ...(isOneJob && { explanation: await explain(simulation, base, showsLog) }),
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
export async function tryJobs(simulation: Simulation, jobs: Job[]): Promise<Row[]> {
  // Nomad accepts 100 connections from a client.
  const rest = jobs.length > 20 ? await tryJobs(simulation, jobs.slice(20)) : [];
  const rows = await Promise.all(
    jobs.slice(0, 20).map(async (job): Promise<Row> => {
      const { token, summary, reasons } = await simulation.try(job.claims);
      const grant = nameGrant(token);
      return { ...job, group: 'job', grant, summary, reasons, isExpected: grant === (job.expected ?? grant) };
    }),
  );
  return [...rows, ...rest];
}

async function explain(simulation: Simulation, claims: Claims, showsLog: boolean): Promise<Explanation> {
  return {
    attributes: describeAttributes(claims, simulation.setup.method),
    verdicts: await simulation.judgeRules(claims),
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

function findUnmatched({ method, rules }: Setup, tried: Pick<Job, 'claims'>[]): Warning[] {
  return rules
    .filter((rule) => tried.every(({ claims }) => !matchesClaims(rule, claims, method)))
    .map((rule) => warnAbout(rule, 'The rule matches none of these jobs and groups.'));
}

// Nomad goes through the rules by their random IDs, and stops at a management rule or at an invalid name.
function findRandom({ method, rules }: Setup, tried: Pick<Job, 'name' | 'claims'>[]): Warning[] {
  const names = tried.filter(({ claims }) => {
    const matching = rules.filter((rule) => matchesClaims(rule, claims, method));
    const isManagement = matching.some(({ BindType }) => BindType === 'management');
    return (
      isManagement && matching.some((rule) => rule.BindType !== 'management' && !hasValidName(rule, claims, method))
    );
  });
  const list = [...new Set(names.map(({ name }) => name))].join(', ');
  const reason = 'because they match a management rule and a rule whose bind name is invalid for them';
  return list === '' ? [] : [{ text: `Nomad decides at random what these get, ${reason}: ${list}.` }];
}

/** Warns about each other auth method of the setup that grants something else to these jobs, or to a group of strangers. */
async function findWider(
  setup: Setup,
  base: Claims,
  rows: Row[],
  start: typeof startNomad,
  expectations?: Expectation[],
): Promise<Warning[]> {
  const hasStrangers = rows.some(({ group }) => group === 'stranger');
  const warnings: Warning[] = [];
  for (const other of setup.others ?? []) {
    const granted = await withSimulation({ ...setup, ...other }, start, async (simulation) => [
      ...(await tryJobs(
        simulation,
        rows.filter(({ group }) => group === 'job'),
      )),
      ...(hasStrangers ? await tryStrangers(simulation, base, expectations) : []).map(({ row }) => row),
    ]);
    const wider = granted.filter(({ name, grant }) => {
      const own = rows.find((row) => row.name === name)?.grant ?? 'refused';
      return (
        grant !== 'refused' && own !== 'management' && grant.split(', ').some((part) => !own.split(', ').includes(part))
      );
    });
    const names = wider.map(({ name }) => name).join(', ');
    if (names !== '') {
      warnings.push({
        text: `The auth method ${other.method.Name} grants more to these jobs: ${names}.`,
        file: other.method.file,
      });
    }
  }
  return warnings;
}
