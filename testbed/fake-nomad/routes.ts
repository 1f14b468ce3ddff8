import type { Role, Token } from '../../nomad-rules/api.js';
import type { AclState } from './acl-state.js';
import { login } from './login.js';
import { Refusal, Unknown } from '../../nomad-rules/errors.js';

/** The parts of a request that determine its route. */
export interface Call {
  /** PUT also means POST, because Nomad treats both the same. */
  method: string;
  path: string;
  body: string;
  secretId: string | undefined;
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const ANONYMOUS: Token = {
  AccessorID: 'anonymous',
  SecretID: '',
  Name: 'Anonymous Token',
  Type: 'client',
  Policies: ['anonymous'],
  Roles: null,
  Global: false,
  Hash: null,
  CreateTime: '0001-01-01T00:00:00Z',
  ExpirationTime: null,
  ExpirationTTL: '',
  CreateIndex: 0,
  ModifyIndex: 0,
};

/** Returns the response body of an API request; throws a refusal. */
export async function route(state: AclState, call: Call): Promise<unknown> {
  const { method, path, body, secretId } = call;
  switch (path) {
    case '/v1/acl/login': {
      expectMethod(call, 'PUT');
      return login(state, parse(body));
    }
    case '/v1/acl/bootstrap':
      return state.bootstrap();
    case '/v1/acl/auth-methods':
      expectMethod(call, 'GET');
      return state.listMethods();
  }
  const [, kind, name = ''] =
    /^\/v1\/acl\/(auth-method|binding-rule|policies|policy|role|token)(?:\/(.+))?$/.exec(path) ?? [];
  if (kind === undefined) {
    throw new Refusal(404, '');
  }
  if (`${method} ${path}` === 'GET /v1/acl/token/self') {
    return findSelf(state, secretId);
  }
  const token = state.findToken(secretId);
  if (kind === 'policies' && (token !== undefined || !secretId)) {
    expectMethod(call, 'GET');
    return state.listPolicies(token);
  }
  if (token?.Type !== 'management') {
    throw new Refusal(403, 'Permission denied');
  }
  return administer(state, `${method} ${kind}`, name, body);
}

function findSelf(state: AclState, secretId: string | undefined): Token {
  if (!secretId) {
    return ANONYMOUS;
  }
  if (!UUID.test(secretId)) {
    throw new Refusal(500, 'failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts');
  }
  const token = state.findToken(secretId);
  if (token === undefined) {
    throw new Refusal(403, 'Permission denied');
  }
  return token;
}

// The operations that need a management token.
function administer(state: AclState, operation: string, name: string, body: string): unknown {
  switch (operation) {
    case 'PUT auth-method':
      return state.putMethod(parse(body));
    case 'PUT binding-rule':
      return state.putRule(parse(body));
    case 'PUT policy':
      state.putPolicy(parse(body), name);
      return undefined;
    case 'DELETE policy':
      state.deletePolicy(name);
      return undefined;
    case 'PUT role':
      return state.putRole(parse(body), name);
    case 'GET role':
      return findRole(state, name.replace(/^name\//, ''));
    case 'DELETE token':
      state.deleteToken(name);
      return undefined;
    default:
      throw new Unknown(`how to ${operation}`);
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

// The error of Go's JSON decoder for a body whose first characters are wrong.
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
