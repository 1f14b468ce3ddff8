import { startIssuer } from './issuer.js';
import { startNomad } from './nomad.js';
import { runMain, type StageResult } from './runner.js';
import { setUpGithubMethod } from './set-up.js';

const issuer = await startIssuer();
const nomad = await startNomad();
try {
  console.log(`Nomad here is ${nomad.name}, at ${nomad.url}.`);
  await setUpGithubMethod(nomad.admin, issuer);

  const login = await runMain({ inputs: { url: nomad.url }, env: issuer.environment });
  show('A push to main in octo-org/octo-repo logs in:', login);
  await showOwner(login.exported['NOMAD_TOKEN'] ?? '');

  const identityToken = await issuer.mint({ claims: { ref: 'refs/heads/feature' } });
  const refusal = await runMain({ inputs: { url: nomad.url, identityToken } });
  show('A push to the branch feature is refused:', refusal);

  process.exitCode = login.exitCode === 0 && refusal.exitCode === 1 ? 0 : 1;
} finally {
  await nomad.close();
  await issuer.close();
}

function show(title: string, { log, exitCode }: StageResult): void {
  const lines = [...log.split('\n'), `(exit status ${String(exitCode)})`];
  console.log(`\n${title}\n${lines.map((line) => `  │ ${line}`).join('\n')}`);
}

async function showOwner(secretId: string): Promise<void> {
  const response = await fetch(`${nomad.url}/v1/acl/token/self`, { headers: { 'X-Nomad-Token': secretId } });
  const { AccessorID, Name, Policies } = (await response.json()) as Record<string, unknown>;
  console.log(`\nNomad, asked with NOMAD_TOKEN who that is, answers ${String(response.status)}:`);
  console.log(`  │ ${JSON.stringify({ AccessorID, Name, Policies })}`);
}
