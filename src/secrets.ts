import { stripVTControlCharacters } from 'node:util';
import * as core from '@actions/core';
import { addSecret, redact } from './redact.js';

const MAX_QUOTE_LENGTH = 500;
// Far more than any response from Nomad. It keeps servers from slowing this process down with a megabyte of text.
const MAX_SEARCHED_LENGTH = 16_384;
// A shorter one is not a signature, and its mask would garble the log.
const MIN_SIGNATURE_LENGTH = 16;

/** Masks a secret in the runner's log, and makes `quote` remove it, including its common encodings. */
export function mask(secret: string): void {
  if (secret !== '') {
    core.setSecret(secret);
    addSecret(secret);
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
 * Returns text from another program on one line, without secrets, control characters and workflow commands.
 * A server may echo what was sent to it, and the runner does not mask a secret that is encoded or split.
 */
export function quote(text: string, maxLength = MAX_QUOTE_LENGTH): string {
  const line = redact(stripVTControlCharacters(text.slice(0, MAX_SEARCHED_LENGTH)), text.length > MAX_SEARCHED_LENGTH)
    .replace(/[\s\p{C}]+/gu, ' ')
    // Text that looks like a JWT or a Nomad token may be one that was never masked.
    .replace(/eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi, '***')
    .trim();
  const safe = disarm(line);
  return safe.length > maxLength ? `${safe.slice(0, maxLength)}…` : safe;
}

/** Returns an ID, even if it looks like a Nomad token, unless it contains a masked secret. */
export function quoteId(id: string): string {
  return /^[\w-]{1,100}$/.test(id) && redact(id) === id ? id : quote(id, 100);
}

/**
 * Breaks up workflow commands: the runner looks for `::name` at the beginning of a line, and for `##[name` anywhere.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function disarm(line: string): string {
  return line.replaceAll('##[', '## [').replace(/::(?=[\w-]+(?:::|\s))/g, ': :');
}
