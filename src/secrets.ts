import * as core from '@actions/core';

const MAX_QUOTE_LENGTH = 500;
// The mask of one or two characters would garble the whole log.
const MIN_LENGTH = 3;
// A JWT, a UUID such as a SecretID, or another long token that was never masked.
const TOKEN_LIKE = /eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|[\w+=~-]{40,}/gi;
// Colors and links. The function of node:util for this takes quadratic time.
const TERMINAL_ESCAPE =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/g;

const secrets = new Set<string>();

/** Masks a secret in the runner's log, and makes the quoting functions replace it. */
export function mask(secret: string): void {
  if (secret.length >= MIN_LENGTH && !secrets.has(secret)) {
    core.setSecret(secret);
    secrets.add(secret);
  }
}

/** Returns the text of another program on one line, without secrets, what looks like one, control characters and workflow commands. */
export function quote(text: string): string {
  return toLine(redact(text).replace(TOKEN_LIKE, '***'), MAX_QUOTE_LENGTH);
}

/** Like `quote`, for names, IDs and claims: only replaces known secrets, because an ID often looks like a token. */
export function quoteName(text: string, maxLength: number): string {
  return toLine(redact(text), maxLength);
}

/** Replaces the known secrets in a text. The runner does not mask a secret that is cut, or that has other white space. */
export function redact(text: string): string {
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text.replace(TERMINAL_ESCAPE, ''));
}

// The runner looks for the command `::name` at the beginning of a line, and for `##[name` anywhere.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
function toLine(text: string, maxLength: number): string {
  const line = text
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()
    .replaceAll('##[', '## [')
    .replace(/::(?=[\w-]+(?:::|\s))/g, ': :');
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}
