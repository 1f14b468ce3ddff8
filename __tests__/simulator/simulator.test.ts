import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findNomad } from '../../testbed/nomad-agent.js';
import { changeClaims, EXAMPLE } from '../../simulator/identities.js';
import { readBlocks, ROOT } from '../support/readme.js';

interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

const program = await findNomad();
process.stderr.write(`The simulation is compared with ${program?.version ?? 'no real Nomad'}.\n`);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulation-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs what `npm start` runs, where no nomad program is to be found unless the environment has one. */
async function start(argumentsGiven: string[], env: NodeJS.ProcessEnv = { PATH: folder }): Promise<Run> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulator/main.ts', ...argumentsGiven], {
    cwd: ROOT,
    env,
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { status, stdout, stderr };
}

/** Writes a folder of configuration from the content of its files. */
async function configure(name: string, files: Record<string, unknown>): Promise<string> {
  const config = join(folder, name);
  await mkdir(config);
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(config, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return config;
}

const method = {
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
const role = { Name: 'repo-74', Policies: [{ Name: 'run' }] };
const rule = (BindType: string, BindName: string, Selector = ''): Record<string, string> => ({
  ID: 'the-cluster-gives-another',
  AuthMethod: 'own',
  BindType,
  BindName,
  Selector,
});

describe('npm start', () => {
  let ownConfig: string;

  beforeAll(async () => {
    ownConfig = await configure('own', {
      'auth-method.json': method,
      'binding-rule-1.json': rule('policy', 'deploy', 'value.ref == "refs/heads/main"'),
      'binding-rules.json': [
        rule('role', 'repo-${value.id}', '"ops" in list.teams'),
        rule('policy', 'absent'),
        { ...rule('policy', 'deploy'), AuthMethod: 'another' },
      ],
      'roles.json': [role],
      'deploy.policy.hcl': 'namespace "default" { policy = "read" }',
    });
  });

  test('shows a login, a refusal, and the table that the README has, on the fake Nomad and says so', async () => {
    const { status, stdout, stderr } = await start([]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Nomad here is the fake Nomad, at http:\/\/127\.0\.0\.1:\d+\.\n/);
    expect(stdout).toContain('│ Logged in to Nomad through the auth method github-adv: client token ');
    expect(stdout).toContain('│ Error: Nomad refused the login (400): no role or policy bindings matched.');
    for (const table of (readBlocks('Try a rule before it is live', 'text')[0] ?? 'no table').split('\n\n')) {
      expect(stdout).toContain(table.trim());
    }
  });

  test('tells of one job which rules match, and what its token is', async () => {
    const { status, stdout } = await start(['--config', ownConfig, '--claim', 'teams=["dev","ops"]']);
    expect(status).toBe(0);
    expect(stdout).toContain(`${ownConfig} (auth method own)
Claims that are not as in jws-example.json:
  teams: ["dev","ops"]
Binding rules:
  policy deploy where value.ref == "refs/heads/main"
    matches: client token for 10m0s in one region: policy deploy
  role repo-\${value.id} where "ops" in list.teams
    matches: client token for 10m0s in one region: role repo-74 (run)
  policy absent where anything holds (no selector)
    matches, but there is no policy of the name absent
Result: client token for 10m0s in one region: role repo-74 (run), policy deploy
  │ Logged in to Nomad`);
  });

  test('tells of one job that is refused what the action says, and exits with 1', async () => {
    const { status, stdout } = await start(['--config', 'adv', '--claim', 'ref=refs/heads/dev']);
    expect(status).toBe(1);
    expect(stdout).toContain('  sub: "repo:octo-org@65/octo-repo@74:ref:refs/heads/dev"\n');
    expect(stdout).toContain('value.ref == "refs/heads/main"\n    does not match\nResult: refused (400)');
    expect(stdout).toContain('│ No binding rule of the auth method github-adv matches the claims');
  });

  test('takes all the claims of a job from a file, with times that are now', async () => {
    const claims = { iss: 'https://gitlab.example.com', aud: ['a', 'b'], repository_id: '74', teams: ['ops'], exp: 1 };
    const file = join(folder, 'claims.json');
    await writeFile(file, JSON.stringify(claims));
    const { status, stdout } = await start(['--config', ownConfig, '--claims', file]);
    expect(status).toBe(0);
    expect(stdout).toContain('  repository_owner: (none)\n');
    expect(stdout).toContain('Result: client token for 10m0s in one region: role repo-74 (run)\n');
  });

  test('tells what Nomad makes of a rule that matches and cannot be applied', async () => {
    const config = await configure('broken', {
      'auth-methods.json': [{ ...method, Name: 'other' }, method],
      'binding-rules.json': [rule('role', 'x-${list.teams}'), rule('policy', 'a_b')],
      'roles.json': 'null',
    });
    const { status, stdout } = await start(['--config', config, '--method', 'own', '--claim', 'ref=x']);
    expect(status).toBe(1);
    expect(stdout).toContain('matches, but: cannot compute "role" bind name for bind target');
    expect(stdout).toContain('matches, but: computed "policy" bind name for bind target is invalid: "a_b"');
    expect(stdout).not.toContain('there is no');
  });

  test("judges no rule for a JWT that the method refuses, and takes the method's own keys for the issuer's", async () => {
    const Config = { ...method.Config, BoundAudiences: ['a', 'b'], JWTValidationPubKeys: ['none'], SigningAlgs: [] };
    const config = await configure('audience', {
      'auth-method.json': { ...method, Config },
      'binding-rule.json': rule('management', ''),
    });
    const refused = await start(['--config', config, '--claim', 'aud=c']);
    expect(refused.stdout).toContain('Binding rules:\n  none is asked, or there is none\nResult: refused (401)');
    const letIn = await start(['--config', config, '--claim', 'ref=x']);
    expect(letIn.stdout).toContain('Result: management token for 10m0s in one region\n');
  });

  test('explains itself', async () => {
    const { status, stdout } = await start(['--help']);
    expect(status).toBe(0);
    for (const option of ['--claim NAME=VALUE', '--claims FILE', '--config simple|adv|DIR', '--method NAME']) {
      expect(stdout).toContain(option);
    }
  });

  const mistakes: [what: string, files: Record<string, unknown>, message: string][] = [
    ['no auth method', {}, ': has no file auth-method*.json.'],
    ['a method that is no JSON', { 'auth-method.json': '{' }, '/auth-method.json: is not JSON. It begins: {'],
    [
      'the Config alone',
      { 'auth-method.json': method.Config },
      'auth-method.json: lacks Name, Config, TokenLocality or MaxTokenTTL; it must be',
    ],
    [
      'an OIDC method',
      { 'auth-method.json': { ...method, Type: 'OIDC' } },
      'is of type OIDC; a workflow logs in through',
    ],
    ['two methods', { 'auth-methods.json': [method, { ...method, Name: 'b' }] }, 'auth methods own, b; say which by'],
    ['a list of text', { 'auth-method.json': ['text'] }, 'auth-method.json: is no object and no list of objects.'],
    [
      'a rule without a method',
      { 'auth-method.json': method, 'binding-rule.json': { BindType: 'role' } },
      'binding-rule.json: has no AuthMethod; it must be what nomad acl binding-rule info -json ID prints.',
    ],
    [
      'a rule of no type',
      { 'auth-method.json': method, 'binding-rule.json': rule('', 'x') },
      'binding-rule.json: has no BindType; a list of rules leaves it out',
    ],
    [
      'a rule of an unknown type',
      { 'auth-method.json': method, 'binding-rule.json': rule('group', 'x') },
      'binding-rule.json: has the BindType "group"; it must be role, policy or management.',
    ],
    [
      'a rule that names nothing',
      { 'auth-method.json': method, 'binding-rule.json': rule('role', '') },
      'binding-rule.json: has no BindName, which the BindType role needs.',
    ],
    [
      'a selector that does not parse',
      { 'auth-method.json': method, 'binding-rule.json': rule('role', 'x', 'value.ref = "a"') },
      'The rule role x where value.ref = "a": PUT /v1/acl/binding-rule answered 400: binding rule 0 invalid',
    ],
    [
      'a role without policies',
      { 'auth-method.json': method, 'role.json': { Name: 'a' } },
      'role.json: has no Name or',
    ],
    [
      'a nameless policy',
      { 'auth-method.json': method, 'policies.json': [{}] },
      'policies.json: has no Name, as nomad',
    ],
  ];

  test.concurrent.each(mistakes)('says what is wrong with a folder that has %s', async (what, files, message) => {
    const { status, stderr } = await start(['--config', await configure(what, files)]);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/See npm start -- --help\.\n$/);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(status).toBe(2);
  });

  test('says so, and ends, where NOMAD_BIN names no program', async () => {
    const { status, stderr } = await start(['--config', 'adv'], { PATH: folder, NOMAD_BIN: join(folder, 'nowhere') });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('NOMAD_BIN names no nomad program'),
    });
  });

  test('says what to do where nobody is let in', async () => {
    const config = await configure('none', { 'auth-method.json': method });
    expect((await start(['--config', config])).stdout).toContain(
      'Nobody is let in. The claims are those of jws-example',
    );
  });

  test.concurrent.each([
    [['--config', 'nowhere'], '--config "nowhere": is neither simple nor adv, nor a folder'],
    [['--method', 'github'], '--method github: goes with --config DIR.'],
    [['--claims', 'nowhere.json'], '--claims nowhere.json: ENOENT'],
    [['--claims', 'README.md'], '--claims README.md: is not JSON.'],
    [['--claims', 'tsconfig.json', '--claim', 'ref'], '--claim ref: must be name=value, such as ref=refs/heads/dev.'],
    [['--claim', 'teams=[1'], '--claim teams=[1: begins like JSON, but is none.'],
    [['--clam', 'a=b'], "Unknown option '--clam'"],
  ])('says what is wrong with %j', async (argumentsGiven, message) => {
    const { status, stderr } = await start(argumentsGiven);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
  });

  (program === undefined ? test.skip : test)(
    'shows the same on a real Nomad, but for its name',
    async () => {
      const real = { PATH: process.env['PATH'], NOMAD_BIN: process.env['NOMAD_BIN'] };
      for (const argumentsGiven of [[], ['--config', ownConfig, '--claim', 'teams=["ops"]'], ['--claim', 'ref=a']]) {
        const withoutNames = ({ stdout, ...rest }: Run): Run => ({
          ...rest,
          stdout: stdout
            .replace(/^Nomad here is .*/, '')
            .replace(/token [\da-f-]{36}|expires \S+/g, '')
            .replace(/│ (exp|iat|nbf): \d+/g, ''),
        });
        const onReal = await start(argumentsGiven, real);
        expect(onReal.stdout).toContain(`Nomad here is ${program?.version ?? ''}`);
        expect(withoutNames(onReal)).toEqual(withoutNames(await start(argumentsGiven)));
      }
    },
    90_000,
  );
});

describe('a claim that is changed', () => {
  test.each([
    [{ ref: 'refs/heads/dev' }, 'repo:octo-org@65/octo-repo@74:ref:refs/heads/dev'],
    [{ environment: 'production' }, 'repo:octo-org@65/octo-repo@74:environment:production'],
    [{ event_name: 'pull_request' }, 'repo:octo-org@65/octo-repo@74:pull_request'],
    [{ repository_owner: 'other-org' }, 'repo:other-org@65/octo-repo@74:ref:refs/heads/main'],
    [{ repository: 'octo-org/b', repository_id: '75' }, 'repo:octo-org@65/b@75:ref:refs/heads/main'],
    [{ ref: 'refs/heads/dev', sub: 'own' }, 'own'],
  ])('changes the subject as GitHub makes it: %j', (changes, sub) => {
    expect(changeClaims(EXAMPLE, changes)).toMatchObject({ ...changes, sub });
  });

  test('changes a subject of the older form, and leaves one alone that was customized', () => {
    const older = { ...EXAMPLE, sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' };
    const customized = { ...EXAMPLE, sub: 'repository_owner_id:65' };
    expect(changeClaims(older, { ref: 'x' })).toMatchObject({ sub: 'repo:octo-org/octo-repo:ref:x' });
    expect(changeClaims(customized, { ref: 'x' })).toMatchObject({ sub: 'repository_owner_id:65' });
  });

  test('changes the references to the workflow, unless it is called from elsewhere', () => {
    const job_workflow_ref = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main';
    expect(changeClaims({ ...EXAMPLE, job_workflow_ref }, { repository_owner: 'o', ref: 'x' })).toMatchObject({
      repository: 'o/octo-repo',
      workflow_ref: 'o/octo-repo/.github/workflows/nomad-jwt-auth.yml@x',
      job_workflow_ref,
    });
  });
});
