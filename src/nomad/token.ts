import assert from 'node:assert';
import type { Failure } from '../failures/failure.js';
import { mask } from '../secrets.js';

/** A Nomad ACL token; `expirationTime` is RFC 3339, empty if the token does not expire. */
export type NomadToken = ReturnType<typeof parseToken>;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NAME = /^[a-zA-Z0-9-]{1,128}$/;
const TYPE = /^(client|management)$/;
// The token of a request without one is "anonymous".
const ACCESSOR_ID = /^[\w-]{1,36}$/;
// Nomad's own messages for a token that does not exist: "not found" up to 1.8, and "Permission denied" since 1.10. Since 1.11, it
// says "expired" until it deletes an expired token.
const UNKNOWN_TOKEN =
  /^(?:403 (?:rpc error: )?Permission denied|404 (?:rpc error: )?ACL token not found|500 (?:rpc error: )?ACL token expired)\s*$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Reads the token in a response body and masks it; throws an error if there is none. */
export function parseToken(body: string) {
  const token = JSON.parse(body) as Record<string, unknown> | null;
  const secretId = expectMatch(token?.['SecretID'], /./);
  // Also one that is not valid, because the response is quoted then.
  mask(secretId);
  return {
    secretId: expectMatch(secretId, UUID),
    accessorId: expectMatch(token?.['AccessorID'], UUID),
    type: expectMatch(token?.['Type'], TYPE),
    /** The names of the policies that are linked directly to the token. */
    policies: expectList(token?.['Policies']).map((policy) => expectMatch(policy, NAME)),
    roles: readNames(token?.['Roles']),
    expirationTime: token?.['ExpirationTime'] == null ? '' : expectMatch(token['ExpirationTime'], RFC_3339),
  };
}

/** Reads the accessor ID of a token in a response body; throws an error if the value has another form. */
export function readAccessorId(body: unknown): string {
  return expectMatch((body as Record<string, unknown> | null)?.['AccessorID'], ACCESSOR_ID);
}

/** Tells whether a failure is Nomad's own response to a request with a token that it does not know. */
export function isUnknownToken({ facts: { status, text } }: Failure): boolean {
  return UNKNOWN_TOKEN.test(`${String(status)} ${text}`);
}

/** Reads the `Name` of each object in a list; throws an error if the value has another form. */
export function readNames(value: unknown): string[] {
  return expectList(value).map((item) => expectMatch((item as Record<string, unknown> | null)?.['Name'], NAME));
}

// Go writes an empty list as null.
function expectList(value: unknown): unknown[] {
  assert(value == null || Array.isArray(value), 'not a list');
  return value ?? [];
}

function expectMatch(value: unknown, pattern: RegExp): string {
  assert(typeof value === 'string' && pattern.test(value), 'not of the expected form');
  return value;
}
