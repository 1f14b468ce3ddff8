import type { AuthMethod, BindingRule, Role, Token } from '../../nomad-rules/api.js';
import { NAME, type AclState } from './acl-state.js';
import { mapClaims } from '../../nomad-rules/attributes.js';
import { refuse, Refusal, Unknown } from '../../nomad-rules/errors.js';
import { interpolate, parseDuration } from '../../nomad-rules/formats.js';
import { matches, type Attributes } from '../../nomad-rules/selector.js';
import { object, text } from './schema.js';
import { verify } from './verify.js';

const MAX_NAME_LENGTH = 256;
const DEFAULT_NAME_FORMAT = '${auth_method_type}-${auth_method_name}';

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
    Name: nameToken(method, attributes),
    Global: method.TokenLocality === 'global',
    ttl: parseDuration(method.MaxTokenTTL),
  });
}

function bind(
  state: AclState,
  { Name, Config }: AuthMethod,
  attributes: Attributes,
): Pick<Token, 'Type' | 'Policies' | 'Roles'> {
  const mapped = Object.values(Config.ClaimMappings ?? {});
  const policies: string[] = [];
  const roles = new Map<string, Pick<Role, 'ID' | 'Name'>>();
  for (const rule of state.listRules(Name).filter(({ Selector = '' }) => matches(Selector, attributes))) {
    // Nomad stops at the first management rule, and at the first name that is invalid.
    if (rule.BindType === 'management') {
      return { Type: 'management', Policies: null, Roles: null };
    }
    const name = computeBindName(rule, attributes, mapped);
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

// In a bind name, a mapped claim that the JWT lacks is empty. A list is unknown, like an unmapped name.
function computeBindName({ BindType, BindName = '' }: BindingRule, { value }: Attributes, mapped: string[]): string {
  const variables = mapped.map((name) => [`value.${name}`, value[name]?.toLowerCase() ?? ''] as const);
  const name = fill(BindName, new Map(variables), `cannot compute "${BindType}" bind name for bind target`);
  if (/[^\0-\x7f]/.test(name)) {
    throw new Unknown(`the lower case of the bind name ${name}`);
  }
  if (!NAME.test(name)) {
    throw new Refusal(500, `computed "${BindType}" bind name for bind target is invalid: ${JSON.stringify(name)}`);
  }
  return name;
}

// In a token name, a mapped claim that the JWT lacks is unknown, like an unmapped name.
function nameToken({ Name, Type, TokenNameFormat }: AuthMethod, { value }: Attributes): string {
  const variables = new Map([
    ['auth_method_type', Type],
    ['auth_method_name', Name],
    ...Object.entries(value).map(([name, text]) => [`value.${name}`, text] as const),
  ]);
  const name = fill(TokenNameFormat || DEFAULT_NAME_FORMAT, variables, 'failed to generate ACL token name');
  refuse('token 0 invalid', [Buffer.byteLength(name) > MAX_NAME_LENGTH && 'token name too long']);
  return name;
}

function fill(format: string, variables: Map<string, string>, problem: string): string {
  try {
    return interpolate(format, variables);
  } catch (error) {
    throw error instanceof Unknown ? error : new Refusal(500, `${problem}: ${(error as Error).message}`);
  }
}
