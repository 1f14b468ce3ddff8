/** A token that the main step saves for the post step, with its secret only if the post step should revoke it. */
export interface SavedToken {
  accessorId: string;
  type: string;
  expirationTime: string;
  secretId?: string;
}

/** The names of the values that the main step saves for the post step. */
export const STATE = { token: 'token', files: 'files' };

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const TIME = /^[\dTZ:.+-]{0,40}$/;

/** Reads the token that the main step saved; null if there is none, undefined if the state is malformed. */
export function readToken(): SavedToken | null | undefined {
  const token = parse(readState(STATE.token) || 'null') as
    Partial<Record<keyof SavedToken, unknown>> | null | undefined;
  if (token === null || token === undefined) {
    return token;
  }
  const { accessorId, type, expirationTime, secretId } = token;
  const isValid =
    isMatch(accessorId, UUID) &&
    isMatch(type, /^(client|management)$/) &&
    isMatch(expirationTime, TIME) &&
    (secretId === undefined || isMatch(secretId, UUID));
  return isValid ? (token as SavedToken) : undefined;
}

/** Reads the paths of the files that the main step wrote; empty if the state is malformed. */
export function readFiles(): string[] {
  const files = parse(readState(STATE.files) || '[]');
  return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : [];
}

// Does the same as core.getState. Most post steps only print one line, and do not need to load the toolkit.
function readState(name: string): string {
  return process.env[`STATE_${name}`] ?? '';
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
