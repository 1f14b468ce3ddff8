import { startIssuer, type Issuer } from '../testbed/issuer.js';
import { startNomad, type NomadServer } from '../testbed/nomad.js';
import { HELP, readPlan, type Plan } from './arguments.js';
import { runDemo } from './demo.js';
import { changeClaims, VARIATIONS, type Claims } from './identities.js';
import { findProblems } from './problems.js';
import { formatClaims, formatLog, formatTable, formatVerdicts, formatWarnings, showProgress } from './report.js';
import { readSetup, type Setup } from './setups.js';
import { Simulation } from './simulation.js';

try {
  const plan = await readPlan();
  if (plan === 'help') {
    console.log(HELP);
  } else if (plan === 'demo') {
    const setup = await readSetup('adv');
    await withServers((nomad, issuer) => runDemo(setup, nomad, issuer));
  } else {
    const setup = await readSetup(plan.config, plan.methodName);
    await withServers((nomad, issuer) => simulate(plan, setup, nomad, issuer));
  }
} catch (error) {
  console.error(`${(error as Error).message}\nFor help, run: npm run simulate -- --help`);
  process.exitCode = 2;
}

async function withServers(use: (nomad: NomadServer, issuer: Issuer) => Promise<void>): Promise<void> {
  showProgress('Starting Nomad…');
  const nomad = await startNomad();
  const issuer = await startIssuer();
  try {
    showProgress('Configuring Nomad…');
    await use(nomad, issuer);
  } finally {
    showProgress('');
    await nomad.close();
    await issuer.close();
  }
}

async function simulate(plan: Plan, setup: Setup, nomad: NomadServer, issuer: Issuer): Promise<void> {
  const simulation = await Simulation.prepare(setup, nomad, issuer);
  showProgress('');
  console.log(`Setup: ${setup.name} (auth method ${setup.method.Name}) on ${nomad.name}\n`);
  if (plan.isOneJob) {
    await showJob(simulation, changeClaims(plan.base ?? setup.claims, plan.changes), plan.showsLog);
  } else {
    await showTable(simulation);
  }
}

async function showJob(simulation: Simulation, claims: Claims, showsLog: boolean): Promise<void> {
  const outcome = await simulation.try(claims);
  const wider = (await simulation.findWider(claims)).map(
    ({ name, summary }) => `The auth method ${name} gives the same job more: ${summary}.`,
  );
  console.log(formatClaims(claims));
  console.log(formatVerdicts(await simulation.judgeRules(claims)));
  console.log(`Result: ${outcome.summary}`);
  if (showsLog) {
    console.log(formatLog((await simulation.runAction(claims)).log));
  }
  process.stdout.write(formatWarnings([...findProblems(simulation.setup), ...wider]));
  process.exitCode = outcome.isLetIn ? 0 : 1;
}

async function showTable(simulation: Simulation): Promise<void> {
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
  console.log(formatTable(outcomes));
  const warnings = findProblems(setup);
  for (const { method } of setup.others ?? []) {
    const names = outcomes
      .filter(({ wider }) => wider.some(({ name }) => name === method.Name))
      .map(({ name }) => name);
    if (names.length > 0) {
      warnings.push(`The auth method ${method.Name} gives these jobs more: ${names.join(', ')}.`);
    }
  }
  if (outcomes.every(({ isLetIn }) => !isLetIn)) {
    warnings.push('No job gets a token. To try other claims, use --claim or --claims.');
  }
  process.stdout.write(formatWarnings(warnings));
}
