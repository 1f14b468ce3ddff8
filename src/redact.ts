import { split, type Piece } from './escapes.js';

// Replacing a very short secret would garble ordinary words, and the replacements would reveal it.
const MIN_REPLACED_LENGTH = 4;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const IGNORED = /[\s\p{C}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;

const secrets = new Set<string>();
// The encoded forms of the secrets, and the secrets that are not encoded yet, because most runs never quote anything.
const forms = new Set<string>();
const pending: string[] = [];

/** Makes `redact` remove a secret, including its common encodings. */
export function addSecret(secret: string): void {
  if (!secrets.has(secret)) {
    secrets.add(secret);
    pending.push(secret);
  }
}

/** Replaces the secrets in a text, even if they are encoded or have spaces in them; `isCut` means that the end of the text is missing. */
export function redact(text: string, isCut = false): string {
  const isSecret = new Uint8Array(text.length);
  // A server may escape any of the characters of a secret, and a secret may look like an escape itself.
  for (const { plain, ranges } of [normalize([...split(text, false)]), normalize([...split(text, true)])]) {
    const mark = (first: number, last: number): unknown => isSecret.fill(1, ranges[first]?.[0], ranges[last]?.[1]);
    for (const form of listForms()) {
      for (let at = plain.indexOf(form); at !== -1; at = plain.indexOf(form, at + form.length)) {
        mark(at, at + form.length - 1);
      }
      const cut = isCut ? findCutSecret(plain, form) : 0;
      if (cut > 0) {
        mark(plain.length - cut, plain.length - 1);
      }
    }
  }
  let result = '';
  for (let at = 0; at < text.length; at += 1) {
    result += isSecret[at] === 0 ? text.charAt(at) : isSecret[at - 1] === 1 ? '' : '***';
  }
  return result;
}

function listForms(): Set<string> {
  for (const form of pending.splice(0).flatMap(encode)) {
    // Most secrets are ASCII and may be long, as JWTs are.
    const plain = /^[!-~]*$/.test(form) ? form.toLowerCase() : normalize([...split(form, false)]).plain;
    if (plain.length >= MIN_REPLACED_LENGTH) {
      forms.add(plain);
    }
  }
  return forms;
}

// Returns how many characters at the end of a text may be the beginning of a secret.
function findCutSecret(plain: string, form: string): number {
  for (let length = Math.min(form.length - 1, plain.length); length >= MIN_REPLACED_LENGTH; length -= 1) {
    if (plain.endsWith(form.slice(0, length))) {
      return length;
    }
  }
  return 0;
}

// White space and invisible characters between the characters of a secret, or another case, do not hide it.
function normalize(pieces: Piece[]): { plain: string; ranges: [from: number, to: number][] } {
  const ranges: [number, number][] = [];
  let plain = '';
  for (const [text, from, to] of pieces) {
    for (let at = 0; at < text.length; at += 1) {
      const character = text.charAt(at);
      if (!IGNORED.test(character)) {
        const lower = character.toLowerCase();
        plain += lower.length === 1 ? lower : character;
        ranges.push([from, to]);
      }
    }
  }
  return { plain, ranges };
}

function encode(secret: string): string[] {
  return [
    secret,
    // A secret that looks like an escape also has an unescaped form.
    [...split(secret, true)].map(([text]) => text).join(''),
    // Forms in URLs encode a space as a plus sign.
    secret.replaceAll(' ', '+'),
    ...[0, 1, 2].flatMap((shift) => encodeBase64(secret, shift)),
    ...(UUID.test(secret) ? [secret.replaceAll('-', '')] : []),
  ];
}

// Within a longer text, a secret begins at one of three offsets in the groups of base64, and its first and last characters vary.
function encodeBase64(secret: string, shift: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]);
  const whole = bytes.toString('base64url').slice(shift === 0 ? 0 : shift + 1);
  const inner = bytes.length % 3 === 0 ? whole : whole.slice(0, -1);
  return [inner, inner.replaceAll('-', '+').replaceAll('_', '/')];
}
