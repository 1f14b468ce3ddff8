import { EXAMPLE, type Claims } from './identities.js';
import type { Outcome, Verdict } from './simulation.js';

/** Lays out rows of a name and what is said of it. */
export function formatTable(rows: string[][]): string {
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(width)}  ${text}`).join('\n');
}

/** Sets the log of a step apart from what is said about it. */
export function formatLog({ log, exitCode }: Outcome['stage']): string {
  return [...log.split('\n'), `(exit status ${String(exitCode)})`].map((line) => `  │ ${line}`).join('\n');
}

/** Tells what one job gets, and why. */
export function formatOutcome(claims: Claims, rules: Verdict[], { summary, stage }: Outcome): string {
  const verdicts = rules.flatMap(({ rule: { Selector, BindType, BindName }, verdict }) => [
    `  ${[BindType, BindName].filter(Boolean).join(' ')} where ${Selector || 'anything holds (no selector)'}`,
    `    ${verdict}`,
  ]);
  return [
    'Claims that are not as in jws-example.json:',
    ...listDifferences(claims),
    'Binding rules:',
    ...(verdicts.length > 0 ? verdicts : ['  none is asked, or there is none']),
    `Result: ${summary}`,
    formatLog(stage),
  ].join('\n');
}

function listDifferences(claims: Claims): string[] {
  const names = [...new Set([...Object.keys(EXAMPLE), ...Object.keys(claims)])];
  const show = (value: unknown): string => (value === undefined ? '(none)' : JSON.stringify(value));
  const lines = names
    .filter((name) => show(claims[name]) !== show(EXAMPLE[name]))
    .map((name) => `  ${name}: ${show(claims[name])}`);
  return lines.length > 0 ? lines : ['  none'];
}
