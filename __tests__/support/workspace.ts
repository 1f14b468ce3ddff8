import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from '@jest/globals';
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import { changeClaims, EXAMPLE, type Claims } from '../../simulator/identities.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad/agent.js';
import type { Token } from '../../nomad-rules/api.js';
import { isSince, startFakeCluster, startRealNomad, type NomadServer } from '../../testbed/nomad/nomad.js';
import { ROOT } from '../../testbed/root.js';
import { readBlocks } from './docs.js';

/** The nomad program in NOMAD_BIN or on the PATH, if there is one. */
export const program = await findNomad();

/** The fake Nomad, and the real one if there is a program. */
export const NOMADS: [name: string, start: () => Promise<NomadServer>][] = [
  ['the fake Nomad', startFakeCluster],
  ...(program === undefined ? [] : [[program.version, startReal] as [string, typeof startReal]]),
];

/** Describes tests of a real Nomad; the commands in the documentation are for the shells of Linux and macOS. */
export const describeReal = program === undefined || process.platform === 'win32' ? describe.skip : describe;

/** Starts the real Nomad. */
export function startReal(): Promise<NomadServer> {
  return startRealNomad(program ?? { path: 'nomad', version: '' });
}

/** Pastes commands into a shell that stops at the first failure, and returns what they print. */
export async function paste(commands: string, cwd = ROOT, env: Record<string, string> = {}): Promise<string> {
  const shell = spawn('bash', ['-eu'], { cwd, env: { PATH: process.env['PATH'], ...env } });
  shell.stdin.end(commands);
  const exit = once(shell, 'exit') as Promise<[status: number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), exit]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** A Nomad, an issuer, and a folder with a copy of nomad-config that has the issuer's keys instead of GitHub's. */
export class Workspace {
  #methods = 0;

  private constructor(
    readonly nomad: NomadServer,
    readonly issuer: Issuer,
    readonly folder: string,
    readonly env: Record<string, string>,
  ) {}

  static async start(start = startReal): Promise<Workspace> {
    const [nomad, issuer] = await Promise.all([start(), startIssuer()]);
    const folder = await mkdtemp(join(tmpdir(), 'workspace-'));
    await cp(join(ROOT, 'nomad-config'), join(folder, 'nomad-config'), { recursive: true });
    for (const name of ['auth-method.json', 'auth-method-adv.json']) {
      const file = join(folder, 'nomad-config', name);
      const config = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...config, JWKSURL: issuer.jwksUrl }));
    }
    const PATH = [folder, process.env['PATH']].join(delimiter);
    if (program !== undefined && program.path !== 'nomad') {
      await symlink(resolve(program.path), join(folder, 'nomad'));
    }
    return new Workspace(nomad, issuer, folder, { PATH, NOMAD_ADDR: nomad.url, NOMAD_TOKEN: nomad.admin.secretId });
  }

  async close(): Promise<void> {
    await Promise.all([this.nomad.close(), this.issuer.close(), rm(this.folder, { recursive: true })]);
  }

  /** Pastes commands in the folder, with a management token unless another one is given. */
  paste(commands: string, secretId = this.nomad.admin.secretId): Promise<string> {
    return paste(commands, this.folder, { ...this.env, NOMAD_TOKEN: secretId });
  }

  /** Pastes commands that change or delete the rule with a description. */
  async pasteForRule(commands: string, description = 'Pushes to main, owner 65'): Promise<string> {
    const rules = await this.paste('nomad acl binding-rule list');
    const [ruleId = ''] = new RegExp(`^\\S+(?= +${description} )`, 'm').exec(rules) ?? [];
    return this.paste(commands.replace('RULE_ID', ruleId));
  }

  /** Pastes the quick start of the README, with the IDs of the example job unless others are given. */
  async pasteQuickStart(ids = ''): Promise<void> {
    const [, commands = ''] = readBlocks('README.md', '1. Set up Nomad', 'sh');
    const known = isSince(this.nomad.version, '1.7.0') ? commands : commands.replace(/-token-name-format=\S+/, '');
    const values = `owner_id=65 repo_id=74 audience=nomad.example.com ${ids}\n`;
    await this.paste(values + known.replace(/https:\S+\/jwks/, this.issuer.jwksUrl));
  }

  /** Logs the example job in, with some claims changed; returns the token, or the refusal as its name. */
  async logIn(changes: Claims, AuthMethodName = 'github-adv'): Promise<Partial<Token>> {
    const LoginToken = await this.issuer.issue({ claims: changeClaims(EXAMPLE, changes) });
    const body = JSON.stringify({ AuthMethodName, LoginToken });
    const response = await fetch(`${this.nomad.url}/v1/acl/login`, { method: 'POST', body });
    return response.ok ? ((await response.json()) as Token) : { Name: await response.text() };
  }

  /** Returns for each job the names of the roles that it gets. */
  readRoles(jobs: Claims[]): Promise<string[][]> {
    return Promise.all(jobs.map(async (job) => ((await this.logIn(job)).Roles ?? []).map(({ Name }) => Name)));
  }

  /** Tells for each job whether a rule with this selector allows it; throws an error if Nomad does not save the rule. */
  async allow(Selector: string, jobs: Claims[]): Promise<boolean[]> {
    this.#methods += 1;
    const AuthMethod = `selector-${String(this.#methods)}`;
    await this.nomad.admin.putMethod(AuthMethod, { ...adv, JWKSURL: this.issuer.jwksUrl });
    await this.nomad.admin.putRule({ AuthMethod, BindType: 'management', Selector });
    return Promise.all(jobs.map(async (job) => (await this.logIn(job, AuthMethod)).SecretID !== undefined));
  }
}
