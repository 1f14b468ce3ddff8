import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { AuthMethod } from '../testbed/nomad-api.js';
import type { Configuration } from './configuration.js';
import { changeClaims, EXAMPLE, type Claims } from './identities.js';
import { readFolder } from './setup-folder.js';

/** A configuration of Nomad that jobs log in to, with names as in Nomad's API. */
export interface Setup extends Configuration {
  name: string;
  /** The claims of the example job, with the owner and the repository of nomad-config/github.env. */
  claims: Claims;
}

const EXAMPLES = join(import.meta.dirname, '../nomad-config');

/** Reads a setup of docs/nomad-setup.md, simple or adv, or the setup in a folder; throws an error that names the file. */
export async function readSetup(config: string, methodName?: string): Promise<Setup> {
  const { OWNER, REPOSITORY_ID } = parseEnv(await readFile(join(EXAMPLES, 'github.env'), 'utf8'));
  if (!OWNER || !REPOSITORY_ID) {
    throw new Error('nomad-config/github.env must set OWNER and REPOSITORY_ID.');
  }
  const claims = changeClaims(EXAMPLE, { repository_owner: OWNER, repository_id: REPOSITORY_ID });
  const isExample = config === 'simple' || config === 'adv';
  if (isExample && methodName !== undefined) {
    throw new Error(`--method ${methodName} needs --config DIR.`);
  }
  const read = isExample ? readExample(config, OWNER, REPOSITORY_ID) : readFolder(config, methodName);
  return { ...(await read), name: config, claims };
}

// A test compares this with the result of the commands in docs/nomad-setup.md.
async function readExample(name: 'adv' | 'simple', owner: string, repositoryId: string): Promise<Configuration> {
  const read = (file: string): Promise<string> => readFile(join(EXAMPLES, file), 'utf8');
  const method = { Type: 'JWT', TokenLocality: 'global' };
  if (name === 'simple') {
    const Config = JSON.parse(await read('auth-method.json')) as AuthMethod['Config'];
    return {
      method: { ...method, Name: 'github', MaxTokenTTL: '23h', Config },
      rules: [{ AuthMethod: 'github', BindType: 'management', Selector: `value.owner == "${owner}"` }],
      roles: [],
      policies: [],
    };
  }
  const Config = JSON.parse(await read('auth-method-adv.json')) as AuthMethod['Config'];
  const TokenNameFormat = 'gha-${value.repo_id}-${value.run_id}';
  return {
    method: { ...method, Name: 'github-adv', MaxTokenTTL: '1h', TokenNameFormat, Config },
    rules: [
      {
        AuthMethod: 'github-adv',
        BindType: 'role',
        BindName: 'repo-${value.repo_id}',
        Selector: `value.owner == "${owner}" and value.workflow == "Nomad JWT Auth" and value.ref == "refs/heads/main"`,
      },
    ],
    roles: [{ Name: `repo-${repositoryId}`, Policies: [{ Name: 'deploy' }] }],
    policies: [{ Name: 'deploy', Rules: await read('policy.hcl') }],
  };
}
