import { validateHeaderName, validateHeaderValue } from 'node:http';

// These are set by this action or by the connection.
const RESERVED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'transfer-encoding',
  'upgrade',
  'x-nomad-token',
]);
// A shorter value under an ordinary name is a word such as "true", whose mask would garble the whole log.
const MIN_SECRET_LENGTH = 6;

/** Reads `Name: value` lines, with names in lower case; throws an error that names the malformed line. */
export function parseHeaders(value: string): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [index, line] of value.split('\n').entries()) {
    if (line.trim() !== '') {
      const [name, content] = parseHeader(line, `line ${String(index + 1)}`);
      if (headers.has(name)) {
        throw new Error(`repeats the header on line ${String(index + 1)}`);
      }
      headers.set(name, content);
    }
  }
  return Object.fromEntries(headers);
}

/** Returns the parts of `Name: value` lines that can be secrets, even if a line is malformed. */
export function findSecretsInHeaders(value: string): string[] {
  return value.split('\n').flatMap((line) => {
    const [name, content] = splitLine(line);
    const isSecret = content.length >= MIN_SECRET_LENGTH || /auth|cookie|key|pass|secret|token/.test(name);
    return isSecret ? [...new Set([content, ...findCredentials(name, content)])] : [];
  });
}

/** Returns the `user:password` that a Basic authentication header encodes. https://www.rfc-editor.org/rfc/rfc7617#section-2 */
export function decodeBasic(content: string): string | undefined {
  const [, encoded] = /^basic\s+([\w+/-]+=*)$/i.exec(content) ?? [];
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
  return decoded.includes(':') ? decoded : undefined;
}

// A server may echo only part of a header: the credentials after the scheme, the user name or password in them, one cookie or parameter.
function findCredentials(name: string, content: string): string[] {
  const [, scheme = '', credentials = ''] = /^([\w-]+)\s+(\S.*)$/.exec(content) ?? [];
  const [user = '', password = ''] = decodeBasic(content)?.split(/:(.*)/s) ?? [];
  const cookies = name === 'cookie' ? content.split(';').map((cookie) => cookie.replace(/^[^=]*=/, '').trim()) : [];
  const quoted = [...content.matchAll(/"([^"]+)"/g)].map(([, parameter = '']) => parameter);
  const lastWord = content.split(/\s+/).at(-1) ?? '';
  return [
    ...(name === 'authorization' || /^(apikey|basic|bearer|token)$/i.test(scheme) ? [credentials] : []),
    // A user name without a password is often a key.
    ...(password === '' ? [user] : [`${user}:${password}`, password]),
    ...[lastWord, ...quoted, ...cookies].filter((part) => part.length >= MIN_SECRET_LENGTH),
  ].filter((part) => part !== '');
}

function parseHeader(line: string, where: string): [name: string, content: string] {
  const [name, content] = splitLine(line);
  if (name === '') {
    throw new Error(`must contain "Name: value" lines, but ${where} is not one`);
  }
  if (content === '') {
    throw new Error(`has no value on ${where}; check that the secret it comes from is set`);
  }
  try {
    validateHeaderName(name);
    validateHeaderValue(name, content);
  } catch {
    throw new Error(`contains a character on ${where} that is not allowed in a header`);
  }
  if (RESERVED.has(name)) {
    throw new Error(`sets ${name} on ${where}, which this action sets itself or does not allow`);
  }
  return [name, content];
}

// A line without a colon counts as a value: it may be a secret whose name is missing.
function splitLine(line: string): [name: string, content: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
