import { spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseEnv } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { startRealNomad, startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { changeClaims, EXAMPLE, VARIATIONS, type Claims } from '../../simulator/identities.js';
import { Simulation } from '../../simulator/simulation.js';
import { readSetup, type Setup } from '../../simulator/setups.js';
import { runMain } from '../../testbed/runner.js';
import { readBlocks, readRows, ROOT } from '../support/readme.js';

const program = await findNomad();
process.stderr.write(
  `The README's commands are pasted for ${program?.version ?? 'a program that records them (there is no nomad)'}.\n`,
);

const SET_UPS = [
  ['Simple', 'simple'],
  ['Realistic', 'adv'],
] as const;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'setup-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** Pastes commands into a shell that gives up at the first failure, and returns what they print. */
async function paste(commands: string[], env: Record<string, string> = {}, cwd = ROOT): Promise<string> {
  const shell = spawn('bash', ['-eu'], { cwd, env: { PATH: process.env['PATH'], ...env } });
  shell.stdin.end(commands.join('\n'));
  const exit = once(shell, 'exit') as Promise<[status: number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), exit]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

// The commands are for the shell of Linux and macOS.
const describeOnPosix = process.platform === 'win32' ? describe.skip : describe;

describeOnPosix("the README's commands", () => {
  // Takes what an empty cluster would take, and writes it down.
  const RECORDER = `#!/bin/sh
case "$*" in *' info '*) exit 1 ;; *' list '* | *operator*) exit 0 ;; esac
for argument; do printf '%s\\0' "$argument"; done >> "$RECORD"
echo >> "$RECORD"
`;

  async function record(heading: string): Promise<string[][]> {
    await writeFile(join(folder, 'nomad'), RECORDER, { mode: 0o755 });
    const RECORD = join(folder, 'record');
    // Only the first block changes anything; the second looks.
    const PATH = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
    await paste(readBlocks(heading, 'sh').slice(0, 1), { RECORD, PATH });
    const lines = (await readFile(RECORD, 'utf8')).trimEnd().split('\n');
    return lines.map((line) => line.split('\0').slice(1, -1));
  }

  /** What commands of the nomad program would make of an empty cluster. */
  function interpret(commands: string[][]): Partial<Setup> {
    const made: Partial<Setup> & Pick<Setup, 'policies' | 'roles' | 'rules'> = { rules: [], roles: [], policies: [] };
    for (const [kind = '', , ...rest] of commands) {
      const flags = Object.fromEntries(rest.map((argument) => argument.split(/=(.*)/s))) as Record<string, string>;
      const flag = (name: string): string => flags[name] ?? '';
      const [name = '', file = ''] = rest.filter((argument) => !argument.startsWith('-'));
      switch (kind) {
        case 'policy':
          made.policies.push({ Name: name, Rules: readFileSync(join(ROOT, file), 'utf8') });
          break;
        case 'role':
          made.roles.push({ Name: flag('-name'), Policies: [{ Name: flag('-policy') }] });
          break;
        case 'auth-method':
          made.method = {
            Name: flag('-name'),
            Type: flag('-type'),
            MaxTokenTTL: flag('-max-token-ttl'),
            TokenLocality: flag('-token-locality'),
            Config: JSON.parse(readFileSync(join(ROOT, flag('-config').slice(1)), 'utf8')) as Setup['method']['Config'],
          };
          break;
        default:
          made.rules.push({
            AuthMethod: flag('-auth-method'),
            BindType: flag('-bind-type'),
            ...('-bind-name' in flags && { BindName: flag('-bind-name') }),
            Selector: flag('-selector'),
          });
      }
    }
    return made;
  }

  test.each(SET_UPS)('for %s make what is rehearsed as %s', async (heading, config) => {
    const { claims, name, ...setUp } = await readSetup(config);
    expect(interpret(await record(heading))).toEqual(setUp);
    expect(name).toBe(config);
    expect(claims).toEqual(EXAMPLE);
  });

  test.each(SET_UPS)(
    "for %s take GitHub's keys, issuer and no other audience, with short leeways",
    async (_, config) => {
      const { method } = await readSetup(config);
      expect(method.Config).toMatchObject({
        JWKSURL: `${GITHUB_ISSUER}/.well-known/jwks`,
        BoundIssuer: [GITHUB_ISSUER],
        BoundAudiences: [exampleClaims.aud],
        ExpirationLeeway: '30s',
        ClockSkewLeeway: '30s',
      });
    },
  );

  test('let in the owner and the repository of jws-example.json until they are changed', () => {
    expect(parseEnv(readFileSync(join(ROOT, 'nomad-config/github.env'), 'utf8'))).toEqual({
      OWNER: exampleClaims.repository_owner,
      REPOSITORY_ID: exampleClaims.repository_id,
    });
  });

  test('print the keys of an issuer in the form that JWTValidationPubKeys takes', async () => {
    const issuer = await startIssuer();
    const [command = ''] = readBlocks('Servers without a way out', 'sh');
    const printed = await paste([command.replace(/https:\S+jwks/, issuer.jwksUrl)]);
    await issuer.close();
    const { JWTValidationPubKeys } = JSON.parse(printed) as { JWTValidationPubKeys: string[] };
    expect(JWTValidationPubKeys.map((key) => createPublicKey(key).export({ type: 'spki', format: 'pem' }))).toEqual([
      createPublicKey(issuer.publicKey).export({ type: 'spki', format: 'pem' }),
    ]);
  });
});

describe('a condition of the README', () => {
  // Who fits each condition, and who does not, by what it is said to let in.
  const EXAMPLES: Record<string, [fits: Claims, other: Claims]> = {
    'an environment': [{ environment: 'production' }, {}],
    'one reusable workflow': [
      { job_workflow_ref: 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main' },
      { job_workflow_ref: 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/dev' },
    ],
    'an account': [{}, { repository_owner_id: '66' }],
    'protected branches and tags': [{}, { ref_protected: 'false' }],
    pushes: [{}, { event_name: 'workflow_dispatch' }],
    releases: [{ ref: 'refs/tags/v1.2.3' }, { ref: 'refs/tags/v1.2.3-rc' }],
    'a subject': [{ sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' }, { ref: 'refs/heads/dev' }],
  };

  let issuer: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    issuer = await startIssuer();
    nomad = await startFakeCluster();
  });

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
  });

  test.each(readRows('Tighten'))('lets in only %s', async (label = '', condition = '') => {
    const [fits, other] = Object.entries(EXAMPLES).find(([name]) => label.replace('[', '').startsWith(name))?.[1] ?? [];
    const setUp = await readSetup('adv');
    const method = { ...setUp.method, Name: label.replace(/\W/g, '') };
    const rules = [{ AuthMethod: method.Name, BindType: 'management', Selector: condition }];
    const simulation = await Simulation.prepare({ ...setUp, method, rules }, nomad, issuer);
    expect(await simulation.try(changeClaims(EXAMPLE, fits ?? {}))).toMatchObject({ isLetIn: true });
    expect(await simulation.try(changeClaims(EXAMPLE, other ?? {}))).toMatchObject({ isLetIn: false });
  });
});

/** Makes a copy of nomad-config in a folder, with keys that can be fetched here. */
async function useKeysOf(issuer: Issuer, to: string): Promise<void> {
  await cp(join(ROOT, 'nomad-config'), join(to, 'nomad-config'), { recursive: true });
  for (const name of ['auth-method.json', 'auth-method-adv.json']) {
    const file = join(to, 'nomad-config', name);
    const config = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...config, JWKSURL: issuer.jwksUrl }));
  }
}

(program === undefined ? describe.skip : describe)('on a real Nomad', () => {
  let issuer: Issuer;
  let nomad: NomadServer;
  let env: Record<string, string>;
  let bin: string | undefined;

  beforeAll(async () => {
    if (program !== undefined) {
      issuer = await startIssuer();
      nomad = await startRealNomad(program);
      env = { NOMAD_ADDR: nomad.url, NOMAD_TOKEN: nomad.admin.secretId };
      if (isAbsolute(program.path)) {
        bin = await mkdtemp(join(tmpdir(), 'bin-'));
        await symlink(program.path, join(bin, 'nomad'));
        env['PATH'] = `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
      }
    }
  }, 60_000);

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
    if (bin !== undefined) {
      await rm(bin, { recursive: true });
    }
  });

  /** Has the action log in as the example's job, with some claims changed, and returns its exit status. */
  async function logIn(methodName: string, changes: Claims): Promise<number> {
    const identityToken = await issuer.issue({ claims: changeClaims(EXAMPLE, changes) });
    return (await runMain({ inputs: { url: nomad.url, methodName, identityToken } })).exitCode;
  }

  test.each(SET_UPS)('the commands for %s set an empty cluster up, and can be run again', async (heading, config) => {
    const { method } = await readSetup(config);
    await useKeysOf(issuer, folder);
    await paste(readBlocks(heading, 'sh'), env, folder);
    await paste(readBlocks(heading, 'sh'), env, folder);
    const outcomes: Record<string, number> = {};
    for (const [name, vary] of Object.entries(VARIATIONS)) {
      outcomes[name] = await logIn(method.Name, vary(EXAMPLE));
    }
    const onlyStrangers = config === 'simple';
    expect(outcomes).toEqual({
      'the job itself': 0,
      'another branch': onlyStrangers ? 0 : 1,
      'a pull request': onlyStrangers ? 0 : 1,
      'another workflow': onlyStrangers ? 0 : 1,
      'another repository': onlyStrangers ? 0 : 1,
      'another owner': 1,
      'a JWT for another service': 1,
      'a JWT of another issuer': 1,
    });
  });

  test('what is dumped is the setup that was made', async () => {
    const [dump = ''] = readBlocks('Try a rule before it is live', 'sh').slice(-1);
    await paste([dump.replace(/^npm .*$/m, '')], env, folder);
    const { method, rules, roles } = await readSetup('adv');
    const dumped = await readSetup(join(folder, 'simulation'), 'github-adv');
    expect(dumped.method).toMatchObject({ Name: method.Name, MaxTokenTTL: '1h0m0s' });
    expect(dumped).toMatchObject({ rules, roles, policies: [{ Name: 'deploy' }] });
  });

  test('the commands that tighten the rule replace it', async () => {
    await paste(readBlocks('Tighten', 'sh'), env);
    expect(await logIn('github-adv', { environment: 'production' })).toBe(0);
    expect(await logIn('github-adv', {})).toBe(1);
  });
});
