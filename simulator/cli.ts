import { startNomad } from '../testbed/nomad/nomad.js';
import { HELP, readPlan } from './arguments.js';
import { changeClaims, EXAMPLE } from './identities.js';
import { color, formatLog, formatResult, formatTables, showProgress } from './report.js';
import { readSetup } from './setups.js';
import { listJobs, simulate, tryJobs } from './simulate.js';
import { withSimulation } from './simulation.js';
import { tryStrangers } from './strangers.js';

type Print = (lines: string) => void;

/** Runs the simulator with arguments, and returns its exit status; throws an error if an argument or a file is invalid. */
export async function runSimulator(args: string[], print: Print, start = startNomad): Promise<number> {
  if (args.includes('--help')) {
    print(HELP);
    return 0;
  }
  const result = await showProgress('Simulating logins…', simulate(await readPlan(args), start));
  print(formatResult(result));
  return result.status;
}

/** Shows a login, a refusal, and which jobs get a token with the recommended setup; returns the exit status. */
export async function runDemo(print: Print, start = startNomad): Promise<number> {
  const setup = await readSetup('github-adv');
  const simulated = withSimulation(setup, start, async (simulation) => ({
    nomadName: simulation.nomad.name,
    login: await simulation.runAction(EXAMPLE),
    refusal: await simulation.runAction(changeClaims(EXAMPLE, { ref: 'refs/heads/feature' })),
    attempts: [...(await tryJobs(simulation, listJobs(EXAMPLE))), ...(await tryStrangers(simulation, EXAMPLE))],
  }));
  const { nomadName, login, refusal, attempts } = await showProgress('Simulating logins…', simulated);
  print(`${color('bold', 'This action logs GitHub Actions jobs in to Nomad without a stored secret.')}
This demo uses ${nomadName.replace(/^the /, 'a ')} and a fake GitHub issuer on this machine, and does not contact any other cluster.
Nomad has the auth method github-adv of docs/nomad-setup.md: a push to main gets the role of its repository.

A push to main gets a token:
${formatLog(login.collapsedLog)}

A push to the branch feature is refused:
${formatLog(refusal.collapsedLog)}

Who gets a token, and why others do not:
${formatTables(attempts.map(({ row }) => row))}

Next steps:
  Set up your own Nomad: docs/nomad-setup.md
  Try your own rules:    docs/simulator.md`);
  return 0;
}
