import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { omit } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { askSelf, isSince } from '../../testbed/nomad/nomad.js';
import { readBlocks } from '../support/docs.js';
import { describeReal, Workspace } from '../support/workspace.js';

const PAGE = 'docs/nomad-setup.md';
const RECOMMENDED = 'Recommended: one role per repository';
const TRIAL = 'Trial: management token (insecure)';

test('the page shows the auth method of the trial setup', async () => {
  const { method } = await readSetup('github');
  expect(JSON.parse(readBlocks(PAGE, TRIAL, 'json')[0] ?? '')).toEqual(method.Config);
});

// The tests follow each other on one server, in the order of the page.
describeReal('on a real Nomad', () => {
  let workspace: Workspace;

  const TRIAL_JOB = { aud: 'nomad-trial.example.com' };
  const DISPATCH = ['job dispatch -detach -namespace=release -meta=version=1 release'];
  const REGISTER = ['job plan app.nomad.hcl', 'job run -detach app.nomad.hcl', 'job status app', 'node status'];
  const SUBMIT = ['job eval -detach app', 'job stop -detach -purge app'];
  const FURTHER = ['job run -detach volume.nomad.hcl', 'var put nomad/jobs/app a=b', 'system gc', 'acl token list'];

  beforeAll(async () => {
    workspace = await Workspace.start();
    const write = (name: string, group: string): Promise<void> =>
      writeFile(
        join(workspace.folder, `${name}.nomad.hcl`),
        `job "app" {\n group "app" {\n ${group}\n task "app" {\n driver = "exec"\n}\n}\n}`,
      );
    await write('app', '');
    await write('volume', 'volume "data" {\n type = "host"\n source = "data"\n}');
  }, 60_000);

  afterAll(() => workspace.close());

  /** Pastes the commands below a heading, with the IDs of a rule and of a token. */
  function setUp(heading: string, rule?: string, accessorId = ''): Promise<string> {
    // Nomad 2.0 writes a hint to stderr.
    const commands = readBlocks(PAGE, heading, 'sh')
      .join('')
      .replace(/^nomad job run .*/gm, '$& 2>&1')
      .replace(isSince(workspace.nomad.version, '1.7.0') ? '' : /-token-name-format=\S+/, '');
    return workspace.pasteForRule(commands.replace('ACCESSOR_ID', accessorId), rule);
  }

  /** Runs commands of nomad with a token; throws an error if one fails. A plan exits with 1 if the job would change. */
  async function expectAllowed(commands: string[], secretId: string | undefined): Promise<void> {
    const accept = (command: string): string => (command.startsWith('job plan') ? ' || test $? -eq 1' : '');
    await workspace.paste(commands.map((command) => `nomad ${command} 2>&1${accept(command)}\n`).join(''), secretId);
  }

  async function expectDenied(commands: string[], secretId: string | undefined): Promise<void> {
    for (const command of commands) {
      const output = await workspace.paste(`nomad ${command} 2>&1 || true`, secretId);
      expect({ command, output }).toEqual({ command, output: expect.stringContaining('403') });
    }
  }

  test('the recommended setup allows pushes to main, with the permissions to deploy and no others', async () => {
    expect(await setUp(RECOMMENDED)).toContain('"MaxTokenTTL":"1h0m0s"');
    expect(await workspace.readRoles([{}, { ref: 'refs/heads/dev' }])).toEqual([['repo-74'], []]);
    const { SecretID, Name } = await workspace.logIn({});
    expect(Name).toBe(isSince(workspace.nomad.version, '1.7.0') ? 'gha-74-30433642' : 'JWT-github-adv');
    await expectAllowed([...REGISTER, ...SUBMIT], SecretID);
    await expectDenied([...FURTHER, ...DISPATCH], SecretID);
  });

  test('the narrower policies of "Permissions" allow what their workflows do, and no more', async () => {
    await writeFile(join(workspace.folder, 'release.nomad.hcl'), readBlocks(PAGE, 'Dispatch only', 'hcl').join(''));
    await setUp('Dispatch only');
    const { SecretID: release } = await workspace.logIn({ repository_id: '76' });
    await expectAllowed(DISPATCH, release);
    await expectDenied(['job status -namespace=release release', ...REGISTER, ...SUBMIT, ...FURTHER], release);
    if (isSince(workspace.nomad.version, '1.11.2')) {
      await setUp('Register');
      const { SecretID } = await workspace.logIn({});
      await expectAllowed(REGISTER, SecretID);
      await expectDenied([...SUBMIT, ...FURTHER, ...DISPATCH], SecretID);
    } else {
      await expect(setUp('Register')).rejects.toThrow("Invalid namespace capability 'register-job'");
    }
  });

  test('the sections on repositories and teams give them their own roles', async () => {
    await setUp('Several repositories');
    const others = [{ repository_id: '75' }, { repository_id: '78', repository_owner_id: '66' }];
    expect(await workspace.readRoles(others)).toEqual([['repo-75'], ['repo-78']]);
    expect(await workspace.paste('nomad acl role info -by-name repo-75')).toMatch(/^Policies += read-jobs$/m);
    await setUp('One role per team');
    const team = { repository_id: '77', repo_property_team: 'Payments' };
    const strangers = [
      ...[{ repo_property_team: 'search' }, { repo_property_team: undefined }, { repository_owner_id: '66' }],
      ...[{ ref: 'refs/heads/dev' }, { event_name: 'pull_request_target' }],
    ].map((claims) => ({ ...team, ...claims }));
    const roles = await workspace.readRoles([team, { repo_property_team: 'payments,search' }, ...strangers]);
    expect(roles).toEqual([['team-payments'], ['repo-74'], ...strangers.map(() => [])]);
  });

  test('the trial setup gives all pushes of the owner a management token', async () => {
    await setUp(TRIAL);
    const push = { ...TRIAL_JOB, repository_id: '77', ref: 'refs/heads/dev' };
    expect(await workspace.logIn(push, 'github')).toMatchObject({ Type: 'management' });
    expect((await workspace.logIn({ ...push, event_name: 'schedule' }, 'github')).SecretID).toBeUndefined();
  });

  test('nomad-config/save.sh saves both setups as the simulator knows them', async () => {
    await workspace.paste(readBlocks('docs/simulator.md', 'Your configuration', 'sh')[0] ?? '');
    for (const name of ['github-adv', 'github']) {
      const { method, rules, roles } = await readSetup(name);
      const saved = await readSetup(join(workspace.folder, 'simulation'), name);
      const Config = { ...method.Config, JWKSURL: workspace.issuer.jwksUrl };
      const MaxTokenTTL = `${String(method.MaxTokenTTL)}0m0s`;
      expect(saved).toMatchObject({
        method: { ...omit(method, ['TokenNameFormat']), MaxTokenTTL, Config },
        rules: expect.arrayContaining(rules.map((rule) => expect.objectContaining(rule))),
        roles: expect.arrayContaining(roles.map((role) => expect.objectContaining(role))),
        policies: ['deploy', 'payments', 'read-jobs', 'release'].map((Name) => ({ Name })),
      });
    }
    await workspace.paste('cp "$(ls simulation/binding-rule-* | head -1)" simulation/binding-rule.json');
    const [apply = ''] = readBlocks('docs/simulator.md', 'Apply the tested files', 'sh');
    expect(await workspace.paste(apply.replaceAll(' nomad/', ' simulation/'))).toMatch(/^(?:\{.*\}){3}$/);
  });

  test('the trial setup can be removed with its tokens', async () => {
    const { SecretID, AccessorID } = await workspace.logIn(TRIAL_JOB, 'github');
    await setUp('Remove the trial setup', 'Everything, for every push .*', AccessorID);
    expect((await askSelf(workspace.nomad.url, SecretID)).ok).toBe(false);
    expect((await workspace.logIn(TRIAL_JOB, 'github')).Name).toContain('auth-method "github" not found');
    expect(await workspace.paste('nomad acl binding-rule list')).not.toMatch(/ github$/m);
  });

  test('"Restrict further" leaves the role to jobs of one environment', async () => {
    await setUp('Restrict further');
    expect(await workspace.readRoles([{}, { environment: 'production' }])).toEqual([[], ['repo-74']]);
  });

  test('the commands of docs/operations.md stop one repository, and then all', async () => {
    if (isSince(workspace.nomad.version, '1.7.0')) {
      const job = { environment: 'production' };
      const { SecretID } = await workspace.logIn(job);
      const [stopOne = '', stopAll = ''] = readBlocks('docs/operations.md', 'Emergency stop', 'sh');
      await workspace.paste(stopOne);
      expect(await workspace.readRoles([job])).toEqual([[]]);
      expect(await workspace.paste('nomad job status 2>&1 || true', SecretID)).toContain('Permission denied');
      await workspace.paste(stopAll);
      expect((await askSelf(workspace.nomad.url, SecretID)).ok).toBe(false);
    }
  });
});
