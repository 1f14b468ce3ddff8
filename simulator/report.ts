import { styleText } from 'node:util';
import { mapClaims } from '../nomad-rules/attributes.js';
import { lookUp } from '../nomad-rules/selector.js';
import type { AuthMethod } from '../nomad-rules/api.js';
import type { Claims } from './identities.js';
import { describeRule, listAttributes } from './rules.js';
import type { Verdict } from './simulation.js';

/** Colors text on a terminal, unless NO_COLOR or a similar variable is set. */
export function color(name: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(name, text) : text;
}

/** Formats jobs and their outcomes as a table. */
export function formatTable(rows: { name: string; isGood: boolean; summary: string }[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, isGood, summary }) => `  ${name.padEnd(width)}  ${color(isGood ? 'green' : 'red', summary)}`)
    .join('\n');
}

/** Formats the log of a step so that it stands out from other output. */
export function formatLog(log: string): string {
  return log
    .split('\n')
    .map((line) => `  ${color('dim', '│')} ${line}`)
    .join('\n');
}

/** Formats the attributes that an auth method creates from the claims of a job. */
export function formatAttributes(claims: Claims, { Config }: AuthMethod): string {
  let lines: string[];
  try {
    const attributes = mapClaims(claims, Config);
    lines = listAttributes(Config).map(({ name }) => {
      const value = lookUp(name.split('.'), attributes);
      return `  ${name}: ${value === undefined ? '(no claim)' : JSON.stringify(value)}`;
    });
  } catch (error) {
    lines = [`  ${(error as Error).message}`];
  }
  return ['Attributes of the job:', ...lines].join('\n');
}

/** Formats the effect of each binding rule; undefined means that none was evaluated. */
export function formatVerdicts(verdicts: Verdict[] | undefined): string {
  if (verdicts === undefined) {
    return 'Binding rules: not evaluated, because the auth method refuses the JWT.';
  }
  const lines = verdicts.flatMap(({ rule, grants, reasons }) => [
    `  ${describeRule(rule)}, ${rule.Selector ? `if ${rule.Selector}` : 'for every JWT (no selector)'}`,
    `    ${grants === undefined ? color('red', 'grants nothing:') : color('green', `grants ${grants}`)}`,
    ...reasons.map((reason) => `      ${reason}`),
  ]);
  return ['Binding rules:', ...(lines.length > 0 ? lines : ['  none'])].join('\n');
}

/** Shows what the program is doing, on a terminal only; an empty text removes it. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[2K${text}`);
  }
}
