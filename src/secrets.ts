import * as core from '@actions/core';
import { addSecret, redact } from './redact.js';

const MAX_QUOTE_LENGTH = 500;
// Far more than any response from Nomad. It keeps servers from slowing this process down with a megabyte of text.
const MAX_SEARCHED_LENGTH = 16_384;
// The mask of one or two characters would garble the whole log.
const MIN_LENGTH = 3;
const JWT = /^[\w-]+\.[\w-]+\.([\w-]{16,})$/;
// Colors and links. The function of node:util for this takes quadratic time.
const TERMINAL_ESCAPE =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/g;
// An escape of a terminal, a URL, JSON or HTML that is cut off at the end of an excerpt.
const CUT_ESCAPE =
  /(?:[\u001b\u009b][^@-Z\\^-~\u001b\u009b]*|(?:%[c-f][\da-f](?:%[89ab][\da-f]){0,2})?(?:%[\da-f]?)?|\\(?:[ux][\da-f]{0,3})?|&#?\w*)$/i;

/** Masks a secret in the runner's log, and makes `quote` remove it, including its common encodings. */
export function mask(secret: string): void {
  // A server may echo the signature of a JWT alone.
  const [, signature = ''] = JWT.exec(secret) ?? [];
  for (const part of [secret, signature].filter(({ length }) => length >= MIN_LENGTH)) {
    core.setSecret(part);
    addSecret(part);
  }
}

/**
 * Returns the beginning of a text from another program without secrets and terminal escapes.
 * A server may echo what was sent to it, and the runner does not mask a secret that is encoded or cut.
 */
export function excerpt(text: string, maxLength: number): string {
  const isCut = text.length > maxLength;
  const head = text.slice(0, maxLength).replace(TERMINAL_ESCAPE, '');
  return redact(isCut ? head.replace(CUT_ESCAPE, '') : head, isCut);
}

/** Returns an excerpt on one line, without control characters and workflow commands. */
export function quote(text: string, maxLength = MAX_QUOTE_LENGTH): string {
  const line = excerpt(text, MAX_SEARCHED_LENGTH)
    .replace(/[\s\p{C}]+/gu, ' ')
    // Text that looks like a JWT or a Nomad token may be one that was never masked.
    .replace(/eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi, '***')
    .trim();
  const safe = disarm(line);
  return safe.length > maxLength ? `${safe.slice(0, maxLength)}…` : safe;
}

/** Returns an ID, even if it looks like a Nomad token, unless it contains a masked secret. */
export function quoteId(id: string): string {
  return /^[\w-]{1,128}$/.test(id) && redact(id) === id ? id : quote(id, 128);
}

/**
 * Breaks up workflow commands: the runner looks for `::name` at the beginning of a line, and for `##[name` anywhere.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function disarm(line: string): string {
  return line.replaceAll('##[', '## [').replace(/::(?=[\w-]+(?:::|\s))/g, ': :');
}
