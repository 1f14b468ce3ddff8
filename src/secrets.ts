import { stripVTControlCharacters } from 'node:util';
import * as core from '@actions/core';

const MAX_QUOTE_LENGTH = 500;
// Far more than any response of Nomad: no server can keep this process busy by sending a megabyte of text.
const MAX_SEARCHED_LENGTH = 16_384;
// Replacing a very short secret would garble ordinary words, and the gaps would give it away.
const MIN_REPLACED_LENGTH = 4;
// A shorter one is not a signature, and its mask would garble the log.
const MIN_SIGNATURE_LENGTH = 16;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const IGNORED = /[\s\p{C}]/u;

const masked = new Set<string>();
// All forms of the secrets, and the secrets whose forms are not computed yet: most runs never quote anything.
const forms = new Set<string>();
const pending: string[] = [];

/** Masks a secret in the runner's log and keeps it, also in common encodings, out of what `quote` returns. */
export function mask(secret: string): void {
  if (secret === '') {
    return;
  }
  core.setSecret(secret);
  if (!masked.has(secret)) {
    masked.add(secret);
    pending.push(secret);
  }
}

/** Masks a JWT and, separately, its signature, which a server may echo alone. */
export function maskJwt(jwt: string): void {
  mask(jwt);
  const signature = jwt.split('.')[2] ?? '';
  if (signature.length >= MIN_SIGNATURE_LENGTH) {
    mask(signature);
  }
}

/**
 * Returns on one line what another program said, without secrets, control characters and workflow commands.
 * A server may echo what was sent to it, and the runner finds no mask in a secret that is encoded or cut in two.
 */
export function quote(text: string, maxLength = MAX_QUOTE_LENGTH): string {
  const line = redact(stripVTControlCharacters(text.slice(0, MAX_SEARCHED_LENGTH)), text.length > MAX_SEARCHED_LENGTH)
    .replace(/[\s\p{C}]+/gu, ' ')
    // What looks like a JWT or a Nomad token may be one that was never masked.
    .replace(/eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi, '***')
    .trim();
  const safe = disarm(line);
  return safe.length > maxLength ? `${safe.slice(0, maxLength)}…` : safe;
}

/** Returns an id, even if it looks like a Nomad token, unless it is or contains a masked secret. */
export function quoteId(id: string): string {
  return /^[\w-]{1,100}$/.test(id) && redact(id, false) === id ? id : quote(id, 100);
}

/**
 * Breaks up workflow commands: the runner looks for `::name` where a line begins, and for `##[name` anywhere.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function disarm(line: string): string {
  return line.replaceAll('##[', '## [').replace(/::(?=[\w-]+(?:::|\s))/g, ': :');
}

function redact(text: string, isCut: boolean): string {
  const { plain, offsets } = normalize(text);
  const isSecret = new Uint8Array(text.length);
  const mark = (from: number, to: number): unknown => isSecret.fill(1, offsets[from], (offsets[to] ?? 0) + 1);
  for (const form of listForms()) {
    for (let at = plain.indexOf(form); at !== -1; at = plain.indexOf(form, at + 1)) {
      mark(at, at + form.length - 1);
    }
    const cut = isCut ? findCutSecret(plain, form) : 0;
    if (cut > 0) {
      mark(plain.length - cut, plain.length - 1);
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
    const { plain } = normalize(form);
    if (plain.length >= MIN_REPLACED_LENGTH) {
      forms.add(plain);
    }
  }
  return forms;
}

// Returns how many characters at the end of a text may be the beginning of a secret.
function findCutSecret(plain: string, form: string): number {
  for (let length = form.length - 1; length >= MIN_REPLACED_LENGTH; length -= 1) {
    if (plain.endsWith(form.slice(0, length))) {
      return length;
    }
  }
  return 0;
}

// White space and invisible characters between the characters of a secret, or another case, do not hide it.
function normalize(text: string): { plain: string; offsets: number[] } {
  const offsets: number[] = [];
  let plain = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (!IGNORED.test(character)) {
      const lower = character.toLowerCase();
      plain += lower.length === 1 ? lower : character;
      offsets.push(at);
    }
  }
  return { plain, offsets };
}

function encode(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const html = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [
    secret,
    json,
    // As Go and PHP write JSON.
    json.replace(/[&<>]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`),
    json.replaceAll('/', '\\/'),
    encodeUrl(secret),
    encodeUrl(secret).replaceAll('%20', '+'),
    html.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    html.replaceAll('"', '&#34;').replaceAll("'", '&#39;').replaceAll('+', '&#43;'),
    ...[0, 1, 2].flatMap((shift) => encodeBase64(secret, shift)),
    ...(UUID.test(secret) ? [secret.replaceAll('-', '')] : []),
  ];
}

function encodeUrl(secret: string): string {
  return encodeURIComponent(Buffer.from(secret).toString());
}

// Within a longer text, a secret begins at any of three offsets to the groups of base64; its first and last characters vary.
function encodeBase64(secret: string, shift: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]);
  const whole = bytes.toString('base64url').slice(shift === 0 ? 0 : shift + 1);
  const inner = bytes.length % 3 === 0 ? whole : whole.slice(0, -1);
  return [inner, inner.replaceAll('-', '+').replaceAll('_', '/')];
}
