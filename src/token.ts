import { RequestFailure } from './failure.js';
import { mask } from './secrets.js';

/** An ACL token of Nomad; `expirationTime` is RFC 3339, empty where the token does not expire. */
export interface NomadToken {
  secretId: string;
  accessorId: string;
  type: string;
  policies: string[];
  roles: string[];
  expirationTime: string;
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NAME = /^[a-zA-Z0-9-]{1,128}$/;
const TYPE = /^(client|management)$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Returns the token that an answer of Nomad holds and masks it; throws where the answer holds none.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-token
 */
export function parseToken(answer: string): NomadToken {
  const token = parseObject(answer);
  const secretId = expectMatch(token['SecretID'], UUID);
  mask(secretId);
  return {
    secretId,
    accessorId: expectMatch(token['AccessorID'], UUID),
    type: expectMatch(token['Type'], TYPE),
    policies: expectList(token['Policies']).map((policy) => expectMatch(policy, NAME)),
    roles: expectList(token['Roles']).map((role) => expectMatch(expectObject(role)['Name'], NAME)),
    expirationTime: token['ExpirationTime'] == null ? '' : expectMatch(token['ExpirationTime'], RFC_3339),
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return expectObject(JSON.parse(text));
  } catch {
    // The parser's own message would quote the text, and with it perhaps a token.
    throw noToken();
  }
}

function expectObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw noToken();
  }
  return value as Record<string, unknown>;
}

// Go writes an empty list as null.
function expectList(value: unknown): unknown[] {
  if (value == null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw noToken();
  }
  return value;
}

function expectMatch(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw noToken();
  }
  return value;
}

function noToken(): RequestFailure {
  return new RequestFailure('The answer to the login is no Nomad token', { peer: 'Nomad', status: 200 });
}
