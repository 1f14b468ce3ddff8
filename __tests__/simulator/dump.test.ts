import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSetup, type Setup } from '../../simulator/setups.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import { isSince, startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { readBlocks } from '../support/docs.js';

const program = await findNomad();
const describeOnRealNomad = program === undefined || process.platform === 'win32' ? describe.skip : describe;

describeOnRealNomad('the commands in docs/simulator.md', () => {
  let folder: string;
  let nomad: NomadServer;
  let adv: Setup;
  let simple: Setup;

  beforeAll(async () => {
    if (program === undefined) {
      return;
    }
    folder = await mkdtemp(join(tmpdir(), 'dump-'));
    nomad = await startRealNomad(program);
    [adv, simple] = [await readSetup('adv'), await readSetup('simple')];
    await nomad.admin.putPolicy('unused', 'namespace "default" { policy = "read" }');
    for (const { method, rules, roles, policies } of [adv, simple]) {
      const { Name, Config, ...fields } = method;
      await nomad.admin.putMethod(Name, Config, fields);
      for (const policy of policies) {
        await nomad.admin.putPolicy(policy.Name, policy.Rules);
      }
      for (const role of roles) {
        await nomad.admin.putRole(
          role.Name,
          role.Policies.map((link) => link.Name),
        );
      }
      for (const rule of rules) {
        await nomad.admin.putRule(rule);
      }
    }
    // The program in NOMAD_BIN may have a name other than nomad.
    if (isAbsolute(program.path)) {
      await symlink(program.path, join(folder, 'nomad'));
    }
    const PATH = [folder, process.env['PATH']].join(delimiter);
    const env = { PATH, NOMAD_ADDR: nomad.url, NOMAD_TOKEN: nomad.admin.secretId };
    const shell = spawn('bash', ['-eu'], { cwd: folder, env });
    shell.stdin.end(readBlocks('docs/simulator.md', 'Use your own configuration', 'sh')[0]);
    const exit = once(shell, 'exit') as Promise<[status: number | null]>;
    const [stderr, [status]] = await Promise.all([text(shell.stderr), exit]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  }, 60_000);

  afterAll(async () => {
    await nomad.close();
    await rm(folder, { recursive: true });
  });

  test('save a setup that the simulator reads unchanged, with all other methods', async () => {
    const saved = await readSetup(join(folder, 'simulation'), 'github-adv');
    expect(saved.method).toMatchObject({ Name: 'github-adv', MaxTokenTTL: '1h0m0s' });
    expect(saved.method.Config.ClaimMappings).toEqual(adv.method.Config.ClaimMappings);
    expect(saved.method.TokenNameFormat).toBe(isSince(nomad.version, '1.7.0') ? adv.method.TokenNameFormat : undefined);
    expect(saved).toMatchObject({
      rules: adv.rules,
      roles: adv.roles,
      policies: [{ Name: 'deploy' }, { Name: 'unused' }],
      others: [{ method: { Name: 'github' }, rules: simple.rules }],
    });
  });
});
