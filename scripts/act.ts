import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { startIssuer } from '../testbed/issuer.js';
import { findNomad } from '../testbed/nomad/agent.js';
import { startRealNomad } from '../testbed/nomad/nomad.js';
import { setUpGithubMethod } from '../testbed/nomad/admin.js';

// Runs the job `login` of .github/workflows/step.yml in act (https://nektosact.com), without containers, on a real Nomad.
const program = await findNomad();
if (program === undefined) {
  throw new Error('There is no nomad program. Add nomad to the PATH, or set NOMAD_BIN.');
}
const issuer = await startIssuer();
const nomad = await startRealNomad(program);
const temp = await mkdtemp(join(tmpdir(), 'act-'));
try {
  await setUpGithubMethod(nomad.admin, issuer);
  const variables = { ...issuer.environment, NOMAD_URL: nomad.url };
  const options = [
    ...['--workflows', '.github/workflows/step.yml'],
    ...['--job', 'login'],
    ...['--matrix', 'os:ubuntu-latest'],
    ...['--platform', 'ubuntu-latest=-self-hosted'],
    '--no-cache-server',
  ];
  const environment = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const act = spawn(process.env['ACT_BIN'] || 'act', ['workflow_dispatch', ...options, ...environment], {
    stdio: 'inherit',
    env: { ...process.env, PATH: await addToPath(program.path, temp) },
  });
  const [status] = (await once(act, 'exit')) as [number | null];
  process.exitCode = status ?? 1;
} finally {
  await nomad.close();
  await issuer.close();
  await rm(temp, { recursive: true });
}

// The steps call `nomad`, whatever the file in NOMAD_BIN is called.
async function addToPath(file: string, folder: string): Promise<string> {
  const path = process.env['PATH'] ?? '';
  if (!isAbsolute(file)) {
    return path;
  }
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(file, join(bin, 'nomad'));
  return bin + delimiter + path;
}
