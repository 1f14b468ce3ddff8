import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthMethod, BindingRule, Policy, Role } from '../nomad-rules/api.js';
import { BadFile, read } from './bad-file.js';
import { NO_PLAN, readShown, type Shown } from './terraform.js';

/** Something in a configuration, with the file that it comes from. */
export type FromFile<T> = T & { file?: string | undefined };

/** An auth method and the objects that affect its logins. */
export interface Configuration {
  method: FromFile<AuthMethod>;
  rules: FromFile<BindingRule>[];
  roles: FromFile<Omit<Role, 'ID'>>[];
  policies: Pick<Policy, 'Name'>[];
  /** Other auth methods of type JWT on the same cluster, which the same job could choose. */
  others?: Pick<Configuration, 'method' | 'rules'>[];
  /** The rules of auth methods that are not in the configuration. */
  untested?: FromFile<BindingRule>[];
}

/** The objects of a configuration. */
export type Kind = 'auth-method' | 'binding-rule' | 'role' | 'policy';

type Item = Record<string, unknown>;

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
const REQUIRED = {
  'auth-method': ['Config'],
  'binding-rule': ['BindType'],
  role: ['Name', 'Policies'],
  policy: ['Name'],
};
const FILES: [Kind, RegExp][] = [
  ['auth-method', /^auth-method.*\.json$/],
  ['binding-rule', /^binding-rule.*\.json$/],
  ['role', /^role.*\.json$/],
  ['policy', /^polic.*\.json$|\.hcl$/],
];
const FILE_NAMES = 'auth-method*.json, binding-rule*.json, role*.json, policy*.json or NAME.hcl';
const IGNORED = /^(?:expectations?.*\.(?:ya?ml|json)|.*\.md|\.(?!.*\.(?:json|hcl)$).*)$/;

/**
 * Reads a configuration from a folder of JSON as Nomad prints it, or shorter, or from the output of `terraform show -json`;
 * throws an error that names the file.
 */
export async function readConfiguration(path: string, methodName: string | undefined): Promise<Configuration> {
  const status = await stat(path).catch((error: unknown) => {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new Error(`${path} is neither github, github-adv, a folder nor a file (${code}).`);
  });
  const items = status.isDirectory() ? await readFolder(path) : await readTerraform(path);
  const list = <T>(kind: Kind): FromFile<T>[] =>
    items.filter((item) => item.kind === kind).map(({ file, item }) => ({ ...(check(item, kind, file) as T), file }));
  const rules = list<BindingRule>('binding-rule');
  const [assumedName = 'github'] = [methodName, ...rules.map((rule) => rule.AuthMethod)].filter(Boolean);
  const defaults = { Name: assumedName, Type: 'JWT', TokenLocality: 'global', MaxTokenTTL: '1h' };
  const methods = list<Pick<AuthMethod, 'Config'>>('auth-method').map((method) => ({ ...defaults, ...method }));
  const method = choose(path, methods, methodName);
  // Nomad prints an empty list as null.
  const roles = list<Role>('role').map((role) => ({
    ...role,
    Policies: (role.Policies as Role['Policies'] | null) ?? [],
  }));
  const links = new Set(roles.flatMap(({ Policies }) => Policies.map(({ Name }) => Name)));
  const policies = list<Policy>('policy');
  const listRules = ({ Name }: AuthMethod): FromFile<BindingRule>[] =>
    rules
      .map((rule) => ({ ...rule, AuthMethod: rule.AuthMethod || method.Name }))
      .filter(({ AuthMethod }) => AuthMethod === Name);
  return {
    method,
    rules: listRules(method),
    roles,
    policies: policies.length > 0 ? policies : [...links].map((Name) => ({ Name })),
    others: methods
      .filter((other) => other.Type === 'JWT' && other !== method)
      .map((other) => ({ method: other, rules: listRules(other) })),
    untested: rules.filter(({ AuthMethod }) => AuthMethod && methods.every(({ Name }) => Name !== AuthMethod)),
  };
}

async function readFolder(folder: string): Promise<{ kind: Kind; file: string; item: unknown }[]> {
  const names = (await readdir(folder)).filter((name) => !IGNORED.test(name)).sort();
  const reading = names.map(async (name) => {
    const file = join(folder, name);
    const [kind] = FILES.find(([, pattern]) => pattern.test(name)) ?? [];
    if (kind === undefined) {
      throw new BadFile(file, `has an unknown name. Name it ${FILE_NAMES}, or move it to another folder.`);
    }
    const text = await read(file);
    const content = name.endsWith('.hcl') ? { Name: name.replace(/(\.policy)?\.hcl$/, '') } : parseJson(text, file);
    // Nomad prints an empty list as null.
    return [content ?? []].flat().map((item: unknown) => ({ kind, file, item }));
  });
  return (await Promise.all(reading)).flat();
}

async function readTerraform(file: string): Promise<{ kind: Kind; file: string; item: unknown }[]> {
  const text = await read(file);
  try {
    return readShown(JSON.parse(text) as Shown).map(({ type, item }) => {
      return { kind: type.replace('nomad_acl_', '').replace('_', '-') as Kind, file, item };
    });
  } catch (error) {
    throw new BadFile(file, error instanceof SyntaxError ? NO_PLAN : (error as Error).message);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadFile(file, `is not JSON. It begins: ${text.trim().slice(0, 60)}`);
  }
}

function check(item: unknown, kind: Kind, file: string): Item {
  if (typeof item !== 'object' || item === null) {
    throw new BadFile(file, 'must be an object or a list of objects.');
  }
  // A file such as nomad-config/auth-method-adv.json contains the Config only: the other fields are flags of the nomad command.
  const isConfig = kind === 'auth-method' && !('Config' in item) && !('Name' in item);
  const object: Item = isConfig ? { Config: item } : { ...item };
  // Nomad prints an empty list as null.
  const missing = REQUIRED[kind].find((key) => (key === 'Policies' ? object[key] === undefined : !object[key]));
  if (missing !== undefined) {
    throw new BadFile(file, `has no ${missing}. nomad-config/save.sh saves a complete configuration.`);
  }
  checkFields(object, kind, file);
  checkFields(object['Config'] ?? {}, 'Config', file);
  return object;
}

function checkFields(object: object, kind: keyof typeof FIELDS, file: string): void {
  const known = FIELDS[kind].split(/\s+/);
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new BadFile(file, `has the unknown key ${unknown}. The keys are: ${known.join(', ')}.`);
  }
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
