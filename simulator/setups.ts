import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { AuthMethod, BindingRule } from '../testbed/nomad-api.js';
import { changeClaims, EXAMPLE, type Claims } from './identities.js';

/** One auth method and what it takes to log in through it; names as in Nomad's API. */
export interface Setup {
  name: string;
  method: AuthMethod;
  rules: BindingRule[];
  roles: Role[];
  policies: Policy[];
  /** The claims of jws-example.json, but for the owner and the repository in nomad-config/github.env. */
  claims: Claims;
}

type Made = Omit<Setup, 'claims' | 'name'>;

interface Role {
  Name: string;
  Policies: { Name: string }[];
}

interface Policy {
  Name: string;
  Rules: string;
}

const EXAMPLES = join(import.meta.dirname, '../nomad-config');
const PLACEHOLDER_RULES = 'namespace "default" { policy = "read" }';

/** Reads one of the README's setups, simple or adv, or that of a folder; throws an error that names the file. */
export async function readSetup(config: string, methodName?: string): Promise<Setup> {
  const { OWNER, REPOSITORY_ID } = parseEnv(await readFile(join(EXAMPLES, 'github.env'), 'utf8'));
  if (!OWNER || !REPOSITORY_ID) {
    throw new Error('nomad-config/github.env: must set OWNER and REPOSITORY_ID.');
  }
  const claims = changeClaims(EXAMPLE, { repository_owner: OWNER, repository_id: REPOSITORY_ID });
  const isExample = config === 'simple' || config === 'adv';
  if (isExample && methodName !== undefined) {
    throw new Error(`--method ${methodName}: goes with --config DIR.`);
  }
  const made = isExample ? await readExample(config, OWNER, REPOSITORY_ID) : await readFolder(config, methodName);
  return { ...made, name: config, claims };
}

// The same as the README's commands do; a test compares what both make of a cluster.
async function readExample(name: 'adv' | 'simple', owner: string, repositoryId: string): Promise<Made> {
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
  return {
    method: { ...method, Name: 'github-adv', MaxTokenTTL: '1h', Config },
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

async function readFolder(folder: string, methodName: string | undefined): Promise<Made> {
  const files = await readdir(folder).catch((error: unknown) => {
    throw new Error(`--config "${folder}": is neither simple nor adv, nor a folder (${(error as Error).message}).`);
  });
  const readAll = async <T>(prefix: string, check: (item: T) => string | undefined): Promise<T[]> => {
    const matching = files.filter((file) => file.startsWith(prefix) && file.endsWith('.json')).sort();
    return (await Promise.all(matching.map((file) => readItems(join(folder, file), check)))).flat();
  };
  const method = choose(folder, await readAll<AuthMethod>('auth-method', checkMethod), methodName);
  const rules = await readAll<BindingRule>('binding-rule', checkRule);
  const roles = await readAll<Role>('role', checkRole);
  const policies = [
    ...(await readAll<Partial<Policy>>('polic', checkPolicy)).map(withRules),
    ...(await Promise.all(files.filter((file) => file.endsWith('.hcl')).map((file) => readPolicy(folder, file)))),
  ];
  const twice = roles.find(({ Name }, index) => roles.findIndex((role) => role.Name === Name) !== index);
  if (twice !== undefined) {
    throw new Error(`--config ${folder}: has the role ${twice.Name} more than once.`);
  }
  return {
    method,
    rules: rules.filter(({ AuthMethod }) => AuthMethod === method.Name),
    roles,
    policies: [...policies, ...findMissingPolicies(roles, policies)],
  };
}

async function readItems<T>(file: string, check: (item: T) => string | undefined): Promise<T[]> {
  const text = await readFile(file, 'utf8');
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error(`${file}: is not JSON. It begins: ${text.trim().slice(0, 60)}`);
  }
  // An empty list is null in what Nomad prints.
  const items = (Array.isArray(content) ? content : [content ?? []].flat()) as T[];
  for (const item of items) {
    const problem = typeof item === 'object' && item !== null ? check(item) : 'is no object and no list of objects';
    if (problem !== undefined) {
      throw new Error(`${file}: ${problem}.`);
    }
  }
  return items;
}

function checkMethod({ Name, Config, TokenLocality, MaxTokenTTL }: Partial<AuthMethod>): string | undefined {
  return Name && Config && TokenLocality && MaxTokenTTL
    ? undefined
    : 'lacks Name, Config, TokenLocality or MaxTokenTTL; it must be what nomad operator api /v1/acl/auth-method/NAME prints';
}

function checkRule({ AuthMethod, BindType = '', BindName }: Partial<BindingRule>): string | undefined {
  if (!AuthMethod) {
    return 'has no AuthMethod; it must be what nomad acl binding-rule info -json ID prints';
  }
  if (BindType === '') {
    return 'has no BindType; a list of rules leaves it out, and nomad acl binding-rule info -json ID prints it';
  }
  if (!['management', 'policy', 'role'].includes(BindType)) {
    return `has the BindType "${BindType}"; it must be role, policy or management`;
  }
  const needsName = BindType !== 'management';
  if (needsName === Boolean(BindName)) {
    return undefined;
  }
  return needsName
    ? `has no BindName, which the BindType ${BindType} needs`
    : 'has a BindName, which the BindType management cannot have';
}

function checkRole({ Name, Policies }: Partial<Role>): string | undefined {
  return Name && Policies?.length ? undefined : 'has no Name or no Policies, as nomad acl role list -json has';
}

function choose(folder: string, methods: AuthMethod[], name: string | undefined): AuthMethod {
  const names = methods.map(({ Name }) => Name).join(', ');
  if (methods.length === 0) {
    throw new Error(`--config ${folder}: has no file auth-method*.json.`);
  }
  if (name === undefined && methods.length > 1) {
    throw new Error(`--config ${folder}: has the auth methods ${names}; say which by --method NAME.`);
  }
  const method = methods.find(({ Name }) => Name === (name ?? Name));
  if (method === undefined) {
    throw new Error(`--method ${String(name)}: is not in ${folder}, which has ${names}.`);
  }
  if (method.Type !== 'JWT') {
    throw new Error(
      `--config ${folder}: ${method.Name} is of type ${method.Type}; a workflow logs in through type JWT.`,
    );
  }
  return method;
}

function checkPolicy({ Name }: Partial<Policy>): string | undefined {
  return Name ? undefined : 'has no Name, as nomad acl policy list -json has';
}

async function readPolicy(folder: string, file: string): Promise<Policy> {
  return { Name: file.replace(/(\.policy)?\.hcl$/, ''), Rules: await readFile(join(folder, file), 'utf8') };
}

// What a policy allows plays no part in a login, so that a list of policies will do.
function withRules({ Name = '', Rules = PLACEHOLDER_RULES }: Partial<Policy>): Policy {
  return { Name, Rules };
}

// No role can be made of policies that do not exist.
function findMissingPolicies(roles: Role[], policies: Policy[]): Policy[] {
  const linked = new Set(roles.flatMap((role) => role.Policies.map(({ Name }) => Name)));
  return [...linked].filter((name) => policies.every(({ Name }) => Name !== name)).map((Name) => withRules({ Name }));
}
