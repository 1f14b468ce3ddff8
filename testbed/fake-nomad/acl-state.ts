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
import { refuse, Refusal, Unknown } from '../../nomad-rules/errors.js';
import { formatDuration, parseDuration } from '../../nomad-rules/formats.js';
import { NAME } from '../../nomad-rules/names.js';
import { parseSelector } from '../../nomad-rules/selector.js';
import { checkPolicyRules } from './policy-rules.js';
import { duration, flag, listOf, mapping, object, text, texts, unknown } from './schema.js';

// Those of the server that testbed/nomad/agent.ts starts.
const [MIN_TTL_S, MAX_TTL_S] = [1, 8760 * 3600];
const INDEXES = { Hash: 'hash', CreateIndex: 1, ModifyIndex: 1 };
const MAX_DESCRIPTION = 256;

const readConfig = object({
  JWTValidationPubKeys: texts,
  JWKSURL: text,
  OIDCDiscoveryURL: text,
  OIDCClientID: text,
  OIDCClientSecret: text,
  OIDCClientAssertion: unknown,
  OIDCEnablePKCE: flag,
  OIDCDisableUserInfo: flag,
  OIDCScopes: texts,
  BoundAudiences: texts,
  BoundIssuer: texts,
  AllowedRedirectURIs: texts,
  DiscoveryCaPem: texts,
  JWKSCACert: text,
  SigningAlgs: texts,
  ExpirationLeeway: duration,
  NotBeforeLeeway: duration,
  ClockSkewLeeway: duration,
  ClaimMappings: mapping,
  ListClaimMappings: mapping,
  VerboseLogging: flag,
});
const readMethod = object({
  Name: text,
  Type: text,
  TokenLocality: text,
  TokenNameFormat: text,
  MaxTokenTTL: duration,
  Default: flag,
  Config: readConfig,
});
const readRule = object({
  ID: text,
  Description: text,
  AuthMethod: text,
  Selector: text,
  BindType: text,
  BindName: text,
});
const readPolicy = object({ Name: text, Description: text, Rules: text, JobACL: unknown });
const readRole = object({ ID: text, Name: text, Description: text, Policies: listOf(object({ Name: text })) });

/** The auth methods, binding rules, policies, roles and tokens of one Nomad cluster, in memory. */
export class AclState {
  readonly #methods = new Map<string, AuthMethod>();
  readonly #rules = new Map<string, BindingRule>();
  readonly #policies = new Map<string, Policy>();
  readonly #roles = new Map<string, Role>();
  readonly #tokens = new Map<string, Token>();

  bootstrap(): Token {
    if (this.#tokens.size > 0) {
      throw new Refusal(400, 'ACL bootstrap already done (reset index: 1)');
    }
    return this.createToken({ Name: 'Bootstrap Token', Type: 'management', Global: true });
  }

  putMethod(body: unknown): AuthMethod {
    const method = readMethod(body, 'auth method');
    const { Name, Type, TokenLocality, MaxTokenTTL, Default, Config } = method;
    if (Default || this.#methods.has(Name)) {
      throw new Unknown('default auth methods, and what remains of an auth method that is replaced');
    }
    const ttl = readDuration(MaxTokenTTL);
    [Config.ExpirationLeeway, Config.NotBeforeLeeway, Config.ClockSkewLeeway].forEach((leeway) =>
      readDuration(leeway || 0),
    );
    const limits = `(should be between ${formatDuration(MIN_TTL_S)} and ${formatDuration(MAX_TTL_S)})`;
    const hasKeys = Config.JWTValidationPubKeys.length > 0 || Config.JWKSURL !== '' || Config.OIDCDiscoveryURL !== '';
    refuse('auth method 0 invalid', [
      !NAME.test(Name) && `invalid name '${Name}'`,
      !['local', 'global'].includes(TokenLocality) && `invalid token locality '${TokenLocality}'`,
      !['OIDC', 'JWT'].includes(Type) && `invalid token type '${Type}'`,
      Type === 'OIDC' && Config.OIDCDiscoveryURL === '' && 'invalid config: missing OIDCDiscoveryURL',
      Type === 'OIDC' && Config.OIDCClientID === '' && 'invalid config: missing OIDCClientID',
      Type === 'JWT' &&
        !hasKeys &&
        'invalid config: JWT auth method requires either OIDCDiscoveryURL, or JWKS URL, or JWTValidationPubKeys set',
      (ttl < MIN_TTL_S || ttl > MAX_TTL_S) && `invalid MaxTokenTTL value '${formatDuration(ttl)}' ${limits}`,
    ]);
    this.#methods.set(Name, method);
    return method;
  }

  findMethod(name: string): AuthMethod | undefined {
    return this.#methods.get(name);
  }

  listMethods(): AuthMethodStub[] {
    return [...this.#methods.values()].map(({ Name, Type }) => ({ Name, Type, Default: false, ...INDEXES }));
  }

  putRule(body: unknown): BindingRule & { ID: string } {
    const rule = readRule(body, 'binding rule');
    const { AuthMethod, Description, BindType, BindName, Selector } = rule;
    if (rule.ID !== '') {
      throw new Unknown('changes of a binding rule');
    }
    const isNamed = BindType === 'role' || BindType === 'policy';
    refuse('binding rule 0 invalid', [
      AuthMethod === '' && 'auth method is missing',
      Buffer.byteLength(Description) > MAX_DESCRIPTION && `description longer than ${String(MAX_DESCRIPTION)}`,
      BindType === '' && 'bind type is missing',
      !['', 'management', 'policy', 'role'].includes(BindType) && `unsupported bind type: ${JSON.stringify(BindType)}`,
      isNamed && BindName === '' && 'bind name is missing',
      BindType === 'management' && BindName !== '' && 'bind name should be empty',
    ]);
    if (Selector !== '') {
      parseSelector(Selector);
    }
    if (!this.#methods.has(AuthMethod)) {
      throw new Refusal(400, `ACL auth method ${AuthMethod} not found`);
    }
    const ID = randomUUID();
    this.#rules.set(ID, rule);
    return { ...rule, ID };
  }

  /** Lists the rules of a method in the order in which Nomad applies them, which is that of their random IDs. */
  listRules(methodName: string): BindingRule[] {
    return [...this.#rules]
      .filter(([, { AuthMethod }]) => AuthMethod === methodName)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, rule]) => rule);
  }

  putPolicy(body: unknown, name: string): void {
    const policy = readPolicy(body, 'policy');
    if (policy.Name !== name) {
      throw new Refusal(400, 'ACL policy name does not match request path');
    }
    refuse('policy 0 invalid', [
      !NAME.test(name) && `invalid name '${name}'`,
      Buffer.byteLength(policy.Description) > MAX_DESCRIPTION && `description longer than ${String(MAX_DESCRIPTION)}`,
    ]);
    checkPolicyRules(policy.Rules);
    this.#policies.set(name, policy);
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

  putRole(body: unknown, id: string): Role {
    const { ID, Name, Description, Policies } = readRole(body, 'role');
    if (id !== '' && ID !== id) {
      throw new Refusal(400, 'ACL role ID does not match request path');
    }
    refuse('role 0 invalid', [
      !NAME.test(Name) && `invalid name '${Name}'`,
      Buffer.byteLength(Description) > MAX_DESCRIPTION && `description longer than ${String(MAX_DESCRIPTION)}`,
      Policies.length === 0 && 'at least one policy should be specified',
    ]);
    const known = this.#roles.get(Name);
    if (ID === '' && known !== undefined) {
      throw new Refusal(400, `role with name ${Name} already exists`);
    }
    if (ID !== '' && known?.ID !== ID) {
      throw new Unknown('changes of the name of a role');
    }
    const missing = Policies.find((policy) => !this.#policies.has(policy.Name));
    if (missing !== undefined) {
      throw new Refusal(400, `cannot find policy ${missing.Name}`);
    }
    const role = { ID: ID || randomUUID(), Name, Policies };
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
    throw error instanceof Unknown ? error : new Refusal(400, (error as Error).message);
  }
}

function listLinks({ Policies }: Role): string[] {
  return Policies.map(({ Name }) => Name);
}
