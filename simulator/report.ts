import { styleText } from 'node:util';
import { describeRule } from './rules.js';
import type { Explanation, Result, Row, Warning } from './simulate.js';
import type { Verdict } from './verdicts.js';

/** Colors text on a terminal, unless NO_COLOR or a similar variable is set. */
export function color(name: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(name, text) : text;
}

/** Formats what a simulation found. */
export function formatResult({ methodName, nomadName, rows, warnings, explanation }: Result): string {
  const parts = [
    `Logins through the auth method ${methodName} on ${nomadName}`,
    ...(explanation === undefined
      ? [formatTables(rows), formatComparison(rows, warnings)]
      : [formatExplanation(explanation, rows)]),
    warnings.length > 0 && `${color('yellow', 'Warnings:')}\n${warnings.map(({ text }) => `  ${text}`).join('\n')}`,
  ];
  return parts.filter(Boolean).join('\n\n');
}

/** Formats jobs and groups of strangers as two tables. */
export function formatTables(rows: Row[]): string {
  const tables = ['job', 'stranger'].map((group) => formatTable(rows.filter((row) => row.group === group)));
  return tables.filter(Boolean).join('\n\n');
}

function formatTable(rows: Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map((row) => {
      const isGood =
        row.expected === undefined ? (row.grant === 'refused') === (row.group === 'stranger') : row.isExpected;
      return `  ${row.name.padEnd(width)}  ${color(isGood ? 'green' : 'red', formatOutcome(row))}`;
    })
    .join('\n');
}

/** Formats what a job gets, or why it is refused. */
export function formatOutcome({ summary, reasons: [first, ...others], expected, isExpected }: Row): string {
  const more = others.length > 0 ? ` (and ${String(others.length)} more)` : '';
  const outcome = first === undefined ? summary : `refused: ${first}${more}`;
  return isExpected || expected === undefined ? outcome : `${outcome} (expected: ${expected})`;
}

/** Says whether everyone gets what is expected; empty without expectations. */
export function formatComparison(rows: Row[], warnings: Warning[]): string {
  if (rows.every(({ expected }) => expected === undefined)) {
    return '';
  }
  const count = rows.filter(({ isExpected }) => !isExpected).length;
  return count === 0
    ? `Everyone gets what is expected${warnings.length > 0 ? ', but there are warnings' : ''}.`
    : `Not as expected: ${String(count)} of ${String(rows.length)} rows`;
}

function formatExplanation({ attributes, verdicts, log }: Explanation, rows: Row[]): string {
  const values = attributes.map(
    ({ name, value }) => `  ${name}: ${value === undefined ? '(no claim)' : JSON.stringify(value)}`,
  );
  const effects = verdicts?.flatMap((verdict) => [
    `  ${describeRule(verdict.rule)}, ${verdict.rule.Selector ? `if ${verdict.rule.Selector}` : 'for every JWT (no selector)'}`,
    `    ${describeEffect(verdict)}`,
    ...verdict.explain().map((reason) => `      ${reason}`),
  ]);
  const rules = effects === undefined ? ' not evaluated, because the auth method refuses the JWT.' : '';
  return [
    ...(values.length > 0 ? ['Attributes of the job:', ...values] : []),
    `Binding rules:${rules}`,
    ...(effects?.length === 0 ? ['  none'] : (effects ?? [])),
    ...rows.map(({ summary }) => `Result: ${summary}`),
    ...(log === undefined ? [] : [formatLog(log)]),
  ].join('\n');
}

function describeEffect({ grants, isUnknown }: Verdict): string {
  return grants === undefined
    ? color('red', isUnknown ? 'may grant something:' : 'grants nothing:')
    : color('green', `grants ${grants}`);
}

/** Formats the log of a step so that it stands out from other output. */
export function formatLog(log: string): string {
  return log
    .split('\n')
    .map((line) => `  ${color('dim', '│')} ${line}`)
    .join('\n');
}

/** Shows what the program is doing until it is done, on a terminal only. */
export async function showProgress<T>(text: string, work: Promise<T>): Promise<T> {
  const show = (line: string): unknown => process.stderr.isTTY && process.stderr.write(`\r\x1b[2K${line}`);
  show(text);
  return work.finally(() => show(''));
}
