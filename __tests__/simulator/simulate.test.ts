import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSetup } from '../../simulator/setups.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { readBlocks, ROOT } from '../support/docs.js';
import { createConfig, createRule, METHOD, runSimulator, type SimulatorRun } from './simulator-run.js';

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
  await createConfig(join(folder, 'own'), {
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

const run = (...args: string[]): Promise<SimulatorRun> => runSimulator(args, folder);

describe('the demo', () => {
  test('shows a login, a refusal, who gets a token and what to do next in about thirty lines', async () => {
    const { status, stdout, stderr } = await run();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^This demo uses the fake Nomad and a fake GitHub issuer/m);
    expect(stdout).toMatch(/A push to main gets a token:\n {2}│ Logged in to Nomad/);
    expect(stdout).toMatch(/branch feature is refused:\n {2}│ ▸ .+\n {2}│ Error: Nomad refused the login \(400\)/);
    const [table = ''] = readBlocks(PAGE, 'Who gets a token', 'text');
    expect(stdout).toContain(`Who gets a token:\n${table.split('\n').slice(2).join('\n').trimEnd()}\n`);
    expect(stdout).toContain('docs/nomad-setup.md');
    expect(stdout).toContain('npm run simulate -- --help');
    expect(stdout.split('\n').length).toBeLessThan(45);
  });

  test('has no colors and no progress outside of a terminal', async () => {
    const { stdout, stderr } = await runSimulator([], folder, { PATH: '', FORCE_COLOR: '1' });
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
    const result = await run(...command.trim().replace('npm run --silent simulate -- ', '').split(' '));
    expect(result).toEqual({ status, stderr: '', stdout: readBlocks(PAGE, heading, 'text')[0] });
  });
});

describe('a job', () => {
  test('gets what its rules give, each of which is explained', async () => {
    const { status, stdout } = await run('--config', 'own', '--method', 'own', '--claim', 'teams=["dev","ops"]');
    expect(status).toBe(0);
    expect(stdout).toBe(`Setup: own (auth method own) on the fake Nomad

Claims that differ from the example job:
  teams: ["dev","ops"]
Binding rules:
  policy deploy, if value.ref == "refs/heads/main"
    matches, and gives policy deploy
  role repo-\${value.id}, if "ops" in list.teams
    matches, and gives role repo-74 (run)
  role x-\${value.id}, for every JWT (no selector)
    matches, but there is no role x-74
Result: client token for 10m0s in one region: role repo-74 (run), policy deploy

Warnings:
  The role emptied links to no policies, so it gives no rights.
`);
  });

  test('is compared with what the other methods of the folder give it', async () => {
    const { status, stdout } = await run('--config', 'own', '--method', 'own', '--claim', 'ref=refs/heads/dev');
    expect(status).toBe(1);
    expect(stdout).toContain(
      '  The auth method wide gives the same job more: management token for 1h0m0s in one region.\n' +
        '  The auth method narrow gives the same job more: client token for 10m0s in one region: policy deploy.\n',
    );
  });

  test('that lacks a claim of the token name is refused, and the claim is named', async () => {
    await writeFile(join(folder, 'few.json'), '{ "iss": "https://gitlab.example.com" }');
    const { status, stdout } = await run('--config', 'own', '--method', 'narrow', '--claims', 'few.json');
    expect(status).toBe(1);
    expect(stdout).toContain(
      'Result: refused (500): failed to generate ACL token name: 1:3: unknown variable accessed: value.ref (TokenNameFormat needs the claim ref)\n',
    );
  });

  test('has the claims of a file, and current times', async () => {
    const claims = { iss: 'https://gitlab.example.com', aud: ['a', 'b'], repository_id: '74', teams: ['ops'], exp: 1 };
    await writeFile(join(folder, 'claims.json'), JSON.stringify(claims));
    const { status, stdout } = await run('--config', 'own', '--method', 'own', '--claims', 'claims.json', '--log');
    expect(status).toBe(0);
    expect(stdout).toContain('  repository_owner: (none)\n');
    expect(stdout).toContain(
      'Result: client token for 10m0s in one region: role repo-74 (run)\n  │ Logged in to Nomad',
    );
  });

  test('is shown rules that fail the login', async () => {
    await createConfig(join(folder, 'broken'), {
      'auth-method.json': METHOD,
      'binding-rules.json': [createRule('role', 'x-${list.teams}'), createRule('policy', 'a_b')],
    });
    const { status, stdout } = await run('--config', 'broken', '--claim', 'ref=x');
    expect(status).toBe(1);
    expect(stdout).toContain('matches, but fails the login: cannot compute "role" bind name for bind target');
    expect(stdout).toContain(
      'matches, but fails the login: computed "policy" bind name for bind target is invalid: "a_b"',
    );
  });

  test('is shown no effect of rules if the method refuses its JWT', async () => {
    const { status, stdout } = await run('--claim', 'aud=other');
    expect(status).toBe(1);
    expect(stdout).toContain(
      'Binding rules: not evaluated, because the auth method refuses the JWT.\nResult: refused (401): invalid audience',
    );
  });
});

describe('a table', () => {
  test('says which jobs another method of the folder gives more', async () => {
    const { stdout } = await run('--config', 'own', '--method', 'narrow');
    expect(stdout).toContain(
      '  The auth method wide gives these jobs more: another branch, a pull request, a merge queue, a release tag.\n',
    );
  });

  test('says what to do if no job gets a token', async () => {
    await createConfig(join(folder, 'none'), { 'auth-method.json': METHOD });
    const { status, stdout } = await run('--config', 'none');
    expect(status).toBe(0);
    expect(stdout).toContain('  No job gets a token. To try other claims, use --claim or --claims.\n');
  });
});

describe('the arguments', () => {
  test('are explained by --help', async () => {
    const { status, stdout } = await run('--help');
    expect(status).toBe(0);
    for (const option of ['--claim NAME=VALUE', '--claims FILE', '--config simple|adv|DIR', '--method NAME', '--log']) {
      expect(stdout).toMatch(new RegExp(`^  ${option.replaceAll('|', '[|]')}\\s`, 'm'));
    }
  });

  test.each([
    [['--config', 'nowhere'], '--config "nowhere" is neither simple, adv nor a folder'],
    [['--claims', 'nowhere.json'], '--claims nowhere.json cannot be read: ENOENT'],
    [['--claims', join(ROOT, 'README.md')], 'README.md is not JSON.'],
    [['--claims', join(ROOT, 'package.json'), '--claim', 'ref'], '--claim ref must have the form name=value'],
    [['--claim', 'teams=[1'], '--claim teams=[1 starts like JSON but does not parse.'],
    [['--clam', 'a=b'], "Unknown option '--clam'"],
  ])('are rejected with a reason: %j', async (args, message) => {
    const { status, stdout, stderr } = await run(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/\nFor help, run: npm run simulate -- --help\n$/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('are rejected with the reason of Nomad for a selector that does not parse', async () => {
    await createConfig(join(folder, 'unparsable'), {
      'auth-method.json': METHOD,
      'binding-rule.json': createRule('role', 'x', 'value.ref = "a"'),
    });
    const { status, stderr } = await run('--config', 'unparsable');
    expect(status).toBe(2);
    expect(stderr).toContain(
      'Nomad rejects the rule role x, if value.ref = "a": PUT /v1/acl/binding-rule answered 400:',
    );
  });

  test('are rejected if NOMAD_BIN is not a nomad program', async () => {
    const { status, stderr } = await runSimulator(['--config', 'adv'], folder, { PATH: '', NOMAD_BIN: 'nowhere' });
    expect(status).toBe(2);
    expect(stderr).toContain('NOMAD_BIN is not a working nomad program: nowhere');
  });
});

(program === undefined ? describe.skip : describe)('a real Nomad', () => {
  const env = { PATH: process.env['PATH'], NOMAD_BIN: process.env['NOMAD_BIN'] };
  const withoutName = ({ stdout, ...rest }: SimulatorRun, name: string): SimulatorRun => ({
    ...rest,
    stdout: stdout.replace(name, 'NOMAD'),
  });

  test.each([
    ['--config simple'],
    ['--config adv'],
    ['--config adv --claim ref=refs/heads/dev'],
    ['--config own --method own --claim teams=["ops"]'],
    ['--config own --method own --claim ref=refs/heads/dev'],
    ['--config simulation'],
  ])('gives the same output as the fake Nomad: %s', async (args) => {
    const real = await runSimulator(args.split(' '), folder, env);
    expect(withoutName(real, program?.version ?? '')).toEqual(
      withoutName(await run(...args.split(' ')), 'the fake Nomad'),
    );
  });
});
