import { styleText } from 'node:util';
import { EXAMPLE, type Claims } from './identities.js';
import { describeRule } from './rules.js';
import type { Verdict } from './rule-probes.js';
import type { Outcome } from './simulation.js';

/** Colors text on a terminal, unless NO_COLOR or a similar variable is set. */
export function color(name: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(name, text) : text;
}

/** Formats jobs and their outcomes as a table. */
export function formatTable(rows: (Pick<Outcome, 'isLetIn' | 'summary'> & { name: string })[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, isLetIn, summary }) => `  ${name.padEnd(width)}  ${color(isLetIn ? 'green' : 'red', summary)}`)
    .join('\n');
}

/** Formats the log of a step so that it stands out from other output. */
export function formatLog(log: string): string {
  return log
    .split('\n')
    .map((line) => `  ${color('dim', '│')} ${line}`)
    .join('\n');
}

/** Formats a list of warnings. */
export function formatWarnings(warnings: string[]): string {
  return `${color('yellow', 'Warnings:')}\n${warnings.map((warning) => `  ${warning}`).join('\n')}`;
}

/** Formats the claims of a job that differ from the example job. */
export function formatClaims(claims: Claims): string {
  const names = [...new Set([...Object.keys(EXAMPLE), ...Object.keys(claims)])];
  const show = (value: unknown): string => (value === undefined ? '(none)' : JSON.stringify(value));
  const lines = names
    .filter((name) => show(claims[name]) !== show(EXAMPLE[name]))
    .map((name) => `  ${name}: ${show(claims[name])}`);
  return ['Claims that differ from the example job:', ...(lines.length > 0 ? lines : ['  none'])].join('\n');
}

/** Formats the effect of each binding rule; undefined means that none was evaluated. */
export function formatVerdicts(verdicts: Verdict[] | undefined): string {
  if (verdicts === undefined) {
    return 'Binding rules: not evaluated, because the auth method refuses the JWT.';
  }
  const lines = verdicts.flatMap(({ rule, isMatch, summary, failed }) => [
    `  ${describeRule(rule)}, ${rule.Selector ? `if ${rule.Selector}` : 'for every JWT (no selector)'}`,
    `    ${color(isMatch ? 'green' : 'red', summary)}${failed.length > 0 ? ':' : ''}`,
    ...failed.map((condition) => `      ${condition}`),
  ]);
  return ['Binding rules:', ...(lines.length > 0 ? lines : ['  none'])].join('\n');
}

/** Shows what the program is doing, on a terminal only; an empty text removes it. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[2K${text}`);
  }
}
