import type { AuthMethod, Role, Token } from '../../nomad-rules/api.js';
import type { AclState } from './acl-state.js';
import { mapClaims } from '../../nomad-rules/attributes.js';
import { refuse, Refusal } from '../../nomad-rules/errors.js';
import { parseDuration } from '../../nomad-rules/formats.js';
import { computeBindName, computeTokenName } from '../../nomad-rules/names.js';
import { matches, type Attributes } from '../../nomad-rules/selector.js';
import { object, text } from './schema.js';
import { verify } from './verify.js';

const readLogin = object({ AuthMethodName: text, LoginToken: text });

/** Exchanges a JWT for a token, with the refusals of a real Nomad: https://developer.hashicorp.com/nomad/api-docs/acl/login */
export async function login(state: AclState, body: unknown): Promise<Token> {
  const { AuthMethodName, LoginToken } = readLogin(body, 'login');
  refuse('invalid login request', [
    AuthMethodName === '' && 'missing auth method name',
    LoginToken === '' && 'missing login token',
  ]);
  const method = state.findMethod(AuthMethodName);
  if (method === undefined) {
    throw new Refusal(400, `auth-method ${JSON.stringify(AuthMethodName)} not found`);
  }
  if (method.Type !== 'JWT') {
    throw new Refusal(400, `unsupported auth-method type: ${method.Type}`);
  }
  const attributes = mapClaims(await verify(LoginToken, method.Config), method.Config);
  return state.createToken({
    ...bind(state, method, attributes),
    Name: computeTokenName(method, attributes),
    Global: method.TokenLocality === 'global',
    ttl: parseDuration(method.MaxTokenTTL),
  });
}

function bind(state: AclState, method: AuthMethod, attributes: Attributes): Pick<Token, 'Type' | 'Policies' | 'Roles'> {
  const policies: string[] = [];
  const roles = new Map<string, Pick<Role, 'ID' | 'Name'>>();
  for (const rule of state.listRules(method.Name).filter(({ Selector = '' }) => matches(Selector, attributes))) {
    // Nomad stops at the first management rule, and at the first name that is invalid.
    if (rule.BindType === 'management') {
      return { Type: 'management', Policies: null, Roles: null };
    }
    const name = computeBindName(rule, attributes, method);
    if (rule.BindType === 'policy' && state.hasPolicy(name)) {
      policies.push(name);
    }
    const role = rule.BindType === 'role' ? state.findRole(name) : undefined;
    if (role !== undefined) {
      roles.set(role.ID, { ID: role.ID, Name: role.Name });
    }
  }
  if (policies.length === 0 && roles.size === 0) {
    throw new Refusal(400, 'no role or policy bindings matched');
  }
  return { Type: 'client', Policies: policies, Roles: roles.size > 0 ? [...roles.values()] : null };
}
