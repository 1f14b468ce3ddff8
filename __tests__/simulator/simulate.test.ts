import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSetup } from '../../simulator/setups.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { readBlocks } from '../support/docs.js';
import { createConfig, createRule, METHOD, runProgram, simulate, type Simulated } from './simulator-run.js';

const PAGE = 'docs/simulator.md';
const program = await findNomad();
process.stderr.write(`The simulator's output is compared with ${program?.version ?? 'no real Nomad'}.\n`);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulate-'));
  const { method, roles, policies } = await readSetup('adv');
  await createConfig(join(folder, 'simulation'), {
    'auth-method.json': method,
    'binding-rule.json': readBlocks(PAGE, 'Warnings', 'json')[0] ?? '',
    'roles.json': roles,
    'policies.json': policies,
  });
  await createConfig(join(folder, 'cluster'), {
    'auth-methods.json': [
      METHOD,
      { ...METHOD, Name: 'wide', MaxTokenTTL: '1h0m0s' },
      { ...METHOD, Name: 'narrow', TokenNameFormat: '${value.ref}' },
    ],
    'binding-rule-1.json': createRule('policy', 'deploy', 'value.ref == "refs/heads/main"'),
    'binding-rules.json': [
      createRule('role', 'repo-${value.id}', '"ops" in list.teams'),
      createRule('role', 'x-${value.id}'),
      { ...createRule('management', '', 'value.ref != "refs/heads/main"'), AuthMethod: 'wide' },
      { ...createRule('policy', 'deploy'), AuthMethod: 'narrow' },
    ],
    'roles.json': [
      { Name: 'repo-74', Policies: [{ Name: 'run' }] },
      { Name: 'emptied', Policies: [] },
    ],
    'policies.json': [{ Name: 'deploy' }, { Name: 'run' }],
  });
});

afterAll(() => rm(folder, { recursive: true }));

const inFolder = (arg: string): string => (existsSync(join(folder, arg)) ? join(folder, arg) : arg);

/** Runs the simulator in this process, with files of the test's folder in its arguments. */
async function run(args: string[], start?: () => Promise<NomadServer>): Promise<Simulated> {
  const { status, stdout } = await simulate(args.map(inFolder), start);
  return { status, stdout: stdout.replaceAll(folder + sep, '') };
}

describe('the demo', () => {
  test('shows a login, a refusal, who gets a token and what to do next in fewer than 45 lines', async () => {
    const { status, stdout, stderr } = await runProgram([]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^This demo uses a fake Nomad and a fake GitHub issuer on this machine, and does not contact any other cluster/m,
    );
    expect(stdout).toMatch(/A push to main gets a token:\n {2}│ Logged in to Nomad/);
    expect(stdout).toMatch(/branch feature is refused:\n {2}│ ▸ .+\n {2}│ Error: Nomad refused the login \(400\)/);
    const [table = ''] = readBlocks(PAGE, 'Who gets a token', 'text');
    expect(stdout).toContain(`Who gets a token:\n${table.split('\n').slice(2).join('\n').trimEnd()}\n`);
    expect(stdout).toContain('docs/nomad-setup.md');
    expect(stdout).toContain('npm run simulate -- --help');
    expect(stdout.split('\n').length).toBeLessThan(45);
  });

  test('has no colors and no progress messages outside a terminal', async () => {
    const { stdout, stderr } = await runProgram(['--config', 'simple', '--claim', 'ref=x'], {
      PATH: '',
      FORCE_COLOR: '1',
    });
    expect(stdout + stderr).not.toContain('\x1b');
    expect(stderr).toBe('');
  });
});

describe('docs/simulator.md', () => {
  test.each([
    ['Who gets a token', 0],
    ['Why a job is refused', 1],
    ['Warnings', 1],
  ])('shows the real output under "%s"', async (heading, status) => {
    const [command = ''] = readBlocks(PAGE, heading, 'sh');
    const args = command.trim().replace('npm run --silent simulate -- ', '').split(' ');
    expect(await run(args)).toEqual({ status, stdout: readBlocks(PAGE, heading, 'text')[0] });
  });
});

describe('a job', () => {
  test('gets what its rules grant, and each rule is explained', async () => {
    const { status, stdout } = await run(['--config', 'cluster', '--method', 'own', '--claim', 'teams=["dev","ops"]']);
    expect(status).toBe(0);
    expect(stdout).toBe(`Setup: cluster (auth method own) on the fake Nomad

Claims that differ from the example job:
  teams: ["dev","ops"]
Binding rules:
  policy deploy, if value.ref == "refs/heads/main"
    matches, and grants policy deploy
  role repo-\${value.id}, if "ops" in list.teams
    matches, and grants role repo-74 (run)
  role x-\${value.id}, for every JWT (no selector)
    matches, but there is no role x-74
Result: client token for 10m0s in one region: role repo-74 (run), policy deploy

Warnings:
  The role emptied links to no policies, so it grants no permissions.
`);
  });

  test('causes a warning for each other method of the folder that grants it more', async () => {
    const { status, stdout } = await run(['--config', 'cluster', '--method', 'own', '--claim', 'ref=refs/heads/dev']);
    expect(status).toBe(1);
    expect(stdout).toContain(
      '  The auth method wide grants the same job more: management token for 1h0m0s in one region.\n' +
        '  The auth method narrow grants the same job more: client token for 10m0s in one region: policy deploy.\n',
    );
  });

  test('is refused if it lacks a claim of the token name, and the claim is named', async () => {
    await writeFile(join(folder, 'few.json'), '{ "iss": "https://gitlab.example.com" }');
    const { status, stdout } = await run(['--config', 'cluster', '--method', 'narrow', '--claims', 'few.json']);
    expect(status).toBe(1);
    expect(stdout).toContain(
      'Result: refused (500): failed to generate ACL token name: 1:3: unknown variable accessed: value.ref (TokenNameFormat needs the claim ref)\n',
    );
  });

  test('has the claims of a file, and current times', async () => {
    const claims = { iss: 'https://gitlab.example.com', aud: ['a', 'b'], repository_id: '74', teams: ['ops'], exp: 1 };
    await writeFile(join(folder, 'claims.json'), JSON.stringify(claims));
    const { status, stdout } = await run([
      '--config',
      'cluster',
      '--method',
      'own',
      '--claims',
      'claims.json',
      '--log',
    ]);
    expect(status).toBe(0);
    expect(stdout).toContain('  repository_owner: (none)\n');
    expect(stdout).toContain(
      'Result: client token for 10m0s in one region: role repo-74 (run)\n  │ Logged in to Nomad',
    );
  });

  test('is refused if rules fail the login, and each of these rules is explained', async () => {
    await createConfig(join(folder, 'broken'), {
      'auth-method.json': METHOD,
      'binding-rules.json': [createRule('role', 'x-${list.teams}'), createRule('policy', 'a_b')],
    });
    const { status, stdout } = await run(['--config', 'broken', '--claim', 'ref=x']);
    expect(status).toBe(1);
    expect(stdout).toContain('matches, but fails the login: cannot compute "role" bind name for bind target');
    expect(stdout).toContain(
      'matches, but fails the login: computed "policy" bind name for bind target is invalid: "a_b"',
    );
  });

  test('is shown without the effect of rules if the method refuses its JWT', async () => {
    const { status, stdout } = await run(['--claim', 'aud=other']);
    expect(status).toBe(1);
    expect(stdout).toContain(
      'Binding rules: not evaluated, because the auth method refuses the JWT.\nResult: refused (401): invalid audience',
    );
  });
});

describe('a table', () => {
  test('lists the jobs to which another method of the folder grants more', async () => {
    const { stdout } = await run(['--config', 'cluster', '--method', 'narrow']);
    expect(stdout).toContain(
      '  The auth method wide grants these jobs more: another branch, a pull request, a merge queue, a release tag.\n',
    );
  });

  test('includes advice if no job gets a token', async () => {
    await createConfig(join(folder, 'none'), { 'auth-method.json': METHOD });
    const { status, stdout } = await run(['--config', 'none']);
    expect(status).toBe(0);
    expect(stdout).toContain('  No job gets a token. To try other claims, use --claim or --claims.\n');
  });
});

describe('the arguments', () => {
  test('are explained by --help', async () => {
    const { status, stdout } = await run(['--help']);
    expect(status).toBe(0);
    for (const option of ['--claim NAME=VALUE', '--claims FILE', '--config simple|adv|DIR', '--method NAME', '--log']) {
      expect(stdout).toMatch(new RegExp(`^  ${option.replaceAll('|', '[|]')}\\s`, 'm'));
    }
  });

  test.each([
    [['--config', 'nowhere'], '--config "nowhere" is neither simple, adv nor a folder'],
    [['--claims', 'nowhere.json'], '--claims nowhere.json cannot be read: ENOENT'],
    [['--claims', 'README.md'], '--claims README.md is not JSON.'],
    [['--claims', 'package.json', '--claim', 'ref'], '--claim ref must have the form name=value'],
    [['--claim', 'teams=[1'], '--claim teams=[1 begins like JSON but is not valid JSON.'],
    [['--clam', 'a=b'], "Unknown option '--clam'"],
  ])('are rejected with a reason: %j', async (args, message) => {
    await expect(run(args)).rejects.toThrow(message);
  });

  test('are rejected if they have an encoded JWT instead of its claims', async () => {
    await writeFile(join(folder, 'jwt.json'), 'eyJhbGciOiJub25lIn0.e30.\n');
    await expect(run(['--claims', 'jwt.json'])).rejects.toThrow(
      'is an encoded JWT. The file must contain its decoded claims.',
    );
  });

  test('are rejected with the message of Nomad if a selector is invalid', async () => {
    await createConfig(join(folder, 'unparsable'), {
      'auth-method.json': METHOD,
      'binding-rule.json': createRule('role', 'x', 'value.ref = "a"'),
    });
    await expect(run(['--config', 'unparsable'])).rejects.toThrow(
      'Nomad rejects the rule role x, if value.ref = "a": PUT /v1/acl/binding-rule answered 400:',
    );
  });
});

describe('the program', () => {
  test('exits with 1 if the job is refused', async () => {
    const { status, stdout, stderr } = await runProgram(['--claim', 'ref=refs/heads/dev']);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toContain('Result: refused (400)');
  });

  test('exits with 2, a reason and a reference to the help if NOMAD_BIN is not a nomad program', async () => {
    expect(await runProgram(['--config', 'adv'], { PATH: '', NOMAD_BIN: 'nowhere' })).toEqual({
      status: 2,
      stdout: '',
      stderr: 'NOMAD_BIN is not a working nomad program: nowhere\nFor help, run: npm run simulate -- --help\n',
    });
  });
});

(program === undefined ? describe.skip : describe)('a real Nomad', () => {
  test.each([
    ['--config simple'],
    ['--config adv'],
    ['--config adv --claim ref=refs/heads/dev'],
    ['--config cluster --method own --claim teams=["ops"]'],
    ['--config cluster --method own --claim ref=refs/heads/dev'],
    ['--config simulation'],
  ])('gives the same output as the fake Nomad: %s', async (args) => {
    const { status, stdout } = await run(args.split(' '), () => startRealNomad(program ?? { path: '', version: '' }));
    expect(stdout).toContain(` on ${program?.version ?? ''}\n`);
    expect({ status, stdout: stdout.replace(program?.version ?? '', 'the fake Nomad') }).toEqual(
      await run(args.split(' ')),
    );
  });
});
