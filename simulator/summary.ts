import * as core from '@actions/core';
import { formatComparison } from './report.js';
import type { Result, Row } from './simulate.js';

/** Escapes a text for HTML in Markdown, on one line; an empty line would end the HTML. */
export function escape(text: string): string {
  return (
    text
      .replace(/\s+/g, ' ')
      .replace(/[&<>"]/g, (character) => `&#${String(character.charCodeAt(0))};`)
      // Lets the lines of a narrow table break inside names and claims. An @ before it does not mention a user.
      .replace(/[/@=._-](?=\w)/g, '$&<wbr>')
  );
}

/** Adds what a simulation found to the summary of the job: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary */
export function summarize({ methodName, nomadName, rows, warnings, status }: Result): typeof core.summary {
  const comparison = formatComparison(rows, warnings);
  const mark = status === 1 ? '❌ ' : comparison && '✅ ';
  const unexpectedFirst = [...rows].sort((a, b) => Number(a.isExpected) - Number(b.isExpected));
  core.summary
    .addHeading(`${mark}${comparison || 'Who gets a Nomad token'}`, 3)
    .addRaw(`<p>Logins through the auth method <code>${escape(methodName)}</code> on ${escape(nomadName)}</p>`)
    .addTable([
      ['Who', 'Result'].map((data) => ({ data, header: true })),
      ...unexpectedFirst.map((row) => [`${markRow(row)}${escape(row.name)}`, renderOutcome(row)]),
    ]);
  return warnings.length === 0
    ? core.summary
    : core.summary.addHeading('⚠️ Warnings', 4).addList(warnings.map(({ text }) => escape(text)));
}

function markRow({ group, expected, grant, isExpected }: Row): string {
  const isOpen = group === 'stranger' && expected === undefined && grant !== 'refused';
  return isExpected ? (isOpen ? '⚠️ ' : '') : '❌ ';
}

function renderOutcome({ summary, reasons: [first, ...others], expected, isExpected }: Row): string {
  const outcome = first === undefined ? escape(summary) : `refused: ${escape(first)}`;
  const list = others.map((reason) => `<li>${escape(reason)}</li>`).join('');
  return [
    isExpected || expected === undefined ? '' : `<strong>Expected: ${escape(expected)}</strong><br>`,
    outcome,
    list && `<details><summary>and ${String(others.length)} more</summary><ul>${list}</ul></details>`,
  ].join('');
}
