import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AuthMethod, BindingRule, Policy, Role } from '../nomad-rules/api.js';
import { BadFile } from './bad-file.js';
import { readShown, type Shown } from './terraform.js';

/** Something in a configuration, with the file that it comes from. */
export type FromFile<T> = T & { file?: string | undefined };

type Kind = 'auth-method' | 'binding-rule' | 'role' | 'policy';

/** An auth method and the objects that affect its logins. */
export interface Configuration {
  method: FromFile<AuthMethod>;
  rules: FromFile<BindingRule>[];
  roles: FromFile<Omit<Role, 'ID'>>[];
  policies: Policy[];
  /** Other auth methods of type JWT on the same cluster, which the same job could choose. */
  others?: Pick<Configuration, 'method' | 'rules'>[];
  /** The rules of auth methods that are not in the configuration. */
  untested?: FromFile<BindingRule>[];
}

// The fields of Nomad's API: https://github.com/hashicorp/nomad/blob/main/nomad/structs/acl.go
const COMMON = 'Name Description Hash CreateTime ModifyTime CreateIndex ModifyIndex';
const FIELDS = {
  'auth-method': `${COMMON} Type TokenLocality TokenNameFormat MaxTokenTTL Default Config`,
  'binding-rule': `${COMMON} ID AuthMethod Selector BindType BindName`,
  role: `${COMMON} ID Policies`,
  policy: `${COMMON} Rules RulesJSON JobACL`,
  Config: `JWTValidationPubKeys JWKSURL JWKSCACert OIDCDiscoveryURL OIDCClientID OIDCClientSecret OIDCClientAssertion OIDCEnablePKCE
    OIDCDisableUserInfo OIDCScopes BoundAudiences BoundIssuer AllowedRedirectURIs DiscoveryCaPem SigningAlgs ExpirationLeeway
    NotBeforeLeeway ClockSkewLeeway ClaimMappings ListClaimMappings VerboseLogging`,
};
const KNOWN_FILE =
  /^(?:(?:auth-method|binding-rule|role|polic).*\.json|.*\.hcl|expectations?.*\.(?:ya?ml|json)|.*\.md|\.(?!.*\.(?:json|hcl)$).*)$/;
const NAMES = 'auth-method*.json, binding-rule*.json, role*.json, policies*.json or NAME.hcl';

const REQUIRED: Record<Kind, [keys: string[], problem: string]> = {
  'auth-method': [['Config'], 'has no Config. Save the output of: nomad operator api /v1/acl/auth-method/NAME'],
  'binding-rule': [
    ['BindType'],
    'has no BindType, as in a list of rules. Save the output of: nomad acl binding-rule info -json ID',
  ],
  role: [['Name', 'Policies'], 'has no Name or no Policies. Save the output of: nomad acl role list -json'],
  policy: [['Name'], 'has no Name. Save the output of: nomad acl policy list -json'],
};

const PLACEHOLDER_RULES = 'namespace "default" { policy = "read" }';

/** Lists the objects of a kind, each with the file that contains it. */
type Source = (kind: Kind) => Promise<{ file: string; item: object }[]>;

/**
 * Reads a configuration from a folder of JSON as Nomad prints it, or shorter, or from the output of `terraform show -json`;
 * throws an error that names the file.
 */
export async function readConfiguration(path: string, methodName: string | undefined): Promise<Configuration> {
  const status = await stat(path).catch((error: unknown) => {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new Error(`${path} is neither github, github-adv, a folder nor a file (${code}).`);
  });
  const list = status.isDirectory() ? await openFolder(path) : await openTerraform(path);
  const readAll = async <T extends object>(kind: Kind): Promise<FromFile<T>[]> =>
    (await list(kind)).map(({ file, item }) => {
      const problem = check(item as Record<string, unknown>, kind);
      if (problem !== undefined) {
        throw new BadFile(file, `${problem}.`);
      }
      return { ...(item as T), file };
    });
  const rules = await readAll<BindingRule>('binding-rule');
  const [assumedName = 'github'] = [methodName, ...rules.map((rule) => rule.AuthMethod)].filter(Boolean);
  const items = await readAll<Partial<AuthMethod>>('auth-method');
  const methods = items.map((item) => completeMethod(item, assumedName));
  const method = choose(path, methods, methodName);
  const roles = (await readAll<Role>('role')).map(({ Name, Policies, file }) => ({
    Name,
    Policies: (Policies as Role['Policies'] | null) ?? [],
    file,
  }));
  const twice = roles.find(({ Name }, index) => roles.findIndex((role) => role.Name === Name) !== index);
  if (twice !== undefined) {
    throw new Error(`${path} has the role ${twice.Name} more than once.`);
  }
  const policies = (await readAll<Partial<Policy>>('policy')).map(withRules);
  const rulesOf = ({ Name }: AuthMethod): FromFile<BindingRule>[] =>
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
    untested: rules.filter(({ AuthMethod }) => AuthMethod && methods.every(({ Name }) => Name !== AuthMethod)),
  };
}

async function openFolder(folder: string): Promise<Source> {
  const files = (await readdir(folder)).sort();
  const unknown = files.find((file) => !KNOWN_FILE.test(file));
  if (unknown !== undefined) {
    throw new BadFile(join(folder, unknown), `has an unknown name. Name it ${NAMES}, or move it to another folder.`);
  }
  return async (kind) => {
    const prefix = kind === 'policy' ? 'polic' : kind;
    const matching = files.filter((file) => file.startsWith(prefix) && file.endsWith('.json'));
    const written = kind === 'policy' ? files.filter((file) => file.endsWith('.hcl')) : [];
    const reading = [
      ...matching.map((file) => readItems(join(folder, file))),
      ...written.map((file) => readPolicy(join(folder, file))),
    ];
    return (await Promise.all(reading)).flat();
  };
}

async function openTerraform(file: string): Promise<Source> {
  const shown = await readJson(file).catch(() => undefined);
  try {
    const list = readShown(shown as Shown);
    return (kind) => Promise.resolve(list(`nomad_acl_${kind.replace('-', '_')}`).map((item) => ({ file, item })));
  } catch (error) {
    throw new BadFile(file, (error as Error).message);
  }
}

async function readItems(file: string): Promise<{ file: string; item: object }[]> {
  // Nomad prints an empty list as null.
  return [(await readJson(file)) ?? []].flat().map((item: unknown) => {
    if (typeof item !== 'object' || item === null) {
      throw new BadFile(file, 'must be an object or a list of objects.');
    }
    return { file, item };
  });
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new BadFile(file, `is not JSON. It begins: ${text.trim().slice(0, 60)}`);
  }
}

function check(item: Record<string, unknown>, kind: keyof typeof REQUIRED): string | undefined {
  const isConfig = kind === 'auth-method' && !('Config' in item) && !('Name' in item);
  const [keys, problem] = REQUIRED[kind];
  // Nomad prints an empty list as null.
  if (!isConfig && keys.some((key) => !item[key] && item[key] !== null)) {
    return problem;
  }
  return findUnknown(item, isConfig ? 'Config' : kind) ?? findUnknown(item['Config'] ?? {}, 'Config');
}

function findUnknown(item: object, kind: keyof typeof FIELDS): string | undefined {
  const known = FIELDS[kind].split(/\s+/);
  const unknown = Object.keys(item).find((name) => !known.includes(name));
  return unknown && `has the unknown key ${unknown}. The keys are: ${known.join(', ')}`;
}

// A file such as nomad-config/auth-method-adv.json contains the Config only: the other fields are flags of the nomad command.
function completeMethod({ file, ...item }: FromFile<Partial<AuthMethod>>, assumedName: string): FromFile<AuthMethod> {
  const method = item.Config ? item : { Config: item };
  return {
    Name: assumedName,
    Type: 'JWT',
    TokenLocality: 'global',
    MaxTokenTTL: '1h',
    ...(method as Pick<AuthMethod, 'Config'>),
    ...(file !== undefined && { file }),
  };
}

function choose<T extends AuthMethod>(path: string, methods: T[], name: string | undefined): T {
  const usable = methods.filter(({ Type }) => Type === 'JWT');
  const names = usable.map(({ Name }) => Name).join(', ') || 'none';
  const [method, another] = usable.filter(({ Name }) => Name === (name ?? Name));
  if (method === undefined || another !== undefined) {
    throw new Error(
      `${path} must have one auth method of type JWT, or one with the name in --method. It has: ${names}.`,
    );
  }
  return method;
}

async function readPolicy(file: string): Promise<{ file: string; item: Policy }[]> {
  const Name = basename(file).replace(/(\.policy)?\.hcl$/, '');
  return [{ file, item: { Name, Rules: await readFile(file, 'utf8') } }];
}

// A login does not depend on what a policy allows, so a list of policies without rules is enough.
function withRules({ Name = '', Rules = PLACEHOLDER_RULES }: Partial<Policy>): Policy {
  return { Name, Rules };
}

function assumePolicies(roles: Configuration['roles']): Policy[] {
  const linked = new Set(roles.flatMap((role) => role.Policies.map(({ Name }) => Name)));
  return [...linked].map((Name) => withRules({ Name }));
}
