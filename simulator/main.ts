import { parseArgs } from 'node:util';
import { startIssuer } from '../testbed/issuer.js';
import { startNomad } from '../testbed/nomad.js';
import { changeClaims, parseClaim, readClaims, VARIATIONS, type Claims } from './identities.js';
import { Simulation } from './simulation.js';
import { formatLog, formatOutcome, formatTable } from './report.js';
import { readSetup, type Setup } from './setups.js';

const HELP = `Shows what a workflow gets from Nomad, before a real cluster is set up.

  npm start                              a login and a refusal, and a table of jobs for both setups of the README
  npm start -- --config adv              the table for one setup: simple, adv, or the files in a folder
  npm start -- --claim ref=refs/heads/dev
                                         what one job gets: the rules that match, the token, or the refusal

  --claim NAME=VALUE   a claim that differs from those of jws-example.json (again for more);
                       sub, workflow_ref and job_workflow_ref follow, unless they are given
  --claims FILE        all the claims of the job, as a JSON object, in the place of those of jws-example.json
  --config simple|adv|DIR
                       DIR holds, as Nomad prints them, auth-method*.json, binding-rule*.json, role*.json and
                       policies*.json, each one or a list, and NAME.hcl with the rules of the policy NAME
  --method NAME        which auth method of DIR, where it has several
  --help               this

The JWT is signed with RS256, and for the first audience in BoundAudiences, unless the claims have another aud. The owner
and the repository are those of nomad-config/github.env. Nomad is the program nomad in NOMAD_BIN or on the PATH, or a
fake Nomad. No cluster but the one that is started here is asked or changed.
The exit status is 0, 1 where the one job that was asked about is refused, or 2 where an argument is wrong.`;

interface Plan {
  setups: Setup[];
  /** Claims in the place of the example's. */
  base: Claims | undefined;
  changes: Claims;
  isOneJob: boolean;
  isDemo: boolean;
}

async function readPlan(): Promise<Plan | undefined> {
  const { values } = parseArgs({
    options: {
      claim: { type: 'string', multiple: true, default: [] },
      claims: { type: 'string' },
      config: { type: 'string' },
      method: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    return undefined;
  }
  const configs = values.config === undefined ? ['simple', 'adv'] : [values.config];
  return {
    setups: await Promise.all(configs.map((config) => readSetup(config, values.method))),
    base: values.claims === undefined ? undefined : await readClaims(values.claims),
    changes: Object.assign({}, ...values.claim.map(parseClaim)) as Claims,
    isOneJob: values.claims !== undefined || values.claim.length > 0,
    isDemo: values.config === undefined,
  };
}

async function carryOut(plan: Plan): Promise<void> {
  const nomad = await startNomad();
  const issuer = await startIssuer();
  try {
    console.log(`Nomad here is ${nomad.name}, at ${nomad.url}.\n`);
    for (const setup of plan.setups) {
      await show(plan, await Simulation.prepare(setup, nomad, issuer));
    }
  } finally {
    await nomad.close();
    await issuer.close();
  }
}

async function show({ base, changes, isOneJob, isDemo }: Plan, simulation: Simulation): Promise<void> {
  const { name, claims } = simulation.setup;
  if (isOneJob) {
    await showJob(simulation, changeClaims(base ?? claims, changes));
    return;
  }
  if (isDemo && name === 'adv') {
    await showLogs(simulation);
  }
  await showTable(simulation);
}

async function showJob(simulation: Simulation, claims: Claims): Promise<void> {
  const outcome = await simulation.try(claims);
  const rules = await simulation.judgeRules(outcome.jwt);
  console.log(`${describe(simulation)}\n${formatOutcome(claims, rules, outcome)}\n`);
  process.exitCode ||= outcome.isLetIn ? 0 : 1;
}

async function showLogs(simulation: Simulation): Promise<void> {
  const { claims } = simulation.setup;
  const login = await simulation.try(claims);
  console.log(`A push to main logs in:\n${formatLog(login.stage)}\n`);
  const refusal = await simulation.try(changeClaims(claims, { ref: 'refs/heads/feature' }));
  console.log(`A push to the branch feature is refused:\n${formatLog(refusal.stage)}\n`);
}

async function showTable(simulation: Simulation): Promise<void> {
  const { claims } = simulation.setup;
  const outcomes = await Promise.all(
    Object.entries(VARIATIONS).map(async ([name, vary]) => ({
      name,
      ...(await simulation.try(changeClaims(claims, vary(claims)))),
    })),
  );
  console.log(`${describe(simulation)} gives:\n${formatTable(outcomes.map(({ name, summary }) => [name, summary]))}\n`);
  if (outcomes.every(({ isLetIn }) => !isLetIn)) {
    console.log('Nobody is let in. The claims are those of jws-example.json: give others by --claim or --claims.\n');
  }
}

function describe({ setup }: Simulation): string {
  return `${setup.name} (auth method ${setup.method.Name})`;
}

try {
  const plan = await readPlan();
  if (plan === undefined) {
    console.log(HELP);
  } else {
    await carryOut(plan);
  }
} catch (error) {
  console.error(`${(error as Error).message}\nSee npm start -- --help.`);
  process.exitCode = 2;
}
