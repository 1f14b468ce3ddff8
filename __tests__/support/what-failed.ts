import type { StageResult } from '../../testbed/runner.js';

/** Returns what failed according to a stage's only error: its first line, without the period. */
export function whatFailed({ exitCode, annotations }: StageResult): string {
  const errors = annotations.filter(({ level }) => level === 'error');
  if (exitCode !== 1 || errors.length !== 1) {
    throw new Error(
      `Exit status ${String(exitCode)} with ${String(errors.length)} errors: ${JSON.stringify(annotations)}`,
    );
  }
  return (errors[0]?.message ?? '').split('\n', 1).join().replace(/\.$/, '');
}
