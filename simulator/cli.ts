import { startIssuer, type Issuer } from '../testbed/issuer.js';
import { startNomad, type NomadServer } from '../testbed/nomad.js';
import { HELP, readPlan, type Plan } from './arguments.js';
import { runDemo } from './demo.js';
import { changeClaims, VARIATIONS, type Claims } from './identities.js';
import { findProblems } from './problems.js';
import { formatClaims, formatLog, formatTable, formatVerdicts, formatWarnings, showProgress } from './report.js';
import { readSetup, type Setup } from './setups.js';
import { Simulation } from './simulation.js';

type Print = (lines: string) => void;

interface Servers {
  nomad: NomadServer;
  issuer: Issuer;
}

/** Runs the simulator with arguments, and returns its exit status; throws an error if an argument or a file is invalid. */
export async function runSimulator(args: string[], print: Print, start = startNomad): Promise<number> {
  const plan = await readPlan(args);
  if (plan === 'help') {
    print(HELP);
    return 0;
  }
  const setup = plan === 'demo' ? await readSetup('adv') : await readSetup(plan.config, plan.methodName);
  showProgress('Starting Nomad…');
  const nomad = await start();
  const issuer = await startIssuer();
  try {
    showProgress('Configuring Nomad…');
    return plan === 'demo'
      ? await runDemo(setup, nomad, issuer, print)
      : await simulate(plan, setup, { nomad, issuer }, print);
  } finally {
    showProgress('');
    await nomad.close();
    await issuer.close();
  }
}

async function simulate(plan: Plan, setup: Setup, { nomad, issuer }: Servers, print: Print): Promise<number> {
  const simulation = await Simulation.prepare(setup, nomad, issuer);
  showProgress('');
  print(`Setup: ${setup.name} (auth method ${setup.method.Name}) on ${nomad.name}\n`);
  return plan.isOneJob
    ? showJob(simulation, changeClaims(plan.base ?? setup.claims, plan.changes), plan.showsLog, print)
    : showTable(simulation, print);
}

async function showJob(simulation: Simulation, claims: Claims, showsLog: boolean, print: Print): Promise<number> {
  const outcome = await simulation.try(claims);
  const wider = (await simulation.findWider(claims)).map(
    ({ name, summary }) => `The auth method ${name} grants the same job more: ${summary}.`,
  );
  print(formatClaims(claims));
  print(formatVerdicts(await simulation.judgeRules(claims)));
  print(`Result: ${outcome.summary}`);
  if (showsLog) {
    print(formatLog((await simulation.runAction(claims)).log));
  }
  printWarnings([...findProblems(simulation.setup), ...wider], print);
  return outcome.isLetIn ? 0 : 1;
}

async function showTable(simulation: Simulation, print: Print): Promise<number> {
  const { setup } = simulation;
  const jobs = Object.entries(VARIATIONS).map(([name, vary]) => ({
    name,
    claims: changeClaims(setup.claims, vary(setup.claims)),
  }));
  const outcomes = await Promise.all(
    jobs.map(async ({ name, claims }) => ({
      name,
      ...(await simulation.try(claims)),
      wider: await simulation.findWider(claims),
    })),
  );
  print(formatTable(outcomes));
  const warnings = findProblems(setup);
  for (const { method } of setup.others ?? []) {
    const names = outcomes
      .filter(({ wider }) => wider.some(({ name }) => name === method.Name))
      .map(({ name }) => name);
    if (names.length > 0) {
      warnings.push(`The auth method ${method.Name} grants these jobs more: ${names.join(', ')}.`);
    }
  }
  if (outcomes.every(({ isLetIn }) => !isLetIn)) {
    warnings.push('No job gets a token. To try other claims, use --claim or --claims.');
  }
  printWarnings(warnings, print);
  return 0;
}

function printWarnings(warnings: string[], print: Print): void {
  if (warnings.length > 0) {
    print(`\n${formatWarnings(warnings)}`);
  }
}
