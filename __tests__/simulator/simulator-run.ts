import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runSimulator } from '../../simulator/cli.js';
import { startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { ROOT } from '../support/docs.js';

// Tests may run in a terminal.
process.env['NO_COLOR'] = '1';

/** The result of a simulation. */
export interface Simulated {
  status: number | null;
  stdout: string;
}

/** Runs the simulator in this process, by default with the fake Nomad. */
export async function simulate(
  args: string[],
  start: () => Promise<NomadServer> = startFakeCluster,
): Promise<Simulated> {
  let stdout = '';
  const status = await runSimulator(args, (lines) => (stdout += `${lines}\n`), start);
  return { status, stdout };
}

/** Runs the simulator as a program, with the fake Nomad unless the environment has a nomad program. */
export async function runProgram(
  args: string[],
  env: NodeJS.ProcessEnv = { PATH: '' },
): Promise<Simulated & { stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulator/main.ts', ...args], { cwd: ROOT, env });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { status, stdout, stderr };
}

/** Creates a configuration folder from the contents of its files. */
export async function createConfig(folder: string, files: Record<string, unknown>): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

/** An auth method of type JWT for tests. */
export const METHOD = {
  Name: 'own',
  Type: 'JWT',
  TokenLocality: 'local',
  MaxTokenTTL: '10m0s',
  Config: {
    JWKSURL: 'https://keys.example.com',
    BoundAudiences: null,
    ClaimMappings: { ref: 'ref', repository_id: 'id' },
    ListClaimMappings: { teams: 'teams' },
  },
};

/** Returns a binding rule of that auth method, as Nomad prints it. */
export function createRule(BindType: string, BindName: string, Selector = ''): Record<string, string> {
  return { ID: 'b8f1c9c2-0000-4000-8000-000000000001', AuthMethod: 'own', BindType, BindName, Selector };
}
