import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as core from '@actions/core';
import { startNomad } from '../testbed/nomad/nomad.js';
import { readPlan } from './arguments.js';
import type { BadFile } from './bad-file.js';
import { formatOutcome, formatResult } from './report.js';
import { simulate, type Result } from './simulate.js';
import { escape, summarize } from './summary.js';

// https://docs.github.com/en/webhooks/webhook-events-and-payloads
interface Event {
  repository?: { default_branch?: string; visibility?: string };
}

const CLAIMS = ['repository', 'repository_id', 'repository_owner_id'];

/** Runs the simulator as a step of a workflow, with the claims of its repository; returns the exit status. */
export async function runAction(start = startNomad): Promise<number> {
  const inputs = ['config', 'expect', 'method'].map(
    (name) =>
      [`--${name}`, core.getInput(name).replace(/^github(?:-adv)?$/, name === 'config' ? './$&' : '$&')] as const,
  );
  const claims = CLAIMS.map((name) => [`--claim=${name}`, process.env[`GITHUB_${name.toUpperCase()}`] ?? ''] as const);
  const event = process.env['GITHUB_EVENT_PATH'];
  const { repository } = (event ? JSON.parse(await readFile(event, 'utf8')) : {}) as Event;
  const { default_branch, visibility = '' } = repository ?? {};
  const details = [
    ['--claim=ref', default_branch ? `refs/heads/${default_branch}` : ''],
    ['--claim=repository_visibility', visibility],
  ] as const;
  const args = [...inputs, ...claims, ...details]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}`);
  try {
    const result = await simulate(await readPlan(args), start);
    // Names and claims must not be commands of the runner.
    const token = randomUUID();
    core.info(`::stop-commands::${token}\n${formatResult(result)}\n::${token}::`);
    annotate(result);
    core.setOutput('unexpected', result.rows.filter(({ isExpected }) => !isExpected).length);
    core.setOutput('result', result);
    summarize(result);
    await writeSummary();
    return result.status;
  } catch (error) {
    const { message, file, line } = error as BadFile;
    core.error(message, place(file, line));
    core.summary.addHeading('❌ Nothing was tested', 3).addRaw(`<p>${escape(message)}</p>`);
    await writeSummary();
    return 2;
  }
}

async function writeSummary(): Promise<void> {
  // Not all runners have summaries.
  await (process.env['GITHUB_STEP_SUMMARY'] ? core.summary.write() : undefined);
}

function annotate({ rows, warnings }: Result): void {
  for (const row of rows.filter(({ isExpected }) => !isExpected)) {
    core.error(`${row.name}: ${formatOutcome(row)}`, place(row.file, row.line));
  }
  for (const { text, file } of warnings) {
    core.warning(text, place(file));
  }
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
function place(file: string | undefined, line?: number): core.AnnotationProperties {
  return { ...(file && { file }), ...(line !== undefined && { startLine: line }) };
}
