import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startIssuer } from './issuer.js';
import { findNomad } from './nomad-agent.js';
import { startRealNomad } from './nomad.js';
import { setUpGithubMethod } from './github-method.js';

// Runs .github/workflows/step.yml in the program act (https://nektosact.com), without containers, against a real Nomad.
const program = await findNomad();
if (program === undefined) {
  throw new Error('There is no nomad program on the PATH or in NOMAD_BIN.');
}
const issuer = await startIssuer();
const nomad = await startRealNomad(program);
const temp = await mkdtemp(join(tmpdir(), 'act-'));
try {
  await setUpGithubMethod(nomad.admin, issuer);
  const variables = { ...issuer.environment, NOMAD_URL: nomad.url, RUNNER_TEMP: temp };
  const options = [
    '--workflows',
    '.github/workflows/step.yml',
    '--platform',
    'ubuntu-latest=-self-hosted',
    '--no-cache-server',
  ];
  const environment = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const act = spawn(process.env['ACT_BIN'] || 'act', ['workflow_dispatch', ...options, ...environment], {
    stdio: 'inherit',
  });
  const [status] = (await once(act, 'exit')) as [number | null];
  process.exitCode = status ?? 1;
} finally {
  await nomad.close();
  await issuer.close();
  await rm(temp, { recursive: true });
}
