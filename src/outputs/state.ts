/** A token that the main step leaves to the post step; with its secret only if it is to be revoked. */
export interface LeftToken {
  accessorId: string;
  type: string;
  expirationTime: string;
  secretId?: string;
}

/** The names under which the runner keeps what the main step leaves to the post step. */
export const STATE = { token: 'token', files: 'files' };

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const TIME = /^[\dTZ:.+-]{0,40}$/;

/** Reads the token that the main step has left; null where there is none, undefined where the state is malformed. */
export function readToken(): LeftToken | null | undefined {
  const token = parse(readState(STATE.token) || 'null') as Partial<Record<keyof LeftToken, unknown>> | null | undefined;
  if (token === null || token === undefined) {
    return token;
  }
  const { accessorId, type, expirationTime, secretId } = token;
  const isValid =
    isMatch(accessorId, UUID) &&
    isMatch(type, /^(client|management)$/) &&
    isMatch(expirationTime, TIME) &&
    (secretId === undefined || isMatch(secretId, UUID));
  return isValid ? (token as LeftToken) : undefined;
}

/** Reads the paths of the files that the main step has left; empty where the state is malformed. */
export function readFiles(): string[] {
  const files = parse(readState(STATE.files) || '[]');
  return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : [];
}

// What core.getState does: the post step mostly prints one line, and loads the toolkit only where it does more.
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
