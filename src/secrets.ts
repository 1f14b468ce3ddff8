import * as core from '@actions/core';

const MAX_QUOTE_LENGTH = 500;

const secrets = new Set<string>();

/** Masks a secret in the runner's log, and keeps it out of what `quote` returns. */
export function mask(secret: string): void {
  if (secret !== '') {
    secrets.add(secret);
    core.setSecret(secret);
  }
}

/**
 * Returns on one line what another program said, without secrets, cut to 500 characters.
 * A server that echoes requests says what was sent to it, and the runner finds no mask in a secret that is cut in two.
 */
export function quote(text: string): string {
  // To replace a very short one would leave no word whole, and tell it by the gaps.
  const longestFirst = [...secrets].filter(({ length }) => length > 3).sort((a, b) => b.length - a.length);
  const line = longestFirst
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
    // What looks like a JWT or like a Nomad token is one, perhaps.
    .replace(/eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi, '***')
    .replace(/[\s\p{C}]+/gu, ' ')
    // The runner takes this for a command, wherever it stands in a line.
    .replaceAll('##[', '## [')
    .trim();
  return line.length > MAX_QUOTE_LENGTH ? `${line.slice(0, MAX_QUOTE_LENGTH)}…` : line;
}
