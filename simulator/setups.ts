import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { AuthMethod } from '../nomad-rules/api.js';
import { ROOT } from '../testbed/root.js';
import { changeClaims, EXAMPLE, type Claims } from './identities.js';
import { readConfiguration, type Configuration } from './setup-folder.js';

/** A configuration of Nomad that jobs log in to, with names as in Nomad's API. */
export interface Setup extends Configuration {
  /** The claims of the example job, with the IDs of nomad-config/github.env. */
  claims: Claims;
}

const EXAMPLES = join(ROOT, 'nomad-config');

/** Reads a setup of docs/nomad-setup.md, github or github-adv, or the setup in a folder; throws an error that names the file. */
export async function readSetup(config: string, methodName?: string): Promise<Setup> {
  const { OWNER_ID, REPOSITORY_ID } = parseEnv(await readFile(join(EXAMPLES, 'github.env'), 'utf8'));
  if (!OWNER_ID || !REPOSITORY_ID) {
    throw new Error('nomad-config/github.env must set OWNER_ID and REPOSITORY_ID.');
  }
  const claims = changeClaims(EXAMPLE, { repository_owner_id: OWNER_ID, repository_id: REPOSITORY_ID });
  const isExample = config === 'github' || config === 'github-adv';
  if (isExample && methodName !== undefined) {
    throw new Error(`--method ${methodName} needs --config DIR.`);
  }
  const read = isExample ? readExample(config, OWNER_ID, REPOSITORY_ID) : readConfiguration(config, methodName);
  return { ...(await read), claims };
}

// A test compares this with the result of the commands in docs/nomad-setup.md.
async function readExample(
  name: 'github' | 'github-adv',
  ownerId: string,
  repositoryId: string,
): Promise<Configuration> {
  const read = (file: string): Promise<string> => readFile(join(EXAMPLES, file), 'utf8');
  const method = { Type: 'JWT', TokenLocality: 'global' };
  if (name === 'github') {
    const Config = JSON.parse(await read('auth-method.json')) as AuthMethod['Config'];
    return {
      method: { ...method, Name: name, MaxTokenTTL: '23h', Config },
      rules: [
        {
          AuthMethod: name,
          BindType: 'management',
          Selector: `value.owner_id == "${ownerId}" and value.event_name == "push"`,
        },
      ],
      roles: [],
      policies: [],
    };
  }
  const Config = JSON.parse(await read('auth-method-adv.json')) as AuthMethod['Config'];
  const TokenNameFormat = 'gha-${value.repo_id}-${value.run_id}';
  return {
    method: { ...method, Name: name, MaxTokenTTL: '1h', TokenNameFormat, Config },
    rules: [
      {
        AuthMethod: name,
        BindType: 'role',
        BindName: 'repo-${value.repo_id}',
        Selector: `value.owner_id == "${ownerId}" and value.ref == "refs/heads/main" and value.event_name == "push"`,
      },
    ],
    roles: [{ Name: `repo-${repositoryId}`, Policies: [{ Name: 'deploy' }] }],
    policies: [{ Name: 'deploy', Rules: await read('policy.hcl') }],
  };
}
