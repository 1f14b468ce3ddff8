import * as core from '@actions/core';
import { quote } from '../secrets.js';
import { findKind } from './catalogue.js';
import { listClaims } from './claims.js';
import { Failure } from './failure.js';

// Longer annotations are hard to read.
const MAX_LENGTH = 1_450;

/** Returns the text of an annotation: what failed, what to change, and where it is documented. Also logs the claims of a refused JWT. Never throws. */
export function explain(error: unknown): string {
  try {
    logCauses(error);
    const failure = error instanceof Failure ? error : new Failure(describe(error), { cause: error });
    const { login } = failure.details;
    if (login !== undefined && findKind(failure).isAboutClaims) {
      listClaims(login.jwt);
    }
    return render(failure, findDocumentation());
  } catch {
    return describe(error);
  }
}

/** Returns the text of an annotation; `page` is the address of the troubleshooting page. */
export function render(failure: Failure, page: string | undefined, now = Date.now()): string {
  const { id, advice } = findKind(failure);
  const link = page === undefined ? '' : `\n${page}#${id}`;
  const text = `${failure.message.replace(/\.$/, '')}.\n${advice(now)}`;
  return text.slice(0, MAX_LENGTH - link.length).trim() + link;
}

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : error;
  return (typeof message === 'string' && quote(message)) || 'An unknown error';
}

// Links to the page of the version that this step runs; a local action has no version.
function findDocumentation(): string | undefined {
  const { GITHUB_ACTION_REPOSITORY: repository = '', GITHUB_ACTION_REF: ref = '', GITHUB_SERVER_URL } = process.env;
  return /^[\w.-]+\/[\w.-]+$/.test(repository) && /^[\w./-]+$/.test(ref)
    ? `${GITHUB_SERVER_URL || 'https://github.com'}/${repository}/blob/${ref}/docs/troubleshooting.md`
    : undefined;
}

function logCauses(error: unknown): void {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const { name, code } = cause as Error & { code?: unknown };
    core.debug(
      `${depth === 0 ? 'Failed' : 'Caused by'}: ${name}${typeof code === 'string' ? ` ${code}` : ''}: ${quote(cause.message)}`,
    );
  }
}
