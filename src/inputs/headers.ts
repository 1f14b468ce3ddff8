import assert from 'node:assert';
import { mask } from '../secrets.js';

// https://www.rfc-editor.org/rfc/rfc9110#section-5
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t -~\x80-\xff]+$/;
// These are set by this action or by the connection.
const RESERVED =
  /^(accept-encoding|connection|content-(encoding|length|type)|expect|host|keep-alive|proxy-authorization|transfer-encoding|upgrade|x-nomad-token)$/;
// A shorter value is a word such as "true", whose mask would garble the whole log.
const MIN_SECRET_LENGTH = 6;
// The runner drops each job output that contains a masked word, such as the name of an environment.
const SECRET_NAME = /^$|auth(?!ors?\b)|cookie|credential|key|password|secret|signature|token/i;
const SECRET_FORM =
  /^(basic|bearer|token)\s|(?<![a-z\d])(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{20}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/i;
// YAML's ">" joins lines with spaces.
const JOINED = /\s([A-Z][\w-]*-[\w-]+|[Aa]uthorization|[Cc]ookie):\s/;

/** Reads `Name: value` lines and masks the secret values; returns them by names in lower case. Throws an error that names the malformed line. */
export function parseHeaders(text: string): Record<string, string> {
  const lines = text.split('\n').map(splitLine);
  lines.forEach(maskHeader);
  const headers = new Map<string, string>();
  for (const [index, [name, value]] of lines.entries()) {
    if (name + value === '') {
      continue;
    }
    const where = `line ${String(index + 1)}`;
    assert(name !== '', `must contain "Name: value" lines, but ${where} is not one`);
    assert(value !== '', `has no value on ${where}; check that the secret it comes from is set`);
    assert(!JOINED.test(value), `has two headers on ${where}; write "extraHeaders: |" to keep lines apart`);
    assert(NAME.test(name) && VALUE.test(value), `contains a character on ${where} that is not allowed in a header`);
    assert(!RESERVED.test(name), `sets ${name} on ${where}, which this action sets itself or does not allow`);
    assert(!headers.has(name), `repeats the header on ${where}`);
    headers.set(name, value);
  }
  return Object.fromEntries(headers);
}

/** Masks the value of a header, and the credentials in it, if its name or its form says that it is secret. */
export function maskHeader([name, value]: [name: string, value: string]): void {
  mask(value.length >= MIN_SECRET_LENGTH && (SECRET_NAME.test(name) || SECRET_FORM.test(value)) ? value : '');
  mask(/^(?:basic|bearer|token)\s+(\S+)$/i.exec(value)?.[1] ?? '');
  mask(decodeBasic(value)?.replace(/^[^:]*:/, '') ?? '');
}

/** Returns the `user:password` that a Basic authentication header encodes. https://www.rfc-editor.org/rfc/rfc7617#section-2 */
export function decodeBasic(content: string): string | undefined {
  const [, encoded = ''] = /^basic\s+([\w+/-]+=*)$/i.exec(content) ?? [];
  const decoded = Buffer.from(encoded, 'base64').toString();
  return decoded.includes(':') ? decoded : undefined;
}

// A line without a colon counts as a value: it may be a secret whose name is missing.
function splitLine(line: string): [name: string, content: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
