import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import { runDemo, runSimulator } from '../../simulator/cli.js';
import { STRANGERS } from '../../simulator/groups.js';
import { changeClaims, EXAMPLE } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { withSimulation } from '../../simulator/simulation.js';
import { startFakeCluster, type NomadServer } from '../../testbed/nomad/nomad.js';
import { ROOT } from '../../testbed/root.js';
import { readBlocks } from '../support/docs.js';
import { writeFiles } from '../support/files.js';
import { createTestFolder } from '../support/in-process.js';
import { describeReal, NOMADS, startReal } from '../support/workspace.js';

const PAGE = 'docs/simulator.md';
// Tests may run in a terminal.
process.env['NO_COLOR'] = '1';

const MAPPINGS = { ClaimMappings: { ref: 'ref', repository_id: 'id' }, ListClaimMappings: { teams: 'teams' } };
const Config = { JWKSURL: 'https://keys.example.com', BoundAudiences: null, ...MAPPINGS };
const METHOD = { Name: 'own', Type: 'JWT', TokenLocality: 'local', MaxTokenTTL: '10m0s', Config };
const CLUSTER = {
  'auth-method-1.json': METHOD,
  'auth-method-2.json': { ...METHOD, Name: 'wide', MaxTokenTTL: '1h0m0s' },
  'auth-method-3.json': { ...METHOD, Name: 'narrow', TokenNameFormat: '${value.ref}' },
  'binding-rules.json': [
    { AuthMethod: 'own', BindType: 'policy', BindName: 'deploy', Selector: 'value.ref == "refs/heads/main"' },
    { AuthMethod: 'own', BindType: 'role', BindName: 'repo-${value.id}', Selector: '"ops" in list.teams' },
    { AuthMethod: 'own', BindType: 'role', BindName: 'x-${value.id}' },
    { AuthMethod: 'wide', BindType: 'management', Selector: 'value.ref != "refs/heads/main"' },
    { AuthMethod: 'narrow', BindType: 'policy', BindName: 'deploy' },
    { AuthMethod: 'narrow', BindType: 'policy', BindName: 'deploy', Selector: 'value.ref is not empty' },
    { AuthMethod: 'people', BindType: 'management' },
  ],
  'role-1.json': { Name: 'repo-74', Policies: [{ Name: 'run' }] },
  'role-2.json': { Name: 'emptied', Policies: [] },
  'policies.json': [{ Name: 'deploy' }, { Name: 'run' }],
};

const folder = createTestFolder();

/** Writes the files of a folder in the test's folder. */
const write = (files: object, name = ''): Promise<void> => writeFiles(join(folder, name), { ...files });

/** Runs the simulator in this process, with files of the test's folder in its arguments. */
async function run(args: string, start: () => Promise<NomadServer> = startFakeCluster): Promise<[number, string]> {
  let stdout = '';
  const inFolder = args.split(' ').map((arg) => (existsSync(join(folder, arg)) ? join(folder, arg) : arg));
  const status = await runSimulator(inFolder, (lines) => (stdout += `${lines}\n`), start);
  return [status, stdout.replaceAll(folder + sep, '').replace(/ on Nomad v.*/, ' on the fake Nomad')];
}

// The files that docs/simulator.md tells you to write.
const [rule = '', role = ''] = readBlocks(PAGE, 'Test your rules', 'json');
const [expectations = ''] = readBlocks(PAGE, 'Test your rules', 'yaml');
const others = { 'auth-method-adv.json': adv, 'role.json': role, 'expectations.yml': expectations };
await write({ ...others, 'binding-rule.json': rule }, 'nomad');
await write(CLUSTER, 'cluster');
const setup = await readSetup('github-adv');
const refused = changeClaims(EXAMPLE, { ref: 'refs/heads/dev', environment: 'production' });
await withSimulation(setup, startFakeCluster, async (simulation) => {
  const { log } = await simulation.runAction(refused);
  // A downloaded log has a time at the beginning of each line.
  await write({ 'claims.txt': log.replace(/^/gm, '2026-11-25T14:10:08.1234567Z ') });
});

describe.each(NOMADS)('on %s', (_, start) => {
  test.each([
    ['Why a job is refused', 1],
    ['Test your rules', 1],
  ])('docs/simulator.md shows the real output under "%s"', async (heading, status) => {
    const [command = ''] = readBlocks(PAGE, heading, 'sh');
    const args = command.trim().replace('node dist/simulate/index.js ', '');
    expect(await run(args, start)).toEqual([status, readBlocks(PAGE, heading, 'text')[0]]);
  });

  test('a job gets what its rules grant, and each rule is explained', async () => {
    await write({ 'teams.json': { iss: 'https://gitlab.example.com', aud: ['a', 'b'], repository_id: '74', exp: 1 } });
    const shown = expect.stringContaining(`
  role repo-\${value.id}, if "ops" in list.teams
    grants role repo-74
  role x-\${value.id}, for every JWT (no selector)
    grants nothing:
      there is no role x-74
Result: client token for 10m0s in one region: role repo-74 (run)

Warnings:
  The auth method own has no BoundAudiences, so it also accepts JWTs that a job requested for another service.
  The auth method own has no BoundIssuer, so it accepts JWTs of any issuer if one of the keys fits.
  The claim teams is not one of GitHub's.
  role x-\${value.id}: The rule has no selector, so it matches every JWT.
  The role emptied links to no policies, so it grants no permissions.
  management: The rule is not tested, because its auth method people is not in the configuration.
  The auth method wide grants more to these jobs: a job on x.
  The auth method narrow grants more to these jobs: a job on x.
`);
    const args = '--config cluster --method own --claims teams.json --claim ref=x --claim teams=["dev","ops"]';
    expect(await run(args, start)).toEqual([0, shown]);
  });
});

describeReal('on a real Nomad', () => {
  test.each([
    ['--config posix --claims jws-example.json', '    may grant something:\n      only Nomad can judge this rule\n'],
    ['--config template --expect met.yml', '  anyone on GitHub                             not decided: only Nomad'],
  ])('a rule that only it knows is judged: %s', async (args, output) => {
    expect(await run(args, startReal)).toEqual([1, expect.stringContaining(output)]);
  });
});

test('the demo shows a login, a refusal, who gets a token and what to do next in fewer than 50 lines', async () => {
  let shown = '';
  expect(await runDemo((lines) => (shown += `${lines}\n`), startFakeCluster)).toBe(0);
  expect(shown).toMatch(/^This demo uses a fake Nomad .* and does not contact any other cluster/m);
  expect(shown).toMatch(/A push to main gets a token:\n {2}│ Logged in to Nomad/);
  expect(shown).toMatch(/branch feature is refused:\n {2}│ ▸ .+\n {2}│ Error: Nomad refused the login \(400\)/);
  expect(shown).toMatch(/do not:\n {2}a push to main +client token (?:.*\n){13}\n {2}anyone on GitHub +refused: /);
  expect(shown).toMatch(/: docs\/nomad-setup\.md\n.*: +docs\/simulator\.md\n$/);
  expect(shown.split('\n').length).toBeLessThan(50);
});

const cases: Record<string, object[]> = {
  invalid: [{ BindType: 'policy', BindName: 'a_b' }],
  open: [{ BindType: 'management' }],
  several: [
    { BindType: 'management', Selector: 'value.id == "75"' },
    { BindType: 'management', Selector: 'value.ref == "v1"' },
  ],
  random: [
    { BindType: 'management' },
    { BindType: 'policy', BindName: '${value.ref}', Selector: 'value.ref is not empty' },
    { BindType: 'policy', BindName: 'deploy', Selector: 'value.ref == "x"' },
  ],
  unparsable: [{ BindType: 'role', BindName: 'x', Selector: 'value.ref = "a"' }],
  template: [{ BindType: 'role', BindName: '${value.ref == "x" ? "a" : "b"}' }],
  posix: [{ BindType: 'role', BindName: 'x', Selector: 'value.ref matches "[[:digit:]]"' }],
};
for (const [name, rules] of Object.entries(cases)) {
  await write({ 'auth-method.json': METHOD, 'binding-rule.json': rules }, name);
}
await write({ 'auth-method.json': { ClaimMappings: { repository_owner: 'name', repository: 'name' } } }, 'ambiguous');
await write({
  'few.json': { iss: 'https://gitlab.example.com' },
  'met.yml': '- {ref: refs/heads/main, gets: role repo-74}\n- {aud: x, gets: refused}',
  'unmet.yml': '- {repository_owner_id: x, gets: management}',
  'open.yml': '- gets: management',
  'allowed.yml': STRANGERS.map((who) => `- {who: ${who}, gets: management}`).join('\n'),
  'strangers.yml': `- {who: ${STRANGERS[0] ?? ''}, gets: role repo-74}`,
});
const WARNINGS =
  /^ {2}The claim reff is .* nearest name is ref\.\n {2}.* wide grants more to these jobs: a push to another branch, a pull request, a merge queue, a release, anyone .*\.$/m;

test.each([
  ['--config cluster --method narrow --claims few.json', 1, /unknown variable accessed: value\.ref$/m],
  ['--config invalid --claims few.json', 1, /^ {6}computed "policy" bind name for bind target is invalid: "a_b"$/m],
  ['--config github-adv --claims few.json', 1, /^Binding rules: not evaluated, because the auth method refuses/m],
  ['--config several --claims few.json --claim ref={}', 1, /^ {4}grants nothing:\n {6}error converting claim 'ref'/m],
  ['--config cluster --method narrow', 0, /^ {2}a push to main +client .* in one region: policy deploy$/m],
  ['--config github-adv --claims jws-example.json --log', 0, /^Result: client token .*\n {2}│ Logged in to Nomad/m],
  ['--config cluster --method narrow --claim reff=x', 0, WARNINGS],
  ['--config several', 0, /^ {2}a push to main +refused: value\.ref == "v1", but/m],
  ['--config nomad --expect met.yml', 0, /^Everyone gets what is expected\.$/m],
  ['--config nomad --expect unmet.yml', 1, /refused: value\.owner_id == .*, but .* is "x" \(expected: management\)$/m],
  ['--config nomad --expect strangers.yml', 1, /^ {2}anyone on GitHub .*refused: .* \(expected: role repo-74\)$/m],
  ['--config open --expect open.yml', 1, /^ {2}anyone on GitHub .*management .* region \(expected: refused\)$/m],
  ['--config open --expect allowed.yml', 1, /^Everyone .*, but there are warnings\.\n\nWarnings:\n.* no BoundAud/m],
  ['--config random --expect open.yml', 1, /nothing .* invalid: .*\n.* nothing .* none of them\.\n.* at random what/m],
  ['--help', 0, /^ {2}--claims FILE .*\n[^]*^ {2}--expect FILE /m],
])('the arguments %s have the exit status %d and show %s', async (args, status, output) =>
  expect(await run(args)).toEqual([status, expect.stringMatching(output)]),
);

test.each([
  ['--config github --method github', '--method github needs --config DIR.'],
  ['--config github --claims nowhere.json', 'nowhere.json cannot be read (ENOENT)'],
  ['--config github --claims README.md', 'README.md must contain the claims of a JWT'],
  ['--config github --claims package.json --claim ref', '--claim ref must have the form name=value'],
  ['--config github --claim teams=[1', '--claim teams=[1 begins like JSON but is not valid JSON.'],
  ['--config github --expect package.json', 'package.json must contain a list of jobs.'],
  ['--config github --clam a=b', "Unknown option '--clam'"],
  ['--config ambiguous', 'does not know which of two claims becomes the attribute name'],
  ['--config unparsable', 'rule role x, if value.ref = "a" cannot be created: PUT /v1/acl/binding-rule answered 400: '],
  ['--config template', 'the fake Nomad does not know the template ${value.ref'],
  ['--config posix', ' answered 501: the fake Nomad does not know the regular expression [[:digit:]];'],
])('arguments, and what Nomad does not accept, are rejected with a reason: %s', async (args, message) => {
  await expect(run(args)).rejects.toThrow(message);
});

test.each([
  ['- gets: role', 'has a job without "gets: refused"'],
  ['- text', 'has a job without "gets: refused"'],
  ['- {who: everyone, gets: refused}', 'must name one of these in "who", without claims: anyone on GitHub, anyone'],
  ['- &a {who: anyone on GitHub, gets: refused}\n- *a', 'has "who: anyone on GitHub" more than once.'],
  ['- {repo_property_taem: x, gets: refused}', 'The claim repo_property_taem is not one'],
])('an invalid expectation is an error: %s', async (yaml, message) => {
  await write({ 'mistyped.yml': yaml });
  await expect(run('--config github --expect mistyped.yml')).rejects.toThrow(message);
});

test.concurrent.each([
  [[], { code: 2, stdout: '', stderr: expect.stringMatching(/^Set config to .*\nFor help, use --help\.$/m) }],
  [['--config', 'github'], { code: 0, stdout: expect.not.stringContaining('\x1b'), stderr: '' }],
])('the bundled program has an exit status, and no colors outside a terminal: %j', async (args, output) => {
  const options = { cwd: ROOT, env: { PATH: '', FORCE_COLOR: '1' } };
  const running = promisify(execFile)(process.execPath, ['dist/simulate/index.js', ...args], options);
  expect({ code: 0, ...(await running.catch((error: unknown) => error as object)) }).toMatchObject(output);
});
