import { spawn, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import trial from '../../nomad-config/auth-method.json' with { type: 'json' };
import { changeClaims, EXAMPLE, type Claims } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { askSelf, startFakeCluster, startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { copyConfig } from '../support/config.js';
import { readBlocks, readRows, ROOT } from '../support/docs.js';

const PAGE = 'docs/nomad-setup.md';
const RECOMMENDED = 'Recommended: one role per repository';
const TRIAL = 'Trial: management token (insecure)';
const QUICK_START = '1. Configure Nomad';
const program = await findNomad();
process.stderr.write(
  `The commands of ${PAGE} ${program ? `run against ${program.version}` : 'do not run: there is no nomad'}.\n`,
);

type Example = [fits: Claims, other: Claims];

// The commands are for the shells of Linux and macOS.
const describeOnPosix = process.platform === 'win32' ? describe.skip : describe;

/** Pastes commands into a shell that stops at the first failure, and returns what they print. */
async function paste(commands: string, env: Record<string, string> = {}, cwd = ROOT): Promise<string> {
  const shell = spawn('bash', ['-eu'], { cwd, env: { PATH: process.env['PATH'], ...env } });
  shell.stdin.end(commands);
  const exit = once(shell, 'exit') as Promise<[status: number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(shell.stdout), text(shell.stderr), exit]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** Returns the flags of the command below a heading that begins with these words. */
function readFlags(heading: string, command: string): Record<string, string> {
  const lines = readBlocks(PAGE, heading, 'sh').join('').replaceAll('\\\n', '').split('\n');
  const line = lines.find((candidate) => candidate.startsWith(`nomad acl ${command} `)) ?? '';
  const flags = line.matchAll(/ -([a-z-]+)=(?:'([^']*)'|(\S+))/g);
  return Object.fromEntries([...flags].map(([, name = '', quoted, plain = '']) => [name, quoted ?? plain]));
}

const withoutSpace = (hcl: string): string => hcl.replace(/^#.*$/gm, '').replace(/\s/g, '');

describe('nomad-setup.md', () => {
  test.each([
    [RECOMMENDED, 'github-adv'],
    [TRIAL, 'github'],
  ])('below "%s", creates the setup that the simulator calls %s', async (heading, config) => {
    const { method, rules, roles, policies } = await readSetup(config);
    const [rule] = rules;
    expect(readFlags(heading, 'auth-method create')).toMatchObject({
      name: method.Name,
      type: method.Type,
      'max-token-ttl': method.MaxTokenTTL,
      'token-locality': method.TokenLocality,
    });
    expect(JSON.parse(readBlocks(PAGE, heading, 'json')[0] ?? '')).toEqual(method.Config);
    expect(readFlags(heading, 'binding-rule create')).toEqual({
      description: expect.any(String),
      'auth-method': rule?.AuthMethod,
      'bind-type': rule?.BindType,
      ...(rule?.BindName && { 'bind-name': rule.BindName }),
      selector: rule?.Selector,
    });
    expect(readFlags(heading, 'role create')).toEqual(roles[0] ? { name: roles[0].Name, policy: 'deploy' } : {});
    expect(readBlocks(PAGE, heading, 'hcl').map(withoutSpace)).toEqual(
      policies.map(({ Rules }) => withoutSpace(Rules)),
    );
  });

  test("accepts only GitHub's issuer and an audience per setup, with short leeways", () => {
    const issuer = 'https://token.actions.githubusercontent.com';
    const common = { JWKSURL: `${issuer}/.well-known/jwks`, BoundIssuer: [issuer] };
    const leeways = { ExpirationLeeway: '30s', ClockSkewLeeway: '30s' };
    expect(adv).toMatchObject({ ...common, ...leeways, BoundAudiences: ['nomad.example.com'] });
    expect(trial).toMatchObject({ ...common, ...leeways, BoundAudiences: ['nomad-trial.example.com'] });
  });
});

describe('the quick start of README.md', () => {
  const [, setUp = ''] = readBlocks('README.md', QUICK_START, 'sh');

  test('has the auth method and the policy of nomad-config, without a variable or an escaped quote', async () => {
    const [policy = '', method = ''] = [...setUp.matchAll(/<<'EOF'\n(.*?)^EOF/gms)].map(([, document]) => document);
    const { policies } = await readSetup('github-adv');
    expect(JSON.parse(method)).toEqual(adv);
    expect(withoutSpace(policy)).toBe(withoutSpace(policies[0]?.Rules ?? ''));
    expect(setUp).not.toMatch(/\$(?!\{value\.repo_id\}')|\\"/);
  });
});

describeOnPosix('the command of nomad-setup.md for servers without internet access', () => {
  test('prints the keys of an issuer in the form of JWTValidationPubKeys', async () => {
    const issuer = await startIssuer();
    const [command = ''] = readBlocks(PAGE, 'Servers without internet access', 'sh');
    const printed = await paste(command.replace(/https:\S+jwks/, issuer.jwksUrl));
    await issuer.close();
    const { JWTValidationPubKeys } = JSON.parse(printed) as { JWTValidationPubKeys: string[] };
    expect(JWTValidationPubKeys.map((key) => createPublicKey(key).export({ type: 'spki', format: 'pem' }))).toEqual([
      createPublicKey(issuer.publicKey).export({ type: 'spki', format: 'pem' }),
    ]);
  });
});

describe.each([
  ['the fake Nomad', startFakeCluster],
  ...(program === undefined ? [] : [[program.version, () => startRealNomad(program)] as const]),
])('a condition of nomad-setup.md on %s', (_, start) => {
  const workflows = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads';
  const queue = 'refs/heads/gh-readonly-queue';
  // For each row of a table: a job that the condition allows, and one that differs only in this respect.
  const ADDITIONS: Example[] = [
    [{ environment: 'production' }, { environment: 'staging' }],
    [{ job_workflow_ref: `${workflows}/main` }, { job_workflow_ref: `${workflows}/dev` }],
    [{}, { repository_owner_id: '66' }],
    [{}, { repository_id: '75' }],
    [{ repository_id: '75' }, { repository_id: '76' }],
    [{ repo_property_team: 'payments' }, { repo_property_team: 'payments-admin' }],
    [{ repo_property_team: 'search,payments' }, { repo_property_team: 'search,payments-admin' }],
    [{}, { event_name: 'workflow_dispatch' }],
    [{ event_name: 'workflow_dispatch' }, { event_name: 'schedule' }],
    [{}, { ref_protected: 'false' }],
    [{ sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' }, { sub: 'repo:octo-org/octo-repo:environment:production' }],
  ];
  const REPLACEMENTS: Example[] = [
    [{ ref: 'refs/tags/v1.2.3' }, { ref: 'refs/tags/v1.2.3-rc' }],
    [{ ref: 'refs/heads/release/1.2' }, { ref: 'refs/heads/release/x' }],
    [{ ref: 'refs/tags/v1.2.3' }, { ref: 'refs/tags/v1.2.3-rc' }],
    [
      { ref: `${queue}/main/pr-7`, event_name: 'merge_group' },
      { ref: `${queue}/dev/pr-7`, event_name: 'merge_group' },
    ],
  ];
  const replacements = readRows(PAGE, 'Other branches and tags');
  const additions = readRows(PAGE, 'Restrict further').slice(0, -replacements.length);
  const pair = (rows: string[][], examples: Example[]): [string, string, Example][] =>
    rows.map(([label = '', condition = ''], index) => [label, condition, examples[index] ?? [{}, {}]]);

  let issuer: Issuer;
  let nomad: NomadServer;
  let rule: string;
  let methodCount = 0;

  beforeAll(async () => {
    issuer = await startIssuer();
    nomad = await start();
    rule = (await readSetup('github-adv')).rules[0]?.Selector ?? '';
  }, 60_000);

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
  });

  /** Tells for each job whether a rule with this selector allows it. */
  async function ask(selector: string, jobs: Claims[]): Promise<boolean[]> {
    methodCount += 1;
    const AuthMethodName = `condition-${String(methodCount)}`;
    await nomad.admin.putMethod(AuthMethodName, { ...adv, JWKSURL: issuer.jwksUrl });
    await nomad.admin.putRule({ AuthMethod: AuthMethodName, BindType: 'management', Selector: selector });
    const answers = jobs.map(async (job) => {
      const LoginToken = await issuer.issue({ claims: changeClaims(EXAMPLE, job) });
      const body = JSON.stringify({ AuthMethodName, LoginToken });
      return (await fetch(`${nomad.url}/v1/acl/login`, { method: 'POST', body })).ok;
    });
    return Promise.all(answers);
  }

  test.each(pair(additions, ADDITIONS))('narrows a rule to jobs %s', async (_label, condition, [fits, other]) => {
    const strangers = [fits, other].flatMap((job) => [
      { ...job, workflow: 'CI' },
      { ...job, ref: 'refs/heads/dev' },
    ]);
    expect(await ask(condition, [fits, other])).toEqual([true, false]);
    const answers = await ask(`${rule} and ${condition}`, [fits, other, ...strangers]);
    expect(answers).toEqual([true, false, ...strangers.map(() => false)]);
  });

  test.each(pair(replacements, REPLACEMENTS))(
    'allows %s as a condition on value.ref',
    async (_, condition, [fits, other]) => {
      const replaced = rule.replace('value.ref == "refs/heads/main"', condition);
      expect(replaced).toContain(condition);
      expect(await ask(replaced, [fits, other, { ...fits, workflow: 'CI' }])).toEqual([true, false, false]);
    },
  );
});

(program === undefined ? describe.skip : describeOnPosix)('on a real Nomad', () => {
  const JOBS: Record<string, Claims> = {
    'push to main': {},
    'another branch': { ref: 'refs/heads/dev' },
    'a pull request': { event_name: 'pull_request', ref: 'refs/pull/7/merge' },
    'another workflow': { workflow: 'CI' },
    'another repository': { repository_id: '76' },
    'another owner': { repository_owner: 'other-org', repository_owner_id: '66' },
    'another audience': { aud: 'https://github.com/octo-org' },
    'another issuer': { iss: 'https://gitlab.example.com' },
  };

  let folder: string;
  let issuer: Issuer;
  let nomad: NomadServer;
  let env: Record<string, string>;

  beforeEach(async () => {
    if (program !== undefined) {
      folder = await mkdtemp(join(tmpdir(), 'setup-'));
      issuer = await startIssuer();
      nomad = await startRealNomad(program);
      await copyConfig(issuer, folder);
      env = { NOMAD_ADDR: nomad.url, NOMAD_TOKEN: nomad.admin.secretId };
      if (program.path !== 'nomad') {
        await symlink(resolve(program.path), join(folder, 'nomad'));
        env['PATH'] = [folder, process.env['PATH']].join(delimiter);
      }
    }
  }, 60_000);

  afterEach(async () => {
    await nomad.close();
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  /** Pastes the commands below a heading, with the IDs of the rule of an auth method and of a token. */
  async function setUp(heading: string, method = 'github-adv', accessorId = ''): Promise<string> {
    const rules = await paste('nomad acl binding-rule list', env);
    const [ruleId = ''] = new RegExp(`^\\S+(?=.* ${method}$)`, 'm').exec(rules) ?? [];
    const commands = readBlocks(PAGE, heading, 'sh').join('');
    return paste(commands.replace('RULE_ID', ruleId).replace('ACCESSOR_ID', accessorId), env, folder);
  }

  /** Runs the action as the example job, with some claims changed. */
  async function logIn(changes: Claims, methodName = 'github-adv'): Promise<StageResult> {
    const aud = methodName === 'github' ? 'nomad-trial.example.com' : 'nomad.example.com';
    const identityToken = await issuer.issue({ claims: changeClaims({ ...EXAMPLE, aud }, changes) });
    return runMain({ inputs: { url: nomad.url, methodName, identityToken } });
  }

  const readRoles = async (changes: Claims): Promise<unknown> =>
    JSON.parse((await logIn(changes)).outputs['roles'] ?? '[]');

  async function findAllowed(methodName?: string): Promise<string[]> {
    const outcomes = Object.entries(JOBS).map(async ([name, changes]) => {
      const { exitCode } = await logIn(changes, methodName);
      return exitCode === 0 ? [name] : [];
    });
    return (await Promise.all(outcomes)).flat();
  }

  test('the quick start allows pushes to main in one repository, and "Restrict further" one environment', async () => {
    const [, commands = ''] = readBlocks('README.md', QUICK_START, 'sh');
    await paste(commands.replace(/https:\S+\/jwks/, issuer.jwksUrl), env);
    expect(await findAllowed()).toEqual(['push to main', 'another workflow']);
    expect(await readRoles({})).toEqual(['repo-74']);
    await setUp('Restrict further');
    expect(await findAllowed()).toEqual([]);
    expect(await readRoles({ environment: 'production' })).toEqual(['repo-74']);
    expect(await readRoles({ environment: 'production', workflow: 'CI' })).toEqual([]);
  });

  test('the recommended setup allows one workflow on main, with the permissions to deploy and no others', async () => {
    expect(await setUp(RECOMMENDED)).toContain('"MaxTokenTTL":"1h0m0s"');
    expect(await findAllowed()).toEqual(['push to main']);
    const job = 'job "app" {\n group "app" {\n task "app" {\n driver = "exec"\n}\n}\n}';
    await writeFile(join(folder, 'app.nomad.hcl'), job);
    const { exported } = await logIn({});
    const runNomad = (command: string): { command: string; status: number | null; output: string } => {
      const options = { cwd: folder, env: { ...env, ...exported }, encoding: 'utf8' } as const;
      const { status, stdout, stderr } = spawnSync('nomad', command.split(' '), options);
      return { command, status, output: stdout + stderr };
    };
    // A plan exits with 1 if the job would change.
    expect(runNomad('job plan app.nomad.hcl')).toMatchObject({ status: 1, output: expect.stringContaining('+ Job') });
    for (const command of ['job run -detach app.nomad.hcl', 'job status app', 'node status', 'job stop -detach app']) {
      expect(runNomad(command)).toMatchObject({ command, status: 0 });
    }
    for (const command of ['acl token list', 'operator raft list-peers', 'system gc', 'namespace apply other']) {
      expect(runNomad(command)).toMatchObject({ command, output: expect.stringContaining('Permission denied') });
    }
  });

  test('the sections on repositories and teams give them their own roles', async () => {
    await setUp(RECOMMENDED);
    expect(await readRoles({ repository_id: '75' })).toEqual([]);
    await setUp('Several repositories');
    expect(await readRoles({ repository_id: '75' })).toEqual(['repo-75']);
    expect(await paste('nomad acl role info -by-name repo-75', env)).toMatch(/^Policies += read-jobs$/m);
    await setUp('One role per team');
    expect(await readRoles({ repository_id: '76', repo_property_team: 'Payments' })).toEqual(['team-payments']);
    expect(await readRoles({ repository_id: '76', repo_property_team: 'search' })).toEqual([]);
    expect(await readRoles({ repository_id: '76', repo_property_team: undefined })).toEqual([]);
    expect(await readRoles({ repo_property_team: 'payments,search' })).toEqual(['repo-74']);
    const team = { repository_id: '76', repo_property_team: 'payments' };
    expect(await readRoles({ ...team, repository_owner_id: '66' })).toEqual([]);
    expect(await readRoles({ ...team, ref: 'refs/heads/dev' })).toEqual([]);
  });

  // Nomad before 1.7 has no token name format.
  (/v1\.[56]\./.test(program?.version ?? '') ? test.skip : test)('tokens are named after the run', async () => {
    await setUp(RECOMMENDED);
    await setUp('Find the run behind a token');
    const { exported } = await logIn({});
    const self = await askSelf(nomad.url, exported['NOMAD_TOKEN']);
    expect(await self.json()).toMatchObject({ Name: 'gha-74-30433642' });
  });

  test('the trial setup allows all jobs of the owner, until it is removed', async () => {
    await setUp(TRIAL);
    const allowed = ['push to main', 'another branch', 'a pull request', 'another workflow', 'another repository'];
    expect(await findAllowed('github')).toEqual(allowed);
    const { exported, outputs } = await logIn({}, 'github');
    await setUp('Remove the trial setup', 'github', outputs['accessorId']);
    expect((await askSelf(nomad.url, exported['NOMAD_TOKEN'])).ok).toBe(false);
    expect((await logIn({}, 'github')).log).toContain('auth-method "github" not found');
    expect(await paste('nomad acl binding-rule list', env)).toContain('No ACL binding rules found');
  });
});
