import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import { ROOT } from '../testbed/root.js';
import { readConfiguration, type Configuration } from './setup-folder.js';

/** Reads a setup of docs/nomad-setup.md, github or github-adv, or a configuration; throws an error that names the file. */
export async function readSetup(config: string, methodName?: string): Promise<Configuration> {
  if (config !== 'github' && config !== 'github-adv') {
    return readConfiguration(config, methodName);
  }
  if (methodName !== undefined) {
    throw new Error(`--method ${methodName} needs --config DIR.`);
  }
  return config === 'github' ? readQuickTrial() : readRecommended();
}

// A test compares both with the result of the commands in docs/nomad-setup.md.
async function readQuickTrial(): Promise<Configuration> {
  const method = await readMethod('auth-method.json', { Name: 'github', MaxTokenTTL: '23h' });
  const Selector = 'value.owner_id == "65" and value.event_name == "push"';
  const rule: BindingRule = { AuthMethod: 'github', BindType: 'management', Selector };
  return { method, rules: [rule], roles: [], policies: [] };
}

async function readRecommended(): Promise<Configuration> {
  const TokenNameFormat = 'gha-${value.repo_id}-${value.run_id}';
  return {
    method: await readMethod('auth-method-adv.json', { Name: 'github-adv', MaxTokenTTL: '1h', TokenNameFormat }),
    rules: [
      {
        AuthMethod: 'github-adv',
        BindType: 'role',
        BindName: 'repo-${value.repo_id}',
        Selector: 'value.owner_id == "65" and value.ref == "refs/heads/main" and value.event_name == "push"',
      },
    ],
    roles: [{ Name: 'repo-74', Policies: [{ Name: 'deploy' }] }],
    policies: [{ Name: 'deploy' }],
  };
}

async function readMethod(
  file: string,
  fields: Pick<AuthMethod, 'Name' | 'MaxTokenTTL' | 'TokenNameFormat'>,
): Promise<AuthMethod> {
  const Config = JSON.parse(await readFile(join(ROOT, 'nomad-config', file), 'utf8')) as AuthMethod['Config'];
  return { ...fields, Type: 'JWT', TokenLocality: 'global', Config };
}
