import * as core from '@actions/core';
import { quote } from '../secrets.js';
import { listClaims } from './claims.js';
import { Failure } from './failure.js';
import { JWT_KINDS } from './kinds/jwt.js';

// Longer annotations are hard to read.
const MAX_LENGTH = 1_450;

/** Returns the text of an annotation: what failed, what to change, and where it is documented. Also logs the claims of a refused JWT. Never throws. */
export function explain(error: unknown): string {
  try {
    logCauses(error);
    const failure = error instanceof Failure ? error : new Failure('unexpected', quoteError(error), {}, error);
    if (failure.id in JWT_KINDS && failure.facts.jwt.token !== '') {
      listClaims(failure.facts.jwt);
    }
    return render(failure);
  } catch {
    return quoteError(error);
  }
}

/** Returns the text of an annotation. */
export function render({ id, message, advice }: Failure): string {
  const end = findDocumentation(`docs/troubleshooting.md#${id}`);
  const text = `${message.replace(/\.$/, '')}.\n${advice}`;
  return text.slice(0, MAX_LENGTH - end.length).trim() + end;
}

function quoteError(error: unknown): string {
  const message = error instanceof Error ? error.message : error;
  return (typeof message === 'string' && quote(message)) || 'An unknown error';
}

// Links to the page of the version that this step runs; a local action has no version. Other servers run actions of github.com, too.
function findDocumentation(section: string): string {
  const { GITHUB_ACTION_REPOSITORY: repository, GITHUB_ACTION_REF: ref, GITHUB_SERVER_URL: server } = process.env;
  if (!repository || !ref) {
    return '';
  }
  return !server || server === 'https://github.com'
    ? `\nhttps://github.com/${repository}/blob/${ref}/${section}`
    : `\nSee ${section} of ${repository}`;
}

function logCauses(error: unknown): void {
  for (let cause = error, prefix = 'Failed'; cause instanceof Error; cause = cause.cause, prefix = 'Caused by') {
    const { name, code = '' } = cause as NodeJS.ErrnoException;
    core.debug(`${prefix}: ${`${name} ${code}`.trim()}: ${quote(cause.message)}`);
  }
}
