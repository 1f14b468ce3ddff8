import { randomUUID } from 'node:crypto';
import type { AuthMethod, BindingRule, Token } from '../nomad-api.js';
import { mapClaims } from './attributes.js';
import { formatDuration, parseDuration } from './duration.js';
import { Refusal } from './refusal.js';
import { findSyntaxError, matches, type Attributes } from './selector.js';
import { verify } from './verify.js';

type Role = NonNullable<Token['Roles']>[number];

const NAME = /^[a-zA-Z0-9-]{1,128}$/;

/** The ACL state of one Nomad cluster, and what it does with a JWT. */
export class Cluster {
  readonly #methods = new Map<string, AuthMethod>();
  readonly #rules: BindingRule[] = [];
  readonly #policies = new Set<string>();
  readonly #roles = new Map<string, Role>();
  readonly #tokens = new Map<string, Token>();

  bootstrap(): Token {
    if (this.#tokens.size > 0) {
      throw new Refusal(400, 'ACL bootstrap already done (reset index: 1)');
    }
    return this.#issue({ Name: 'Bootstrap Token', Type: 'management', Global: true });
  }

  putMethod(method: AuthMethod): AuthMethod {
    if (!NAME.test(method.Name)) {
      throw new Refusal(400, `auth method invalid: invalid name '${method.Name}'`);
    }
    this.#methods.set(method.Name, method);
    return method;
  }

  listMethods(): {
    Name: string;
    Type: string;
    Default: boolean;
    Hash: string;
    CreateIndex: number;
    ModifyIndex: number;
  }[] {
    return [...this.#methods.values()].map(({ Name, Type }) => ({
      Name,
      Type,
      Default: false,
      Hash: 'hash',
      CreateIndex: 1,
      ModifyIndex: 1,
    }));
  }

  putRule(rule: BindingRule): BindingRule & { ID: string } {
    const problem = rule.Selector ? findSyntaxError(rule.Selector) : undefined;
    if (problem !== undefined) {
      throw new Refusal(400, `binding rule 0 invalid: 1 error occurred:\n\t* selector is invalid: ${problem}`);
    }
    this.#rules.push(rule);
    return { ID: randomUUID(), ...rule };
  }

  putPolicy(name: string): void {
    this.#policies.add(name);
  }

  putRole(name: string): Role {
    if (!NAME.test(name)) {
      throw new Refusal(400, `role invalid: invalid name '${name}'`);
    }
    const role = { ID: randomUUID(), Name: name };
    this.#roles.set(name, role);
    return role;
  }

  findToken(secretId: string | undefined): Token | undefined {
    const token = this.#tokens.get(secretId ?? '');
    return token?.ExpirationTime !== undefined && new Date(token.ExpirationTime) < new Date() ? undefined : token;
  }

  deleteToken(accessorId: string): void {
    const token = [...this.#tokens.values()].find(({ AccessorID }) => AccessorID === accessorId);
    this.#tokens.delete(token?.SecretID ?? '');
  }

  /** Trades a JWT for a token, with the refusals of a real Nomad: https://developer.hashicorp.com/nomad/api-docs/acl/login */
  async login(methodName = '', jwt = ''): Promise<Token> {
    const missing = [methodName === '' && 'missing auth method name', jwt === '' && 'missing login token'].filter(
      Boolean,
    );
    if (missing.length > 0) {
      const count = missing.length === 1 ? '1 error' : `${String(missing.length)} errors`;
      throw new Refusal(
        400,
        `invalid login request: ${count} occurred:\n${missing.map((text) => `\t* ${String(text)}\n`).join('')}\n`,
      );
    }
    const method = this.#methods.get(methodName);
    if (method === undefined) {
      throw new Refusal(400, `auth-method "${methodName}" not found`);
    }
    if (method.Type !== 'JWT') {
      throw new Refusal(400, `unsupported auth-method type: ${method.Type}`);
    }
    const attributes = mapClaims(await verify(jwt, method.Config), method.Config);
    return this.#issue({
      ...this.#bind(method, attributes),
      Name: `JWT-${methodName}`,
      Global: method.TokenLocality === 'global',
      ttl: parseDuration(method.MaxTokenTTL),
    });
  }

  #bind({ Name, Config }: AuthMethod, attributes: Attributes): Pick<Token, 'Type' | 'Policies' | 'Roles'> {
    const matching = this.#rules.filter(
      ({ AuthMethod, Selector = '' }) => AuthMethod === Name && matches(Selector, attributes),
    );
    const names = (type: string): string[] =>
      matching
        .filter(({ BindType }) => BindType === type)
        .map((rule) => computeBindName(rule, attributes, Object.values(Config.ClaimMappings ?? {})));
    const policies = names('policy').filter((name) => this.#policies.has(name));
    const roles = [...new Set(names('role'))].flatMap((name) => this.#roles.get(name) ?? []);
    if (matching.some(({ BindType }) => BindType === 'management')) {
      return { Type: 'management', Policies: null, Roles: null };
    }
    if (policies.length === 0 && roles.length === 0) {
      throw new Refusal(400, 'no role or policy bindings matched');
    }
    return { Type: 'client', Policies: policies.length > 0 ? policies : null, Roles: roles.length > 0 ? roles : null };
  }

  #issue({ ttl, ...given }: Partial<Token> & Pick<Token, 'Type' | 'Name'> & { ttl?: number }): Token {
    const now = new Date();
    const token: Token = {
      AccessorID: randomUUID(),
      SecretID: randomUUID(),
      Policies: null,
      Roles: null,
      Global: true,
      Hash: 'hash',
      CreateTime: now.toISOString(),
      CreateIndex: 1,
      ModifyIndex: 1,
      ...given,
      ...(ttl !== undefined && {
        ExpirationTime: new Date(now.getTime() + ttl * 1000).toISOString(),
        ExpirationTTL: formatDuration(ttl),
      }),
    };
    this.#tokens.set(token.SecretID, token);
    return token;
  }
}

// A mapped claim that the JWT lacks is empty here. A list is as unknown as a name that nothing is mapped to.
function computeBindName({ BindType, BindName = '' }: BindingRule, { value }: Attributes, mapped: string[]): string {
  const name = BindName.replace(/(?<!\$)\$\{\s*([^}]*?)\s*\}/g, (_, variable: string, offset: number) => {
    const attribute = /^value\.(.*)$/.exec(variable)?.[1] ?? '';
    if (!mapped.includes(attribute)) {
      throw new Refusal(
        500,
        `cannot compute "${BindType}" bind name for bind target: 1:${String(offset + 3)}: unknown variable accessed: ${variable}`,
      );
    }
    return value[attribute]?.toLowerCase() ?? '';
  });
  if (!NAME.test(name)) {
    throw new Refusal(500, `computed "${BindType}" bind name for bind target is invalid: "${name}"`);
  }
  return name;
}
