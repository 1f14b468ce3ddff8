import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthMethod, BindingRule, Policy, Role } from '../testbed/nomad-api.js';
import type { Configuration } from './configuration.js';

const PLACEHOLDER_RULES = 'namespace "default" { policy = "read" }';

/** Reads a configuration from a folder with the JSON that Nomad prints; throws an error that names the file. */
export async function readFolder(folder: string, methodName: string | undefined): Promise<Configuration> {
  const files = await readdir(folder).catch((error: unknown) => {
    throw new Error(`--config "${folder}" is neither simple, adv nor a folder (${(error as Error).message}).`);
  });
  const readAll = async <T>(prefix: string, check: (item: T) => string | undefined): Promise<T[]> => {
    const matching = files.filter((file) => file.startsWith(prefix) && file.endsWith('.json')).sort();
    return (await Promise.all(matching.map((file) => readItems(join(folder, file), check)))).flat();
  };
  const methods = await readAll<AuthMethod>('auth-method', checkMethod);
  const method = choose(folder, methods, methodName);
  const rules = await readAll<BindingRule>('binding-rule', checkRule);
  const roles = (await readAll<Role>('role', checkRole)).map(({ Name, Policies }) => ({
    Name,
    Policies: (Policies as Role['Policies'] | null) ?? [],
  }));
  const twice = roles.find(({ Name }, index) => roles.findIndex((role) => role.Name === Name) !== index);
  if (twice !== undefined) {
    throw new Error(`--config ${folder} has the role ${twice.Name} more than once.`);
  }
  const listed = (await readAll<Partial<Policy>>('polic', checkPolicy)).map(withRules);
  const written = files.filter((file) => file.endsWith('.hcl')).map((file) => readPolicy(folder, file));
  const policies = [...listed, ...(await Promise.all(written))];
  const rulesOf = ({ Name }: AuthMethod): BindingRule[] => rules.filter(({ AuthMethod }) => AuthMethod === Name);
  return {
    method,
    rules: rulesOf(method),
    roles,
    policies: policies.length > 0 ? policies : assumePolicies(roles),
    others: methods
      .filter((other) => other.Type === 'JWT' && other !== method)
      .map((other) => ({ method: other, rules: rulesOf(other) })),
  };
}

async function readItems<T>(file: string, check: (item: T) => string | undefined): Promise<T[]> {
  const text = await readFile(file, 'utf8');
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON. It begins: ${text.trim().slice(0, 60)}`);
  }
  // Nomad prints an empty list as null.
  const items = (Array.isArray(content) ? content : [content ?? []].flat()) as T[];
  for (const item of items) {
    const problem = typeof item === 'object' && item !== null ? check(item) : 'must be an object or a list of objects';
    if (problem !== undefined) {
      throw new Error(`${file} ${problem}.`);
    }
  }
  return items;
}

function checkMethod({ Name, Config, TokenLocality, MaxTokenTTL }: Partial<AuthMethod>): string | undefined {
  return Name && Config && TokenLocality && MaxTokenTTL
    ? undefined
    : 'lacks Name, Config, TokenLocality or MaxTokenTTL. Save the output of: nomad operator api /v1/acl/auth-method/NAME';
}

function checkRule({ AuthMethod, BindType = '', BindName }: Partial<BindingRule>): string | undefined {
  if (!AuthMethod) {
    return 'has no AuthMethod. Save the output of: nomad acl binding-rule info -json ID';
  }
  if (BindType === '') {
    return 'has no BindType, as in a list of rules. Save the output of: nomad acl binding-rule info -json ID';
  }
  if (!['management', 'policy', 'role'].includes(BindType)) {
    return `has the BindType "${BindType}". It must be role, policy or management`;
  }
  const needsName = BindType !== 'management';
  if (needsName === Boolean(BindName)) {
    return undefined;
  }
  return needsName
    ? `has no BindName, which the BindType ${BindType} needs`
    : 'has a BindName, which the BindType management cannot have';
}

function checkRole(role: Partial<Role>): string | undefined {
  return role.Name && 'Policies' in role
    ? undefined
    : 'has no Name or no Policies. Save the output of: nomad acl role list -json';
}

function checkPolicy({ Name }: Partial<Policy>): string | undefined {
  return Name ? undefined : 'has no Name. Save the output of: nomad acl policy list -json';
}

function choose(folder: string, methods: AuthMethod[], name: string | undefined): AuthMethod {
  if (methods.length === 0) {
    throw new Error(`--config ${folder} has no file auth-method*.json.`);
  }
  const usable = methods.filter(({ Type }) => Type === 'JWT');
  const names = usable.map(({ Name }) => Name).join(', ') || 'none';
  if (name === undefined && usable.length > 1) {
    throw new Error(
      `--config ${folder} has several auth methods of type JWT: ${names}. Choose one with --method NAME.`,
    );
  }
  const method = usable.find(({ Name }) => Name === (name ?? Name));
  if (method === undefined) {
    const chosen =
      name === undefined ? `--config ${folder} has no auth method` : `--method ${name}: ${folder} has no such method`;
    throw new Error(`${chosen} of type JWT, which jobs need to log in. Methods of this type: ${names}.`);
  }
  return method;
}

async function readPolicy(folder: string, file: string): Promise<Policy> {
  return { Name: file.replace(/(\.policy)?\.hcl$/, ''), Rules: await readFile(join(folder, file), 'utf8') };
}

// A login does not depend on what a policy allows, so a list of policies without rules is enough.
function withRules({ Name = '', Rules = PLACEHOLDER_RULES }: Partial<Policy>): Policy {
  return { Name, Rules };
}

function assumePolicies(roles: Configuration['roles']): Policy[] {
  const linked = new Set(roles.flatMap((role) => role.Policies.map(({ Name }) => Name)));
  return [...linked].map((Name) => withRules({ Name }));
}
