import { startNomad } from '../testbed/nomad.js';
import { HELP, readPlan, type Expectation } from './arguments.js';
import { changeClaims, nameJob, VARIATIONS, type Claims } from './identities.js';
import { findProblems, findUnknownClaims } from './problems.js';
import { color, formatAttributes, formatLog, formatTable, formatVerdicts, showProgress } from './report.js';
import { readSetup } from './setups.js';
import { withSimulation, type Simulation } from './simulation.js';
import { nameGrant } from './tokens.js';

type Print = (lines: string) => void;

/** A row of a table: a job, and what it should get. */
interface Job {
  name: string;
  claims: Claims;
  gets?: string;
}

interface Row {
  name: string;
  isGood: boolean;
  summary: string;
  /** The other auth methods that grant the same job more. */
  wider: string[];
}

interface Shown {
  status: number;
  warnings: string[];
}

/** Runs the simulator with arguments, and returns its exit status; throws an error if an argument or a file is invalid. */
export async function runSimulator(args: string[], print: Print, start = startNomad): Promise<number> {
  const plan = await readPlan(args);
  if (plan === 'help') {
    print(HELP);
    return 0;
  }
  const { job, changes, expectations, showsLog } = plan;
  const setup = await readSetup(plan.config, plan.methodName);
  const base = changeClaims(job ?? setup.claims, changes);
  const names = [changes, ...(expectations ?? []).map(({ claims }) => claims)].flatMap(Object.keys);
  const problems = [...findProblems(setup), ...findUnknownClaims(names, setup.method)];
  return withSimulation(setup, start, async (simulation, nomadName) => {
    showProgress('');
    print(`Logins through the auth method ${setup.method.Name} on ${nomadName}\n`);
    const { status, warnings } =
      job !== undefined && expectations === undefined
        ? await showJob(simulation, base, showsLog, print)
        : await showTable(simulation, listJobs(base, expectations), print);
    const all = [...problems, ...warnings];
    if (all.length > 0) {
      print(`\n${color('yellow', 'Warnings:')}\n${all.map((warning) => `  ${warning}`).join('\n')}`);
    }
    return status;
  });
}

/** Shows a login, a refusal, and which jobs get a token with the recommended setup; returns the exit status. */
export async function runDemo(print: Print, start = startNomad): Promise<number> {
  const setup = await readSetup('github-adv');
  return withSimulation(setup, start, async (simulation, nomadName) => {
    const login = await simulation.runAction(setup.claims);
    const refusal = await simulation.runAction(changeClaims(setup.claims, { ref: 'refs/heads/feature' }));
    const table = formatTable(await tryAll(simulation, listJobs(setup.claims)));
    showProgress('');
    print(`${color('bold', 'This action logs GitHub Actions jobs in to Nomad without a stored secret.')}
This demo uses ${nomadName.replace(/^the /, 'a ')} and a fake GitHub issuer on this machine, and does not contact any other cluster.
Nomad has the auth method github-adv of docs/nomad-setup.md: one workflow on main gets the role of its repository.

A push to main gets a token:
${formatLog(login.collapsedLog)}

A push to the branch feature is refused:
${formatLog(refusal.collapsedLog)}

Who gets a token, and why others do not:
${table}

Next steps:
  Set up your own Nomad: docs/nomad-setup.md
  Try your own rules:    npm run simulate -- --help`);
    return 0;
  });
}

function listJobs(base: Claims, expectations?: Expectation[]): Job[] {
  if (expectations === undefined) {
    return Object.entries(VARIATIONS).map(([name, vary]) => {
      const changes = vary(base);
      const isBase = Object.keys(changes).length === 0;
      return { name: isBase ? nameJob(base) : name, claims: changeClaims(base, changes) };
    });
  }
  return expectations.map(({ claims, gets }) => {
    const changes = Object.entries(claims).map(([name, value]) => `${name}=${String(value)}`);
    return { name: changes.join(' ') || nameJob(base), claims: changeClaims(base, claims), gets };
  });
}

async function tryAll(simulation: Simulation, jobs: Job[]): Promise<Row[]> {
  return Promise.all(
    jobs.map(async ({ name, claims, gets }) => {
      const { token, reason, summary } = await simulation.try(claims);
      const outcome = reason === undefined ? summary : `refused: ${reason}`;
      const isGood = gets === undefined ? token !== undefined : nameGrant(token) === gets;
      return {
        name,
        isGood,
        summary: gets === undefined || isGood ? outcome : `${outcome} (expected: ${gets})`,
        wider: (await simulation.findWider(claims)).map((method) => method.name),
      };
    }),
  );
}

async function showTable(simulation: Simulation, jobs: Job[], print: Print): Promise<Shown> {
  const rows = await tryAll(simulation, jobs);
  print(formatTable(rows));
  const warnings = (simulation.setup.others ?? []).flatMap(({ method: { Name } }) => {
    const names = rows.filter((row) => row.wider.includes(Name)).map(({ name }) => name);
    return names.length > 0 ? [`The auth method ${Name} grants these jobs more: ${names.join(', ')}.`] : [];
  });
  const bad = rows.filter(({ isGood }) => !isGood).length;
  if (jobs.every(({ gets }) => gets === undefined)) {
    const advice = bad < rows.length ? [] : ['No job gets a token. To try other claims, use --claim or --claims.'];
    return { status: 0, warnings: [...warnings, ...advice] };
  }
  print(
    `\n${bad === 0 ? 'Every job gets what is expected.' : `Not as expected: ${String(bad)} of ${String(rows.length)} jobs`}`,
  );
  return { status: bad === 0 ? 0 : 1, warnings };
}

async function showJob(simulation: Simulation, claims: Claims, showsLog: boolean, print: Print): Promise<Shown> {
  const { token, summary } = await simulation.try(claims);
  print(formatAttributes(claims, simulation.setup.method));
  print(formatVerdicts(await simulation.judgeRules(claims)));
  print(`Result: ${summary}`);
  if (showsLog) {
    print(formatLog((await simulation.runAction(claims)).log));
  }
  const wider = (await simulation.findWider(claims)).map(
    (method) => `The auth method ${method.name} grants the same job more: ${method.summary}.`,
  );
  return { status: token === undefined ? 1 : 0, warnings: wider };
}
