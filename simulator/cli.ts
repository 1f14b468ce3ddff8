import { startNomad } from '../testbed/nomad/nomad.js';
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
    const isOneJob = job !== undefined && expectations === undefined;
    const jobs = isOneJob ? [{ name: nameJob(base), claims: base }] : listJobs(base, expectations);
    const status = isOneJob
      ? await showJob(simulation, base, showsLog, print)
      : await showTable(simulation, jobs, print);
    const warnings = [...problems, ...(await findWider(simulation, jobs))];
    if (warnings.length > 0) {
      print(`\n${color('yellow', 'Warnings:')}\n${warnings.map((warning) => `  ${warning}`).join('\n')}`);
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
    showProgress('');
    print(`${color('bold', 'This action logs GitHub Actions jobs in to Nomad without a stored secret.')}
This demo uses ${nomadName.replace(/^the /, 'a ')} and a fake GitHub issuer on this machine, and does not contact any other cluster.
Nomad has the auth method github-adv of docs/nomad-setup.md: a push to main gets the role of its repository.

A push to main gets a token:
${formatLog(login.collapsedLog)}

A push to the branch feature is refused:
${formatLog(refusal.collapsedLog)}

Who gets a token, and why others do not:`);
    await showTable(simulation, listJobs(setup.claims), print);
    print(`
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

async function showTable(simulation: Simulation, jobs: Job[], print: Print): Promise<number> {
  const rows = await Promise.all(
    jobs.map(async ({ name, claims, gets }) => {
      const { token, reason, summary } = await simulation.try(claims);
      const outcome = reason === undefined ? summary : `refused: ${reason}`;
      const isGood = gets === undefined ? token !== undefined : nameGrant(token) === gets;
      return { name, isGood, summary: gets === undefined || isGood ? outcome : `${outcome} (expected: ${gets})` };
    }),
  );
  print(formatTable(rows));
  if (jobs.every(({ gets }) => gets === undefined)) {
    return 0;
  }
  const count = rows.filter(({ isGood }) => !isGood).length;
  const difference = `Not as expected: ${String(count)} of ${String(rows.length)} jobs`;
  print(`\n${count === 0 ? 'Every job gets what is expected.' : difference}`);
  return count === 0 ? 0 : 1;
}

async function showJob(simulation: Simulation, claims: Claims, showsLog: boolean, print: Print): Promise<number> {
  const { token, summary } = await simulation.try(claims);
  print(formatAttributes(claims, simulation.setup.method));
  print(formatVerdicts(await simulation.judgeRules(claims)));
  print(`Result: ${summary}`);
  if (showsLog) {
    print(formatLog((await simulation.runAction(claims)).log));
  }
  return token === undefined ? 1 : 0;
}

/** Warns about the other auth methods of the setup that grant jobs more than the one that is simulated. */
async function findWider(simulation: Simulation, jobs: Job[]): Promise<string[]> {
  const warnings = (simulation.setup.others ?? []).map(async ({ method: { Name } }) => {
    const names = await Promise.all(
      jobs.map(async ({ name, claims }) => ((await simulation.isWider(Name, claims)) ? [name] : [])),
    );
    const list = names.flat().join(', ');
    return list === '' ? [] : [`The auth method ${Name} grants more to these jobs: ${list}.`];
  });
  return (await Promise.all(warnings)).flat();
}
