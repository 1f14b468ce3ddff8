import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;

/** An installed nomad program. */
export interface NomadProgram {
  path: string;
  version: string;
}

/** A real Nomad server with ACLs enabled. */
export interface NomadAgent {
  url: string;
  close(): Promise<void>;
}

/** Finds the nomad program in NOMAD_BIN, which must work if it is set, or on the PATH; returns undefined if there is none. */
export async function findNomad(): Promise<NomadProgram | undefined> {
  const path = process.env['NOMAD_BIN'] || 'nomad';
  try {
    const { stdout } = await promisify(execFile)(path, ['version']);
    return { path, version: stdout.split('\n', 1)[0] ?? '' };
  } catch (error) {
    if (process.env['NOMAD_BIN']) {
      throw new Error(`NOMAD_BIN is not a working nomad program: ${path}`, { cause: error });
    }
    return undefined;
  }
}

/** Starts a server without clients on the loopback address, in a temporary folder; throws an error with its log if it fails. */
export async function startNomadAgent(program: NomadProgram): Promise<NomadAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'nomad-agent-'));
  const [http, rpc, serf] = await findFreePorts(3);
  const config = join(folder, 'server.json');
  await writeFile(
    config,
    JSON.stringify({
      data_dir: join(folder, 'data'),
      bind_addr: '127.0.0.1',
      advertise: { http: '127.0.0.1', rpc: '127.0.0.1', serf: '127.0.0.1' },
      ports: { http, rpc, serf },
      server: { enabled: true, bootstrap_expect: 1 },
      // Wide limits, so tests can use any MaxTokenTTL.
      acl: { enabled: true, token_min_expiration_ttl: '1s', token_max_expiration_ttl: '8760h' },
      ui: { enabled: false },
      disable_update_check: true,
    }),
  );
  const agent = spawn(program.path, ['agent', '-config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  const log: string[] = [];
  agent.stdout.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  agent.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  const url = `http://127.0.0.1:${String(http)}`;
  const close = async (): Promise<void> => {
    await stop(agent);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitForLeader(url, agent);
  } catch (error) {
    await close();
    throw new Error(`${program.version} did not start:\n${log.join('').slice(-4000)}`, { cause: error });
  }
  return { url, close };
}

async function waitForLeader(url: string, agent: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const leader = await fetch(`${url}/v1/status/leader`).then(
      async (response) => (response.ok ? response.text() : ''),
      () => '',
    );
    if (leader.length > 2) {
      return;
    }
    if (agent.exitCode !== null || Date.now() > deadline) {
      throw new Error('no leader');
    }
    await sleep(100);
  }
}

async function stop(agent: ChildProcess): Promise<void> {
  if (agent.exitCode === null && agent.signalCode === null) {
    const exited = once(agent, 'exit');
    agent.kill('SIGTERM');
    const timer = setTimeout(() => agent.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
  }
}

async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
