import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { omit } from '../../simulator/identities.js';
import type { Configuration } from '../../simulator/setup-folder.js';
import { readSetup } from '../../simulator/setups.js';
import { readBlocks } from '../support/docs.js';
import { program, Workspace } from '../support/workspace.js';

const terraform = process.env['TERRAFORM_BIN'];
const [MODULE = ''] = readBlocks('docs/nomad-setup.md', 'Terraform', 'hcl');
const [, IMPORT = ''] = readBlocks('docs/nomad-setup.md', 'Terraform', 'sh');

// Needs a real Nomad, and terraform or tofu in TERRAFORM_BIN, which downloads the provider.
(terraform && program ? describe : describe.skip)('nomad-config/terraform', () => {
  let workspace: Workspace;
  let main: string;

  beforeAll(async () => {
    workspace = await Workspace.start();
    main = join(workspace.folder, 'main.tf');
    // From an absolute path, Terraform copies the module without the folders around it.
    const source = `"${workspace.folder}/nomad-config/terraform"\n  jwks_url = "${workspace.issuer.jwksUrl}"`;
    await writeFile(main, MODULE.replace(/"github\.com.*"/, source));
    await run('init');
  }, 120_000);

  afterAll(() => workspace.close());

  /** Runs a command for the module as docs/nomad-setup.md uses it, and returns what it prints. */
  async function run(command: string, ...rest: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(terraform ?? '', [command, '-no-color', ...rest], {
      cwd: workspace.folder,
      env: { ...process.env, ...workspace.env, TF_INPUT: '0' },
    });
    return stdout;
  }

  /** Reads a plan, or the state, as the simulator does. */
  async function simulate(...plan: string[]): Promise<Configuration> {
    const file = join(workspace.folder, 'shown.json');
    await writeFile(file, await run('show', '-json', ...plan));
    return readSetup(file);
  }

  test('creates the same objects as the commands of the recommended setup, and then has nothing to change', async () => {
    const { method, rules, roles } = await readSetup('github-adv');
    const Config = omit(method.Config, ['JWKSURL']);
    const simulated = { method: { ...method, MaxTokenTTL: '1h0m0s', Config }, rules, roles };
    await run('plan', '-out=tfplan');
    expect(await simulate('tfplan')).toMatchObject(simulated);
    await run('apply', 'tfplan');
    expect(await simulate()).toMatchObject(simulated);
    expect(await run('plan', '-detailed-exitcode')).toContain('No changes.');
    await run('destroy', '-auto-approve');
  }, 30_000);

  test('takes over the quick start after an import, and leaves no other rule', async () => {
    await workspace.pasteQuickStart();
    await workspace.paste(IMPORT.replaceAll(/^terraform/gm, terraform ?? ''));
    expect(await run('plan', '-detailed-exitcode')).toContain('No changes.');
    expect((await workspace.paste('nomad acl binding-rule list')).match(/ github-adv$/gm)).toHaveLength(1);
    expect(await workspace.readRoles([{}])).toEqual([['repo-74']]);
  }, 30_000);

  test.each([
    ['owner_id', '"x\\" or \\"\\" == \\""', 'The owner ID must be'],
    ['audience', '"https://github.com/octo-org"', 'The audience must be'],
    ['repositories', '{ "octo-repo" = ["deploy"] }', 'The key of each repository must be'],
    ['repositories', '{ "74" = [] }', 'Each repository needs'],
    ['token_ttl', '"1h"', 'Write the lifetime'],
  ])('rejects the %s %s', async (name, value, message) => {
    const good = await readFile(main, 'utf8');
    const others = good.replace(new RegExp(`^ +${name} += .*\n`, 'm'), '');
    await writeFile(main, others.replace(/}\s*$/, `  ${name} = ${value}\n}\n`));
    await expect(run('plan')).rejects.toThrow(message);
    await writeFile(main, good);
  });
});
