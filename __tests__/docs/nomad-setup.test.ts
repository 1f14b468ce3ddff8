import { spawn, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseEnv } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { changeClaims, EXAMPLE, VARIATIONS, type Claims } from '../../simulator/identities.js';
import { readSetup, type Setup } from '../../simulator/setups.js';
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { askSelf, startFakeCluster, startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { copyConfig } from '../support/config.js';
import { readBlocks, readRows, ROOT } from '../support/docs.js';

const PAGE = 'docs/nomad-setup.md';
const program = await findNomad();
process.stderr.write(
  `The commands of ${PAGE} run against ${program?.version ?? 'a program that records them (there is no nomad)'}.\n`,
);

type Example = [fits: Claims, other: Claims];

const SETUPS = [
  ['Realistic', 'github-adv'],
  ['Simple', 'github'],
] as const;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'setup-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** Pastes commands into a shell that stops at the first failure, and returns what they print. */
async function paste(commands: string[], env: Record<string, string> = {}, cwd = ROOT): Promise<string> {
  const shell = spawn('bash', ['-eu'], { cwd, env: { PATH: process.env['PATH'], ...env } });
  shell.stdin.end(commands.join('\n'));
  const exit = once(shell, 'exit') as Promise<[status: number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), exit]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** Returns the block below a heading that creates the setup. */
function readCreation(heading: string): string {
  return readBlocks(PAGE, heading, 'sh').find((block) => block.includes('auth-method create')) ?? '';
}

// The commands are for the shells of Linux and macOS.
const describeOnPosix = process.platform === 'win32' ? describe.skip : describe;

describeOnPosix('the commands of nomad-setup.md', () => {
  // Responds like an empty cluster, and records the commands.
  const RECORDER = `#!/bin/sh
case "$*" in *' info '*) exit 1 ;; *' list '* | *operator*) exit 0 ;; esac
for argument; do printf '%s\\0' "$argument"; done >> "$RECORD"
echo >> "$RECORD"
`;

  async function record(heading: string): Promise<string[][]> {
    await writeFile(join(folder, 'nomad'), RECORDER, { mode: 0o755 });
    const RECORD = join(folder, 'record');
    const PATH = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
    await paste([readCreation(heading)], { RECORD, PATH });
    const lines = (await readFile(RECORD, 'utf8')).trimEnd().split('\n');
    return lines.map((line) => line.split('\0').slice(1, -1));
  }

  /** Returns the objects that nomad commands create in an empty cluster. */
  function interpret(commands: string[][]): Partial<Setup> {
    const created: Partial<Setup> & Pick<Setup, 'policies' | 'roles' | 'rules'> = {
      rules: [],
      roles: [],
      policies: [],
    };
    for (const [kind = '', , ...rest] of commands) {
      const flags = Object.fromEntries(rest.map((argument) => argument.split(/=(.*)/s))) as Record<string, string>;
      const flag = (name: string): string => flags[name] ?? '';
      const [name = '', file = ''] = rest.filter((argument) => !argument.startsWith('-'));
      switch (kind) {
        case 'policy':
          created.policies.push({ Name: name, Rules: readFileSync(join(ROOT, file), 'utf8') });
          break;
        case 'role':
          created.roles.push({ Name: flag('-name'), Policies: [{ Name: flag('-policy') }] });
          break;
        case 'auth-method':
          created.method = {
            Name: flag('-name'),
            Type: flag('-type'),
            MaxTokenTTL: flag('-max-token-ttl'),
            TokenLocality: flag('-token-locality'),
            ...('-token-name-format' in flags && { TokenNameFormat: flag('-token-name-format') }),
            Config: JSON.parse(readFileSync(join(ROOT, flag('-config').slice(1)), 'utf8')) as Setup['method']['Config'],
          };
          break;
        default:
          created.rules.push({
            AuthMethod: flag('-auth-method'),
            BindType: flag('-bind-type'),
            ...('-bind-name' in flags && { BindName: flag('-bind-name') }),
            Selector: flag('-selector'),
          });
      }
    }
    return created;
  }

  test.each(SETUPS)('create the %s setup that the simulator calls %s', async (heading, config) => {
    const { method, rules, roles, policies } = await readSetup(config);
    expect(interpret(await record(heading))).toEqual({ method, rules, roles, policies });
  });

  test.each(SETUPS)("accept only GitHub's keys and issuer for %s, with short leeways", async (_, config) => {
    const { method } = await readSetup(config);
    expect(method.Config).toMatchObject({
      JWKSURL: `${GITHUB_ISSUER}/.well-known/jwks`,
      BoundIssuer: [GITHUB_ISSUER],
      ExpirationLeeway: '30s',
      ClockSkewLeeway: '30s',
    });
  });

  test('bind each setup to its own audience', async () => {
    const [realistic, simple] = await Promise.all(SETUPS.map(([, config]) => readSetup(config)));
    expect(realistic?.method.Config.BoundAudiences).toEqual([exampleClaims.aud]);
    expect(simple?.method.Config.BoundAudiences).toEqual(['nomad-trial.example.com']);
  });

  test('allow the owner and the repository of jws-example.json by default', () => {
    expect(parseEnv(readFileSync(join(ROOT, 'nomad-config/github.env'), 'utf8'))).toEqual({
      OWNER: exampleClaims.repository_owner,
      REPOSITORY_ID: exampleClaims.repository_id,
    });
  });

  test('print the keys of an issuer in the form of JWTValidationPubKeys', async () => {
    const issuer = await startIssuer();
    const [command = ''] = readBlocks(PAGE, 'Servers without internet access', 'sh');
    const printed = await paste([command.replace(/https:\S+jwks/, issuer.jwksUrl)]);
    await issuer.close();
    const { JWTValidationPubKeys } = JSON.parse(printed) as { JWTValidationPubKeys: string[] };
    expect(JWTValidationPubKeys.map((key) => createPublicKey(key).export({ type: 'spki', format: 'pem' }))).toEqual([
      createPublicKey(issuer.publicKey).export({ type: 'spki', format: 'pem' }),
    ]);
  });
});

/** Returns the text that the shell passes for the double-quoted value of a -selector. */
function unquote(quoted: string): string {
  const { stdout, status } = spawnSync('bash', ['-eu'], { input: `printf %s "${quoted}"`, encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout;
}

describeOnPosix.each([
  ['the fake Nomad', startFakeCluster],
  ...(program === undefined ? [] : [[program.version, () => startRealNomad(program)] as const]),
])('a condition of nomad-setup.md on %s', (_, start) => {
  const REF = 'value.ref == "refs/heads/main"';
  const workflows = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads';
  // For each condition, by the first words of its row: a job that it allows, and one that differs only in that respect.
  const EXAMPLES: Record<string, Example> = {
    'of an environment': [{ environment: 'production' }, { environment: 'staging' }],
    'of one reusable workflow': [{ job_workflow_ref: `${workflows}/main` }, { job_workflow_ref: `${workflows}/dev` }],
    'of one account': [{}, { repository_owner_id: '66' }],
    'of one repository': [{}, { repository_id: '75' }],
    'of two repositories': [{ repository_id: '75' }, { repository_id: '76' }],
    'of one team': [{ repo_property_team: 'payments' }, { repo_property_team: 'payments-admin' }],
    'of a team': [{ repo_property_team: 'search,payments' }, { repo_property_team: 'search,payments-admin' }],
    'started by a push or by hand': [{ event_name: 'workflow_dispatch' }, { event_name: 'schedule' }],
    'started by a push': [{}, { event_name: 'workflow_dispatch' }],
    'on a protected': [{}, { ref_protected: 'false' }],
    'with one subject': [
      { sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' },
      { sub: 'repo:octo-org/octo-repo:environment:production' },
    ],
    'release tags': [{ ref: 'refs/tags/v1.2.3' }, { ref: 'refs/tags/v1.2.3-rc' }],
    'main and release branches': [{ ref: 'refs/heads/release/1.2' }, { ref: 'refs/heads/release/x' }],
    'main and the merge queue': [
      { ref: 'refs/heads/gh-readonly-queue/main/pr-7-6dcb09b5', event_name: 'merge_group' },
      { ref: 'refs/heads/gh-readonly-queue/dev/pr-7-6dcb09b5', event_name: 'merge_group' },
    ],
  };

  function findExample(label = ''): Example {
    const plain = label.replace(/[[\]]/g, '');
    const [, example] = Object.entries(EXAMPLES).find(([start]) => plain.startsWith(start)) ?? [];
    return example ?? [{}, {}];
  }

  // Each job is repeated in two forms that the Realistic rule always rejects.
  const jobs = [...Object.values(EXAMPLES).flat(), ...Object.values(VARIATIONS).map((vary) => vary(EXAMPLE))];
  const allJobs = jobs.flatMap((job) => [job, { ...job, workflow: 'Deploy' }, { ...job, ref: 'refs/heads/dev' }]);

  let issuer: Issuer;
  let nomad: NomadServer;
  let realistic: string;
  /** For each job, whether the Realistic rule allows it. */
  let before: boolean[];
  let methodCount = 0;
  const jwts = new Map<Claims, string>();

  beforeAll(async () => {
    issuer = await startIssuer();
    nomad = await start();
    realistic = (await readSetup('github-adv')).rules[0]?.Selector ?? '';
    before = await ask(realistic, allJobs);
  }, 60_000);

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
  });

  /** Tells for each job whether a rule with this selector allows it. */
  async function ask(selector: string, changed: Claims[]): Promise<boolean[]> {
    const { method } = await readSetup('github-adv');
    methodCount += 1;
    const name = `condition-${String(methodCount)}`;
    await nomad.admin.putMethod(name, { ...method.Config, JWKSURL: issuer.jwksUrl });
    await nomad.admin.putRule({ AuthMethod: name, BindType: 'management', Selector: selector });
    const answers: boolean[] = [];
    for (const changes of changed) {
      const LoginToken = jwts.get(changes) ?? (await issuer.issue({ claims: changeClaims(EXAMPLE, changes) }));
      jwts.set(changes, LoginToken);
      const body = JSON.stringify({ AuthMethodName: name, LoginToken });
      const { ok } = await fetch(`${nomad.url}/v1/acl/login`, { method: 'POST', body });
      answers.push(ok);
    }
    return answers;
  }

  const additions = readRows(PAGE, 'Restrict further').filter(([, condition = '']) => condition.startsWith('and '));
  const replacements = readRows(PAGE, 'Other branches and tags');

  test('is tested if it is in one of the two tables', () => {
    const labels = [...additions, ...replacements].map(([label = '']) => label.replace(/[[\]]/g, ''));
    const findRow = (start: string): string | undefined => labels.find((label) => label.startsWith(start));
    expect(labels.sort()).toEqual(Object.keys(EXAMPLES).map(findRow).sort());
  });

  test.each(additions)('allows only jobs %s, both alone and in the Realistic rule', async (label, row = '') => {
    const condition = unquote(row);
    expect(condition).toMatch(/^and \(.*\)$/);
    expect(await ask(condition.replace('and ', ''), findExample(label))).toEqual([true, false]);
    expect(await ask(`${realistic} ${condition}`, findExample(label))).toEqual([true, false]);
  });

  test.each(additions)('only narrows the Realistic rule: %s', async (_label, row = '') => {
    const after = await ask(`${realistic} ${unquote(row)}`, allJobs);
    expect(before).toContain(true);
    expect(allJobs.filter((_, index) => after[index] && !before[index])).toEqual([]);
  });

  test.each(replacements)('allows %s if it replaces the condition on value.ref', async (label, row = '') => {
    const condition = unquote(row);
    const strangers = findExample(label).map((job) => ({ ...job, workflow: 'Deploy' }));
    expect(condition).toMatch(/^\(.*\)$/);
    expect(await ask(realistic.replace(REF, condition), findExample(label))).toEqual([true, false]);
    expect(await ask(realistic.replace(REF, condition), strangers)).toEqual([false, false]);
  });
});

(program === undefined ? describe.skip : describe)('on a real Nomad, nomad-setup.md', () => {
  // A token name format needs Nomad 1.7. For earlier versions, its line must be left out.
  const knowsNameFormat = !/v1\.[56]\./.test(program?.version ?? '');
  const withoutNameFormat = (block: string): string => block.replace(/^.*-token-name-format.*\n/m, '');

  let issuer: Issuer;
  let nomad: NomadServer;
  let env: Record<string, string>;
  let bin: string | undefined;

  beforeEach(async () => {
    if (program !== undefined) {
      issuer = await startIssuer();
      nomad = await startRealNomad(program);
      env = { NOMAD_ADDR: nomad.url, NOMAD_TOKEN: nomad.admin.secretId };
      if (isAbsolute(program.path)) {
        bin = await mkdtemp(join(tmpdir(), 'bin-'));
        await symlink(program.path, join(bin, 'nomad'));
        env['PATH'] = `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
      }
      await copyConfig(issuer, folder);
    }
  }, 60_000);

  afterEach(async () => {
    await nomad.close();
    await issuer.close();
    if (bin !== undefined) {
      await rm(bin, { recursive: true });
    }
  });

  const AUDIENCES = { 'github-adv': 'nomad.example.com', github: 'nomad-trial.example.com' };

  /** Runs the action as the example job, with some claims changed. */
  async function logIn(methodName: 'github' | 'github-adv', changes: Claims): Promise<StageResult> {
    const claims = changeClaims({ ...EXAMPLE, aud: AUDIENCES[methodName] }, changes);
    const identityToken = await issuer.issue({ claims });
    return runMain({ inputs: { url: nomad.url, methodName, identityToken } });
  }

  async function setUp(heading: string, change = (block: string): string => block): Promise<void> {
    await paste(readBlocks(PAGE, heading, 'sh').map(change), env, folder);
  }

  const setUpRealistic = (): Promise<void> => setUp('Realistic', knowsNameFormat ? undefined : withoutNameFormat);

  async function tryVariations(methodName: 'github' | 'github-adv'): Promise<Record<string, number>> {
    const outcomes = Object.entries(VARIATIONS).map(
      async ([name, vary]) => [name, (await logIn(methodName, vary(EXAMPLE))).exitCode] as const,
    );
    return Object.fromEntries(await Promise.all(outcomes));
  }

  async function readTokenName(result: StageResult): Promise<string> {
    const self = await askSelf(nomad.url, result.exported['NOMAD_TOKEN']);
    return ((await self.json()) as { Name: string }).Name;
  }

  test('creates the Realistic setup, twice, which allows one workflow on main', async () => {
    await setUpRealistic();
    await setUpRealistic();
    const outcomes = await tryVariations('github-adv');
    expect(outcomes).toMatchObject({
      'a push to main': 0,
      'a push to another branch': 1,
      'a pull request': 1,
      'another workflow': 1,
      'another repository': 1,
      'another owner': 1,
      'a JWT for another service': 1,
      'a JWT of another issuer': 1,
    });
    const login = await logIn('github-adv', {});
    expect(JSON.parse(login.outputs['roles'] ?? '')).toEqual(['repo-74']);
    expect(await readTokenName(login)).toBe(knowsNameFormat ? 'gha-74-30433642' : 'JWT-github-adv');
  });

  test('creates the Realistic setup without a token name format, so tokens have the default name', async () => {
    await setUp('Realistic', withoutNameFormat);
    expect(await readTokenName(await logIn('github-adv', {}))).toBe('JWT-github-adv');
  });

  test('creates the Simple setup, twice, which allows all jobs of the owner', async () => {
    await setUp('Simple');
    await setUp('Simple');
    const outcomes = await tryVariations('github');
    expect(outcomes).toMatchObject({
      'a push to main': 0,
      'a push to another branch': 0,
      'a pull request': 0,
      'another workflow': 0,
      'another repository': 0,
      'another owner': 1,
      'a JWT for another service': 1,
      'a JWT of another issuer': 1,
    });
  });

  test('detects the Simple setup in Realistic, and removes its rule, method and tokens', async () => {
    const [check = ''] = readBlocks(PAGE, 'Realistic', 'sh');
    expect(await paste([check], env)).toBe('');
    await setUp('Simple');
    expect(await paste([check], env)).toMatch(/Bind Type += management/);
    const token = (await logIn('github', {})).exported['NOMAD_TOKEN'];
    expect((await askSelf(nomad.url, token)).status).toBe(200);

    await setUp('Remove the Simple setup');
    expect(await paste([check], env)).toBe('');
    expect((await askSelf(nomad.url, token)).ok).toBe(false);
    const { exitCode, log } = await logIn('github', {});
    expect({ exitCode, log }).toEqual({ exitCode: 1, log: expect.stringContaining('auth-method "github" not found') });
  });

  test('restricts the Realistic rule among other rules, twice', async () => {
    await setUpRealistic();
    await nomad.admin.putRule({
      AuthMethod: 'github-adv',
      BindType: 'role',
      BindName: 'x',
      Selector: 'value.ref == "x"',
    });
    await setUp('Restrict further');
    await setUp('Restrict further');
    expect((await logIn('github-adv', { environment: 'production' })).exitCode).toBe(0);
    expect((await logIn('github-adv', {})).exitCode).toBe(1);
    expect((await logIn('github-adv', { environment: 'production', workflow: 'Deploy' })).exitCode).toBe(1);
    const rules = await paste(
      [`nomad acl binding-rule list -t '{{ range . }}{{ println .Description }}{{ end }}'`],
      env,
    );
    expect(rules.trim().split('\n')).toContain(
      'The role of the repository, for one workflow on main, in the environment production',
    );
  });

  test('allows another repository of the owner after the commands have run again for it', async () => {
    await setUpRealistic();
    expect((await logIn('github-adv', { repository_id: '75' })).exitCode).toBe(1);
    await writeFile(join(folder, 'nomad-config/github.env'), 'OWNER=octo-org\nREPOSITORY_ID=75\n');
    await setUpRealistic();
    const roles = async (changes: Claims): Promise<string | undefined> =>
      (await logIn('github-adv', changes)).outputs['roles'];
    expect(await roles({ repository_id: '75' })).toBe('["repo-75"]');
    expect(await roles({})).toBe('["repo-74"]');
  });

  test('gives the repositories of a team the role of that team', async () => {
    await setUpRealistic();
    await setUp('One role per team');
    await setUp('One role per team');
    const roles = async (changes: Claims): Promise<unknown> => {
      const { outputs } = await logIn('github-adv', changes);
      return outputs['roles'] === undefined ? undefined : JSON.parse(outputs['roles']);
    };
    expect(await roles({ repository_id: '75', repo_property_team: 'Payments' })).toEqual(['team-payments']);
    expect(await roles({ repository_id: '75', repo_property_team: 'search' })).toBeUndefined();
    expect(await roles({ repository_id: '75', repo_property_team: undefined })).toBeUndefined();
    expect(await roles({ repo_property_team: 'payments,search' })).toEqual(['repo-74']);
    expect(await roles({ repo_property_team: 'payments', ref: 'refs/heads/dev' })).toBeUndefined();
  });

  test('gives the job the permissions to deploy, and no others', async () => {
    await setUpRealistic();
    const job = 'job "app" { group "app" { task "app" { driver = "exec" } } }';
    await writeFile(join(folder, 'app.nomad.hcl'), job.replaceAll('{', '{\n').replaceAll('}', '\n}'));
    const { annotations, exported } = await logIn('github-adv', {});
    expect(annotations).toEqual([]);
    const runNomad = (command: string): { status: number | null; output: string } => {
      const { status, stdout, stderr } = spawnSync('nomad', command.split(' '), {
        cwd: folder,
        env: { PATH: process.env['PATH'], ...env, ...exported },
        encoding: 'utf8',
      });
      return { status, output: stdout + stderr };
    };
    // A plan exits with 1 if the job would change.
    expect(runNomad('job plan app.nomad.hcl')).toEqual({ status: 1, output: expect.stringContaining('+ Job: "app"') });
    for (const command of ['job run -detach app.nomad.hcl', 'job status app', 'node status', 'job stop -detach app']) {
      expect({ command, ...runNomad(command) }).toMatchObject({ command, status: 0 });
    }
    for (const command of ['acl token list', 'operator raft list-peers', 'system gc', 'namespace apply other']) {
      const denied = expect.stringContaining('Permission denied');
      expect({ command, ...runNomad(command) }).toEqual({ command, status: 1, output: denied });
    }
  });
});
