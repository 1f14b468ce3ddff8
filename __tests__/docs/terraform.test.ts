import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { changeClaims, EXAMPLE, type Claims } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { copyConfig } from '../support/config.js';
import { readBlocks } from '../support/docs.js';

const terraform = process.env['TERRAFORM_BIN'];
const program = await findNomad();

// Needs a real Nomad, and terraform or tofu in TERRAFORM_BIN, which downloads the provider.
(terraform && program ? describe : describe.skip)('nomad-config/terraform', () => {
  let folder: string;
  let issuer: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    if (program !== undefined) {
      folder = await mkdtemp(join(tmpdir(), 'terraform-'));
      issuer = await startIssuer();
      nomad = await startRealNomad(program);
      await copyConfig(issuer, folder);
      const [module = ''] = readBlocks('docs/nomad-setup.md', 'Terraform', 'hcl');
      const local = module.replace(/"github\.com.*"/, `"./nomad-config/terraform"\n  jwks_url = "${issuer.jwksUrl}"`);
      await writeFile(join(folder, 'main.tf'), local);
      await run('init');
      await run('apply', '-auto-approve');
    }
  }, 120_000);

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  /** Runs a command for the module as docs/nomad-setup.md uses it, and returns what it prints. */
  async function run(command: string, ...rest: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(terraform ?? '', [command, '-no-color', '-input=false', ...rest], {
      cwd: folder,
      env: { ...process.env, NOMAD_ADDR: nomad.url, NOMAD_TOKEN: nomad.admin.secretId },
    });
    return stdout;
  }

  async function read(path: string): Promise<unknown> {
    const response = await fetch(nomad.url + path, { headers: { 'X-Nomad-Token': nomad.admin.secretId } });
    return response.json();
  }

  async function logIn(changes: Claims): Promise<StageResult> {
    const identityToken = await issuer.issue({ claims: changeClaims(EXAMPLE, changes) });
    return runMain({ inputs: { url: nomad.url, methodName: 'github-adv', identityToken } });
  }

  test('creates the same objects as the commands of the recommended setup', async () => {
    const { method, rules, roles, policies } = await readSetup('github-adv');
    const { Config, ...fields } = method;
    expect(await read('/v1/acl/auth-method/github-adv')).toMatchObject({
      ...fields,
      MaxTokenTTL: '1h0m0s',
      Config: { ...Config, JWKSURL: issuer.jwksUrl },
    });
    const [rule] = (await read('/v1/acl/binding-rules')) as { ID: string }[];
    expect(await read(`/v1/acl/binding-rule/${rule?.ID ?? ''}`)).toMatchObject(rules[0] ?? {});
    expect(await read(`/v1/acl/role/name/${roles[0]?.Name ?? ''}`)).toMatchObject(roles[0] ?? {});
    expect(await read('/v1/acl/policy/deploy')).toMatchObject(policies[0] ?? {});
  });

  test('allows the example job, and rejects another branch and another owner', async () => {
    const login = await logIn({});
    expect(login).toMatchObject({ exitCode: 0, annotations: [] });
    expect(JSON.parse(login.outputs['roles'] ?? '')).toEqual(['repo-74']);
    const noRule = { exitCode: 1, log: expect.stringContaining('no role or policy bindings matched') };
    expect(await logIn({ ref: 'refs/heads/dev' })).toMatchObject(noRule);
    expect(await logIn({ repository_owner: 'other-org' })).toMatchObject(noRule);
  });

  test('has nothing to change when it is planned again', async () => {
    expect(await run('plan', '-detailed-exitcode')).toContain('No changes.');
  });

  test.each([
    ['owner', 'x\\" or \\"\\" == \\"', 'The owner must be'],
    ['repository_id', 'octo-repo', 'The repository ID must be'],
  ])('rejects an input %s that would change the selector', async (name, value, message) => {
    const file = join(folder, 'main.tf');
    const main = await readFile(file, 'utf8');
    await writeFile(
      file,
      main.replace(new RegExp(`(${name} +=) .*`), (_, start: string) => `${start} "${value}"`),
    );
    await expect(run('plan')).rejects.toThrow(message);
    await writeFile(file, main);
  });
});
