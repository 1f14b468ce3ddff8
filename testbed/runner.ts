import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { LogView, type Annotation } from './log-view.js';
import { ROOT } from './root.js';

/** A step of a workflow that uses an action. */
export interface Step {
  /** The inputs under `with:`. */
  inputs?: Record<string, string>;
  /** The job's environment, in addition to what the runner itself sets. */
  env?: Record<string, string>;
  /** The folder of action.yml, by default this repository's root; its programs may lie outside, as for node24/action.yml. */
  action?: string;
  /** The command that runs the action's program, by default the current Node. */
  command?: string[];
  /** The working directory of the job, by default the current one. */
  workspace?: string;
  /** What the main program has saved for the post program. */
  state?: Record<string, string>;
}

/** The result of one stage of a step: main or post. */
export interface StageResult {
  exitCode: number;
  /** The log as GitHub shows it with all groups open: secrets are masked and commands are rendered. */
  log: string;
  /** The log as GitHub first shows it, with its groups collapsed. */
  collapsedLog: string;
  /** The program's output, including its commands. */
  raw: string;
  /** The raw output without add-mask commands, in which any secret is a leak. */
  printed: string;
  annotations: Annotation[];
  masks: string[];
  /** The environment variables that are set for later steps. */
  exported: Record<string, string>;
  outputs: Record<string, string>;
  state: Record<string, string>;
  /** What the step adds to the summary of the job. */
  summary: string;
}

interface ActionMetadata {
  inputs?: Record<string, { default?: string } | null>;
  runs: { main: string; post: string };
}

/**
 * Runs the main program of a step as GitHub's runner does, on the current Node.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function runMain(step: Step): Promise<StageResult> {
  return runStage({ ...step, state: {} }, 'main');
}

/** Runs the post program of a step. */
export function runPost(step: Step): Promise<StageResult> {
  return runStage(step, 'post');
}

async function runStage(step: Step, stage: 'main' | 'post'): Promise<StageResult> {
  const action = step.action ?? ROOT;
  const metadata = parse(await readFile(join(action, 'action.yml'), 'utf8')) as ActionMetadata;
  const folder = await mkdtemp(join(tmpdir(), 'runner-'));
  try {
    const place = (name: string): string => join(folder, name);
    const files = { env: place('env'), output: place('output'), state: place('state'), summary: place('summary') };
    await Promise.all(Object.values(files).map((file) => writeFile(file, '')));
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      GITHUB_ACTIONS: 'true',
      GITHUB_ENV: files.env,
      GITHUB_OUTPUT: files.output,
      GITHUB_STATE: files.state,
      GITHUB_STEP_SUMMARY: files.summary,
      RUNNER_TEMP: folder,
      ...inputVariables(metadata, step.inputs ?? {}),
      ...Object.fromEntries(Object.entries(step.state ?? {}).map(([name, value]) => [`STATE_${name}`, value])),
      ...step.env,
    };
    const command = [...(step.command ?? [process.execPath]), join(action, metadata.runs[stage])];
    const { exitCode, raw } = await run(command, env, step.workspace);
    const view = new LogView(raw, env['RUNNER_DEBUG'] === '1');
    return {
      exitCode,
      raw,
      printed: raw.replace(/^::add-mask::.*\n/gm, ''),
      log: view.text,
      collapsedLog: view.collapsedText,
      annotations: view.annotations,
      masks: view.masks,
      exported: await readCommandFile(files.env),
      outputs: await readCommandFile(files.output),
      state: await readCommandFile(files.state),
      summary: endLines(await readFile(files.summary, 'utf8')),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

// The runner sets a variable for every input of action.yml, empty if there is neither a value nor a default.
function inputVariables(metadata: ActionMetadata, given: Record<string, string>): Record<string, string> {
  const defaults = Object.entries(metadata.inputs ?? {}).map(([name, input]) => [name, input?.default ?? '']);
  const values = { ...(Object.fromEntries(defaults) as Record<string, string>), ...given };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  );
}

async function run(
  command: string[],
  env: NodeJS.ProcessEnv,
  cwd = process.cwd(),
): Promise<{ exitCode: number; raw: string }> {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let raw = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (raw += text));
  }
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? -1));
  });
  return { exitCode, raw: endLines(raw) };
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
async function readCommandFile(file: string): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  const lines = endLines(await readFile(file, 'utf8')).split('\n');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name, delimiter] = /^(.+?)<<(.+)$/.exec(line) ?? [];
    if (name !== undefined && delimiter !== undefined) {
      entries[name] = lines.splice(0, lines.indexOf(delimiter)).join('\n');
      lines.shift();
    } else if (line.includes('=')) {
      entries[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
    }
  }
  return entries;
}

// On Windows, the toolkit ends lines with CR LF.
function endLines(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
