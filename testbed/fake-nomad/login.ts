import type { AuthMethod, BindingRule, Token } from '../../nomad-rules/api.js';
import { NAME, type AclState } from './acl-state.js';
import { mapClaims } from '../../nomad-rules/attributes.js';
import { refuse, Refusal } from '../../nomad-rules/errors.js';
import { interpolate, parseDuration } from '../../nomad-rules/formats.js';
import { matches, type Attributes } from '../../nomad-rules/selector.js';
import { verify } from './verify.js';

const MAX_NAME_LENGTH = 256;
const DEFAULT_NAME_FORMAT = '${auth_method_type}-${auth_method_name}';

/** Exchanges a JWT for a token, with the refusals of a real Nomad: https://developer.hashicorp.com/nomad/api-docs/acl/login */
export async function login(state: AclState, methodName = '', jwt = ''): Promise<Token> {
  refuse('invalid login request', [
    methodName === '' && 'missing auth method name',
    jwt === '' && 'missing login token',
  ]);
  const method = state.findMethod(methodName);
  if (method === undefined) {
    throw new Refusal(400, `auth-method "${methodName}" not found`);
  }
  if (method.Type !== 'JWT') {
    throw new Refusal(400, `unsupported auth-method type: ${method.Type}`);
  }
  const attributes = mapClaims(await verify(jwt, method.Config), method.Config);
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
  const matching = state.listRules(Name).filter(({ Selector = '' }) => matches(Selector, attributes));
  const names = (type: string): string[] =>
    matching
      .filter(({ BindType }) => BindType === type)
      .map((rule) => computeBindName(rule, attributes, Object.values(Config.ClaimMappings ?? {})));
  const policies = names('policy').filter((name) => state.hasPolicy(name));
  const roles = [...new Set(names('role'))].flatMap((name) => state.findRole(name) ?? []);
  if (matching.some(({ BindType }) => BindType === 'management')) {
    return { Type: 'management', Policies: null, Roles: null };
  }
  if (policies.length === 0 && roles.length === 0) {
    throw new Refusal(400, 'no role or policy bindings matched');
  }
  return {
    Type: 'client',
    Policies: policies,
    Roles: roles.length > 0 ? roles.map((role) => ({ ID: role.ID, Name: role.Name })) : null,
  };
}

// In a bind name, a mapped claim that the JWT lacks is empty. A list is unknown, like an unmapped name.
function computeBindName({ BindType, BindName = '' }: BindingRule, { value }: Attributes, mapped: string[]): string {
  const variables = mapped.map((name) => [`value.${name}`, value[name]?.toLowerCase() ?? ''] as const);
  const name = fill(BindName, new Map(variables), `cannot compute "${BindType}" bind name for bind target`);
  if (!NAME.test(name)) {
    throw new Refusal(500, `computed "${BindType}" bind name for bind target is invalid: "${name}"`);
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
  refuse('token 0 invalid', [name.length > MAX_NAME_LENGTH && 'token name too long']);
  return name;
}

function fill(format: string, variables: Map<string, string>, problem: string): string {
  try {
    return interpolate(format, variables);
  } catch (error) {
    throw new Refusal(500, `${problem}: ${(error as Error).message}`);
  }
}
