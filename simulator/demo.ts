import type { Issuer } from '../testbed/issuer.js';
import type { NomadServer } from '../testbed/nomad.js';
import { changeClaims, VARIATIONS } from './identities.js';
import { color, formatLog, formatTable, showProgress } from './report.js';
import type { Setup } from './setups.js';
import { Simulation } from './simulation.js';

/** Shows a login, a refusal, and which jobs get a token with the Realistic setup; returns the exit status. */
export async function runDemo(
  setup: Setup,
  nomad: NomadServer,
  issuer: Issuer,
  print: (lines: string) => void,
): Promise<number> {
  const { claims } = setup;
  const simulation = await Simulation.prepare(setup, nomad, issuer);
  const login = await simulation.runAction(claims);
  const refusal = await simulation.runAction(changeClaims(claims, { ref: 'refs/heads/feature' }));
  const jobs = await Promise.all(
    Object.entries(VARIATIONS).map(async ([name, vary]) => ({
      name,
      ...(await simulation.try(changeClaims(claims, vary(claims)))),
    })),
  );
  showProgress('');
  print(`${color('bold', 'This action logs GitHub Actions jobs in to Nomad without a stored secret.')}
This demo uses ${nomad.name.replace(/^the /, 'a ')} and a fake GitHub issuer on this machine, and does not contact any other cluster.
Nomad has the Realistic setup of docs/nomad-setup.md: one workflow on main gets the role of its repository.

A push to main gets a token:
${formatLog(login.collapsedLog)}

A push to the branch feature is refused:
${formatLog(refusal.collapsedLog)}

Who gets a token:
${formatTable(jobs)}

Next steps:
  Set up your own Nomad: docs/nomad-setup.md
  Try your own rules:    npm run simulate -- --help`);
  return 0;
}
