import { mask } from '../secrets.js';

/** A Nomad ACL token; `expirationTime` is RFC 3339, empty if the token does not expire. */
export type NomadToken = ReturnType<typeof parseToken>;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NAME = /^[a-zA-Z0-9-]{1,128}$/;
const TYPE = /^(client|management)$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Reads the token in a response body and masks it; throws an error if there is none. */
export function parseToken(body: string) {
  const token = JSON.parse(body) as Record<string, unknown> | null;
  const secretId = expectMatch(token?.['SecretID'], UUID);
  mask(secretId);
  return {
    secretId,
    accessorId: expectMatch(token?.['AccessorID'], UUID),
    type: expectMatch(token?.['Type'], TYPE),
    /** The names of the policies that are linked directly to the token. */
    policies: expectList(token?.['Policies']).map((policy) => expectMatch(policy, NAME)),
    roles: readNames(token?.['Roles']),
    expirationTime: token?.['ExpirationTime'] == null ? '' : expectMatch(token['ExpirationTime'], RFC_3339),
  };
}

/** Reads the `Name` of each object in a list; throws an error if the value has another form. */
export function readNames(value: unknown): string[] {
  return expectList(value).map((item) => expectMatch((item as Record<string, unknown> | null)?.['Name'], NAME));
}

// Go writes an empty list as null.
function expectList(value: unknown): unknown[] {
  if (value != null && !Array.isArray(value)) {
    throw new Error('not a list');
  }
  return value ?? [];
}

function expectMatch(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw new Error('not of the expected form');
  }
  return value;
}
