import { randomUUID } from 'node:crypto';
import type {
  AuthMethod,
  AuthMethodStub,
  BindingRule,
  Policy,
  PolicyStub,
  Role,
  Token,
} from '../../nomad-rules/api.js';
import { refuse, Refusal } from '../../nomad-rules/errors.js';
import { formatDuration, parseDuration } from '../../nomad-rules/formats.js';
import { parseSelector } from '../../nomad-rules/selector.js';

/** A valid name of an auth method, a role or a policy. */
export const NAME = /^[a-zA-Z0-9-]{1,128}$/;

// Those of the server that testbed/nomad-agent.ts starts.
const [MIN_TTL_S, MAX_TTL_S] = [1, 8760 * 3600];
const INDEXES = { Hash: 'hash', CreateIndex: 1, ModifyIndex: 1 };

/** The auth methods, binding rules, policies, roles and tokens of one Nomad cluster, in memory. */
export class AclState {
  readonly #methods = new Map<string, AuthMethod>();
  readonly #rules: BindingRule[] = [];
  readonly #policies = new Map<string, Policy>();
  readonly #roles = new Map<string, Role>();
  readonly #tokens = new Map<string, Token>();

  bootstrap(): Token {
    if (this.#tokens.size > 0) {
      throw new Refusal(400, 'ACL bootstrap already done (reset index: 1)');
    }
    return this.createToken({ Name: 'Bootstrap Token', Type: 'management', Global: true });
  }

  putMethod(method: AuthMethod): AuthMethod {
    const ttl = readDuration(method.MaxTokenTTL);
    const { ExpirationLeeway, NotBeforeLeeway, ClockSkewLeeway } = method.Config;
    [ExpirationLeeway, NotBeforeLeeway, ClockSkewLeeway].forEach((leeway) => readDuration(leeway || 0));
    const limits = `(should be between ${formatDuration(MIN_TTL_S)} and ${formatDuration(MAX_TTL_S)})`;
    refuse('auth method invalid', [
      !NAME.test(method.Name) && `invalid name '${method.Name}'`,
      (ttl < MIN_TTL_S || ttl > MAX_TTL_S) && `invalid MaxTokenTTL value '${formatDuration(ttl)}' ${limits}`,
    ]);
    this.#methods.set(method.Name, method);
    return method;
  }

  findMethod(name: string): AuthMethod | undefined {
    return this.#methods.get(name);
  }

  listMethods(): AuthMethodStub[] {
    return [...this.#methods.values()].map(({ Name, Type }) => ({ Name, Type, Default: false, ...INDEXES }));
  }

  putRule(rule: BindingRule): BindingRule & { ID: string } {
    const { BindType, BindName, Selector } = rule;
    const isNamed = BindType === 'role' || BindType === 'policy';
    refuse('binding rule 0 invalid', [
      BindType === '' && 'bind type is missing',
      !['', 'management', 'policy', 'role'].includes(BindType) && `unsupported bind type: "${BindType}"`,
      isNamed && !BindName && 'bind name is missing',
      BindType === 'management' && Boolean(BindName) && 'bind name should be empty',
    ]);
    if (Selector) {
      parseSelector(Selector);
    }
    this.#rules.push(rule);
    return { ID: randomUUID(), ...rule };
  }

  listRules(methodName: string): BindingRule[] {
    return this.#rules.filter(({ AuthMethod }) => AuthMethod === methodName);
  }

  putPolicy(policy: Policy): void {
    this.#policies.set(policy.Name, policy);
  }

  deletePolicy(name: string): void {
    this.#policies.delete(name);
  }

  hasPolicy(name: string): boolean {
    return this.#policies.has(name);
  }

  /** Lists the policies that a token may read: all with a management token, otherwise its own and those of its roles. */
  listPolicies(token: Token | undefined): PolicyStub[] {
    const roles = (token?.Roles ?? []).flatMap(({ Name }) => this.#roles.get(Name) ?? []);
    const own = new Set([...(token?.Policies ?? []), ...roles.flatMap(listLinks)]);
    return [...this.#policies.values()]
      .filter(({ Name }) => token?.Type === 'management' || own.has(Name))
      .sort((a, b) => (a.Name < b.Name ? -1 : 1))
      .map(({ Name, Description = '' }) => ({ Name, Description, JobACL: null, ...INDEXES }));
  }

  putRole({ ID, Name, Policies }: Omit<Role, 'ID'> & { ID?: string }): Role {
    refuse('role 0 invalid', [
      !NAME.test(Name) && `invalid name '${Name}'`,
      Policies.length === 0 && 'at least one policy should be specified',
    ]);
    const missing = Policies.find((policy) => !this.#policies.has(policy.Name));
    if (missing !== undefined) {
      throw new Refusal(400, `cannot find policy ${missing.Name}`);
    }
    const known = this.#roles.get(Name);
    if (known !== undefined && known.ID !== ID) {
      throw new Refusal(400, `role with name ${Name} already exists`);
    }
    const role = { ID: ID ?? randomUUID(), Name, Policies };
    this.#roles.set(Name, role);
    return role;
  }

  /** Returns a role without its links to policies that have been deleted. */
  findRole(name: string): Role | undefined {
    const role = this.#roles.get(name);
    return role && { ...role, Policies: role.Policies.filter((link) => this.#policies.has(link.Name)) };
  }

  createToken({ ttl, ...fields }: Partial<Token> & Pick<Token, 'Type' | 'Name'> & { ttl?: number }): Token {
    const now = new Date();
    const token: Token = {
      AccessorID: randomUUID(),
      SecretID: randomUUID(),
      Policies: null,
      Roles: null,
      Global: true,
      CreateTime: now.toISOString(),
      ...INDEXES,
      ...fields,
      ...(ttl !== undefined && {
        ExpirationTime: new Date(now.getTime() + ttl * 1000).toISOString(),
        ExpirationTTL: formatDuration(ttl),
      }),
    };
    this.#tokens.set(token.SecretID, token);
    return token;
  }

  findToken(secretId: string | undefined): Token | undefined {
    const token = this.#tokens.get(secretId ?? '');
    return token?.ExpirationTime && new Date(token.ExpirationTime) < new Date() ? undefined : token;
  }

  deleteToken(accessorId: string): void {
    const token = [...this.#tokens.values()].find(({ AccessorID }) => AccessorID === accessorId);
    this.#tokens.delete(token?.SecretID ?? '');
  }
}

function readDuration(value: string | number): number {
  try {
    return parseDuration(value);
  } catch (error) {
    throw new Refusal(400, (error as Error).message);
  }
}

function listLinks({ Policies }: Role): string[] {
  return Policies.map(({ Name }) => Name);
}
