import { Failure } from '../failures/failure.js';
import { mask } from '../secrets.js';

/** A Nomad ACL token; `expirationTime` is RFC 3339, empty if the token does not expire. */
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
 * Reads the token in the body of a response and masks it; throws a Failure if the body does not contain one.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-token
 */
export function parseToken(body: string): NomadToken {
  const token = parseObject(body);
  const secretId = expectMatch(token['SecretID'], UUID);
  mask(secretId);
  return {
    secretId,
    accessorId: expectMatch(token['AccessorID'], UUID),
    type: expectMatch(token['Type'], TYPE),
    policies: expectList(token['Policies']).map((policy) => expectMatch(policy, NAME)),
    roles: expectNames(token['Roles']),
    expirationTime: token['ExpirationTime'] == null ? '' : expectMatch(token['ExpirationTime'], RFC_3339),
  };
}

/** Reads the `Name` of each object in a list; throws a Failure if the value has another form. */
export function expectNames(value: unknown): string[] {
  return expectList(value).map((item) => expectMatch(expectObject(item)['Name'], NAME));
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return expectObject(JSON.parse(text));
  } catch {
    // The parser's own error would quote the text, which may contain a token.
    throw invalidToken();
  }
}

function expectObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw invalidToken();
  }
  return value as Record<string, unknown>;
}

// Go writes an empty list as null.
function expectList(value: unknown): unknown[] {
  if (value == null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw invalidToken();
  }
  return value;
}

function expectMatch(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw invalidToken();
  }
  return value;
}

function invalidToken(): Failure {
  return new Failure("Nomad's response does not contain a valid token", { code: 'INVALID_TOKEN' });
}
