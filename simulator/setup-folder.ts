import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthMethod, BindingRule, Policy, Role } from '../nomad-rules/api.js';

/** An auth method and the objects that affect its logins. */
export interface Configuration {
  method: AuthMethod;
  rules: BindingRule[];
  roles: Omit<Role, 'ID'>[];
  policies: Policy[];
  /** Other auth methods of type JWT on the same cluster, which the same job could choose. */
  others?: Pick<Configuration, 'method' | 'rules'>[];
}

const PLACEHOLDER_RULES = 'namespace "default" { policy = "read" }';

/** Reads a configuration from a folder of JSON as Nomad prints it, or shorter; throws an error that names the file. */
export async function readFolder(folder: string, methodName: string | undefined): Promise<Configuration> {
  const files = await readdir(folder).catch((error: unknown) => {
    throw new Error(`--config "${folder}" is neither github, github-adv nor a folder (${(error as Error).message}).`);
  });
  const readAll = async <T>(prefix: string, check: (item: T) => string | undefined): Promise<T[]> => {
    const matching = files.filter((file) => file.startsWith(prefix) && file.endsWith('.json')).sort();
    return (await Promise.all(matching.map((file) => readItems(join(folder, file), check)))).flat();
  };
  const rules = await readAll<BindingRule>('binding-rule', checkRule);
  const [assumedName = 'github'] = [methodName, ...rules.map((rule) => rule.AuthMethod)].filter(Boolean);
  const items = await readAll<Partial<AuthMethod>>('auth-method', checkMethod);
  const methods = items.map((item) => completeMethod(item, assumedName));
  const method = choose(folder, methods, methodName);
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
  const rulesOf = ({ Name }: AuthMethod): BindingRule[] =>
    rules
      .map((rule) => ({ ...rule, AuthMethod: rule.AuthMethod || method.Name }))
      .filter(({ AuthMethod }) => AuthMethod === Name);
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
  const items = [content ?? []].flat() as T[];
  for (const item of items) {
    const problem = typeof item === 'object' && item !== null ? check(item) : 'must be an object or a list of objects';
    if (problem !== undefined) {
      throw new Error(`${file} ${problem}.`);
    }
  }
  return items;
}

function checkMethod(item: Partial<AuthMethod>): string | undefined {
  const isConfig = ['JWKSURL', 'OIDCDiscoveryURL', 'JWTValidationPubKeys', 'ClaimMappings'].some(
    (name) => name in item,
  );
  return item.Config || isConfig
    ? undefined
    : 'has no Config. Save the output of: nomad operator api /v1/acl/auth-method/NAME';
}

// A file such as nomad-config/auth-method-adv.json contains the Config only: the other fields are flags of the nomad command.
function completeMethod(item: Partial<AuthMethod>, assumedName: string): AuthMethod {
  const method = item.Config ? item : { Config: item };
  return {
    Name: assumedName,
    Type: 'JWT',
    TokenLocality: 'global',
    MaxTokenTTL: '1h',
    ...(method as Pick<AuthMethod, 'Config'>),
  };
}

function checkRule({ BindType }: Partial<BindingRule>): string | undefined {
  return BindType
    ? undefined
    : 'has no BindType, as in a list of rules. Save the output of: nomad acl binding-rule info -json ID';
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
  const usable = methods.filter(({ Type }) => Type === 'JWT');
  const names = usable.map(({ Name }) => Name).join(', ') || 'none';
  const [method, another] = usable.filter(({ Name }) => Name === (name ?? Name));
  if (method === undefined || another !== undefined) {
    throw new Error(
      `--config ${folder} must have one auth method of type JWT in auth-method*.json, or the one in --method NAME. It has: ${names}.`,
    );
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
