import type { AuthMethod, BindingRule, Policy, Role } from '../nomad-api.js';
import type { AclState } from './acl-state.js';
import { login } from './login.js';
import { Refusal } from './refusal.js';

/** A request, as far as its route depends on it. */
export interface Call {
  /** PUT for POST as well, which Nomad treats alike. */
  method: string;
  path: string;
  body: string;
  secretId: string | undefined;
}

/** Answers a request to the API with what becomes the JSON of the response; throws a refusal. */
export async function route(state: AclState, call: Call): Promise<unknown> {
  const { method, path, body, secretId } = call;
  switch (path) {
    case '/v1/acl/login': {
      expectMethod(call, 'PUT');
      const { AuthMethodName, LoginToken } = parse(body) as Record<string, string>;
      return login(state, AuthMethodName, LoginToken);
    }
    case '/v1/acl/bootstrap':
      return state.bootstrap();
    case '/v1/acl/auth-methods':
      expectMethod(call, 'GET');
      return state.listMethods();
  }
  const token = state.findToken(secretId);
  if (token === undefined && secretId) {
    throw new Refusal(403, 'Permission denied');
  }
  if (path === '/v1/acl/policies') {
    expectMethod(call, 'GET');
    return state.listPolicies(token);
  }
  const [, kind, name = ''] = /^\/v1\/acl\/(auth-method|binding-rule|policy|role|token)(?:\/(.+))?$/.exec(path) ?? [];
  if (kind === undefined) {
    throw new Refusal(404, '');
  }
  if (token !== undefined && `${method} ${path}` === 'GET /v1/acl/token/self') {
    return token;
  }
  if (token?.Type !== 'management') {
    throw new Refusal(403, 'Permission denied');
  }
  return administer(state, `${method} ${kind}`, name, body);
}

// What takes a management token.
function administer(state: AclState, operation: string, name: string, body: string): unknown {
  switch (operation) {
    case 'PUT auth-method':
      return state.putMethod(parse(body) as AuthMethod);
    case 'PUT binding-rule':
      return state.putRule(parse(body) as BindingRule);
    case 'PUT policy':
      state.putPolicy(parse(body) as Policy);
      return undefined;
    case 'DELETE policy':
      state.deletePolicy(name);
      return undefined;
    case 'PUT role':
      return state.putRole({ ...(parse(body) as Role), ...(name && { ID: name }) });
    case 'GET role':
      return findRole(state, name.replace(/^name\//, ''));
    case 'DELETE token':
      state.deleteToken(name);
      return undefined;
    default:
      throw new Refusal(405, 'Invalid method');
  }
}

function findRole(state: AclState, name: string): Role {
  const role = state.findRole(name);
  if (role === undefined) {
    throw new Refusal(404, 'ACL role not found');
  }
  return role;
}

function expectMethod(call: Call, method: string): void {
  if (call.method !== method) {
    throw new Refusal(405, 'Invalid method');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, describeSyntaxError(text));
  }
}

// The words of Go's JSON decoder for a body whose first characters are wrong.
function describeSyntaxError(text: string): string {
  if (text === '') {
    return 'EOF';
  }
  const literal = ['null', 'true', 'false'].find((word) => word.startsWith(text.charAt(0)));
  const index = text.split('').findIndex((character, at) => character !== literal?.[at]);
  const character = text.charAt(index);
  return literal === undefined
    ? `invalid character '${character}' looking for beginning of value`
    : `invalid character '${character}' in literal ${literal} (expecting '${literal.charAt(index)}')`;
}
