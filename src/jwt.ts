/** A JWT and its contents, which are not verified here. */
export interface Jwt {
  token: string;
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
}

/** Decodes a signed JWT; returns undefined for any other text. https://www.rfc-editor.org/rfc/rfc7519#section-7.2 */
export function parseJwt(token: string): Jwt | undefined {
  const [first, second, signature, ...rest] = token.split('.');
  const header = decodePart(first);
  const claims = decodePart(second);
  const isComplete = /^[\w-]*$/.test(signature ?? '.') && rest.length === 0;
  return header !== undefined && claims !== undefined && isComplete ? { token, header, claims } : undefined;
}

function decodePart(part: string | undefined): Record<string, unknown> | undefined {
  if (part === undefined || !/^[\w-]+$/.test(part)) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
