import { validateHeaderName, validateHeaderValue } from 'node:http';

// The action writes these itself, or the connection does.
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

/** Returns the headers of `Name: value` lines, names in lower case; throws what is wrong with which line. */
export function parseHeaders(value: string): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [index, line] of value.split('\n').entries()) {
    if (line.trim() !== '') {
      const [name, content] = parseHeader(line, `line ${String(index + 1)}`);
      if (headers.has(name)) {
        throw new Error(`names a header on line ${String(index + 1)} that it has named before`);
      }
      headers.set(name, content);
    }
  }
  return Object.fromEntries(headers);
}

/** Returns the parts of `Name: value` lines that can be secrets, well-formed or not. */
export function findSecretsInHeaders(value: string): string[] {
  return value.split('\n').flatMap((line) => {
    const [name, content] = splitLine(line);
    // A short value under an ordinary name is a word like "true", which a mask would blot out of the whole log.
    const isSecret = content.length >= 6 || /auth|cookie|key|pass|secret|token/.test(name);
    const credentials = name === 'authorization' ? content.replace(/^\S+\s+/, '') : content;
    return isSecret ? [...new Set([content, credentials])] : [];
  });
}

function parseHeader(line: string, where: string): [name: string, content: string] {
  const [name, content] = splitLine(line);
  if (name === '') {
    throw new Error(`must hold "Name: value" lines, and ${where} is not one`);
  }
  if (content === '') {
    throw new Error(`has no value on ${where}; is the secret that it comes from set?`);
  }
  try {
    validateHeaderName(name);
    validateHeaderValue(name, content);
  } catch {
    throw new Error(`has a character on ${where} that a header cannot hold`);
  }
  if (RESERVED.has(name)) {
    throw new Error(`names ${name} on ${where}, a header that is not for a workflow to set`);
  }
  return [name, content];
}

// A line without a colon is all content: it may be a secret whose name was forgotten.
function splitLine(line: string): [name: string, content: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
