import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSetup } from '../../simulator/setups.js';
import { readBlocks } from '../support/docs.js';
import { program, Workspace } from '../support/workspace.js';

const terraform = process.env['TERRAFORM_BIN'];

// Needs a real Nomad, and terraform or tofu in TERRAFORM_BIN, which downloads the provider.
(terraform && program ? describe : describe.skip)('nomad-config/terraform', () => {
  let workspace: Workspace;
  let main: string;

  beforeAll(async () => {
    workspace = await Workspace.start();
    main = join(workspace.folder, 'main.tf');
    const [module = ''] = readBlocks('docs/nomad-setup.md', 'Terraform', 'hcl');
    const source = `"./nomad-config/terraform"\n  jwks_url = "${workspace.issuer.jwksUrl}"`;
    await writeFile(main, module.replace(/"github\.com.*"/, source));
    await run('init');
    await run('apply', '-auto-approve');
  }, 120_000);

  afterAll(() => workspace.close());

  /** Runs a command for the module as docs/nomad-setup.md uses it, and returns what it prints. */
  async function run(command: string, ...rest: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(terraform ?? '', [command, '-no-color', '-input=false', ...rest], {
      cwd: workspace.folder,
      env: { ...process.env, ...workspace.env },
    });
    return stdout;
  }

  async function read(path: string): Promise<unknown> {
    const headers = { 'X-Nomad-Token': workspace.nomad.admin.secretId };
    return (await fetch(workspace.nomad.url + path, { headers })).json();
  }

  test('creates the same objects as the commands of the recommended setup', async () => {
    const { method, rules, roles, policies } = await readSetup('github-adv');
    const Config = { ...method.Config, JWKSURL: workspace.issuer.jwksUrl };
    expect(await read('/v1/acl/auth-method/github-adv')).toMatchObject({ ...method, MaxTokenTTL: '1h0m0s', Config });
    const [rule] = (await read('/v1/acl/binding-rules')) as { ID: string }[];
    expect(await read(`/v1/acl/binding-rule/${rule?.ID ?? ''}`)).toMatchObject(rules[0] ?? {});
    expect(await read(`/v1/acl/role/name/${roles[0]?.Name ?? ''}`)).toMatchObject(roles[0] ?? {});
    expect(await read('/v1/acl/policy/deploy')).toMatchObject(policies[0] ?? {});
  });

  test('has nothing to change when it is planned again', async () => {
    expect(await run('plan', '-detailed-exitcode')).toContain('No changes.');
  });

  test.each([
    ['owner_id', 'x\\" or \\"\\" == \\"', 'The owner ID must be'],
    ['repository_id', 'octo-repo', 'The repository ID must be'],
  ])('rejects an input %s that would change the selector', async (name, value, message) => {
    const good = await readFile(main, 'utf8');
    await writeFile(main, good.replace(new RegExp(`(${name} +=) .*`), `$1 "${value}"`));
    await expect(run('plan')).rejects.toThrow(message);
    await writeFile(main, good);
  });
});
