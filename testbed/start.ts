import { parseArgs } from 'node:util';
import { startIssuer } from './issuer.js';
import { startNomad } from './nomad.js';
import { changeClaims, parseClaim, readClaims, VARIATIONS, type Claims } from './rehearsal/identities.js';
import { Rehearsal } from './rehearsal/rehearsal.js';
import { formatLog, formatOutcome, formatTable } from './rehearsal/report.js';
import { readSetUp, type SetUp } from './rehearsal/set-ups.js';

const HELP = `Shows what a workflow gets from Nomad, before a real cluster is set up.

  npm start                              a login and a refusal, and a table of jobs for both set-ups of the README
  npm start -- --config adv              the table for one set-up: simple, adv, or the files in a folder
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
stand-in. No cluster but the one that is started here is asked or changed.
The exit status is 0, 1 where the one job that was asked about is refused, or 2 where an argument is wrong.`;

interface Plan {
  setUps: SetUp[];
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
    setUps: await Promise.all(configs.map((config) => readSetUp(config, values.method))),
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
    for (const setUp of plan.setUps) {
      await show(plan, await Rehearsal.prepare(setUp, nomad, issuer));
    }
  } finally {
    await nomad.close();
    await issuer.close();
  }
}

async function show({ base, changes, isOneJob, isDemo }: Plan, rehearsal: Rehearsal): Promise<void> {
  const { name, claims } = rehearsal.setUp;
  if (isOneJob) {
    await showJob(rehearsal, changeClaims(base ?? claims, changes));
    return;
  }
  if (isDemo && name === 'adv') {
    await showLogs(rehearsal);
  }
  await showTable(rehearsal);
}

async function showJob(rehearsal: Rehearsal, claims: Claims): Promise<void> {
  const outcome = await rehearsal.try(claims);
  const rules = await rehearsal.judgeRules(outcome.jwt);
  console.log(`${describe(rehearsal)}\n${formatOutcome(claims, rules, outcome)}\n`);
  process.exitCode ||= outcome.isLetIn ? 0 : 1;
}

async function showLogs(rehearsal: Rehearsal): Promise<void> {
  const { claims } = rehearsal.setUp;
  const login = await rehearsal.try(claims);
  console.log(`A push to main logs in:\n${formatLog(login.stage)}\n`);
  const refusal = await rehearsal.try(changeClaims(claims, { ref: 'refs/heads/feature' }));
  console.log(`A push to the branch feature is refused:\n${formatLog(refusal.stage)}\n`);
}

async function showTable(rehearsal: Rehearsal): Promise<void> {
  const { claims } = rehearsal.setUp;
  const outcomes = await Promise.all(
    Object.entries(VARIATIONS).map(async ([name, vary]) => ({
      name,
      ...(await rehearsal.try(changeClaims(claims, vary(claims)))),
    })),
  );
  console.log(`${describe(rehearsal)} gives:\n${formatTable(outcomes.map(({ name, summary }) => [name, summary]))}\n`);
  if (outcomes.every(({ isLetIn }) => !isLetIn)) {
    console.log('Nobody is let in. The claims are those of jws-example.json: give others by --claim or --claims.\n');
  }
}

function describe({ setUp }: Rehearsal): string {
  return `${setUp.name} (auth method ${setUp.method.Name})`;
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
