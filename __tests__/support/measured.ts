import { preload } from './fake-dns.js';

// The child process cannot end itself: it ends when its event loop is empty, or is killed.
const IGNORE_EXIT = 'process.exit = () => undefined;';

const MEASURE = `
const { spawn } = require('node:child_process');
const child = spawn(process.execPath, process.argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
let lastMs = performance.now();
let exitMs;
child.stdout.on('data', (chunk) => {
  lastMs = performance.now();
  process.stdout.write(chunk);
});
child.on('exit', () => (exitMs = performance.now()));
child.on('close', (code) => {
  clearTimeout(killer);
  process.stderr.write('gone after ' + Math.max(0, Math.round(exitMs - lastMs)) + ' ms\\n');
  process.exitCode = code ?? 99;
});`;

/** Runs a program that cannot call process.exit, and prints how long after its last output it ended. */
export const MEASURED = [process.execPath, '-e', MEASURE, '--', ...preload(IGNORE_EXIT)];

/** Returns how many milliseconds after its last output a measured program ended; undefined if it had to be killed. */
export function readGoneMs({ exitCode, raw }: { exitCode: number; raw: string }): number | undefined {
  const [, ms] = /^gone after (\d+) ms$/m.exec(raw) ?? [];
  return exitCode === 99 || ms === undefined ? undefined : Number(ms);
}
