import assert from 'node:assert';

/** A JWT and its contents, which are not verified here. */
export interface Jwt {
  token: string;
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  /** How to get another one, unless the input identityToken supplies it: `dueMs` is when to do so, on the clock of `monotonicMs`. */
  renewal?: { dueMs: number; request: (limitMs: number) => Promise<Jwt> };
}

/** Decodes a signed JWT; returns undefined for any other text. https://www.rfc-editor.org/rfc/rfc7519#section-7.2 */
export function parseJwt(token: string): Jwt | undefined {
  const [, header, claims] = /^([\w-]+)\.([\w-]+)\.[\w-]*$/.exec(token) ?? [];
  try {
    return { token, header: decode(header), claims: decode(claims) };
  } catch {
    return undefined;
  }
}

function decode(part = ''): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  assert(typeof value === 'object' && value !== null && !Array.isArray(value), 'not a JSON object');
  return value as Record<string, unknown>;
}
