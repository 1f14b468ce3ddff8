import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const NCC = fileURLToPath(import.meta.resolve('@vercel/ncc/dist/ncc/cli.js'));
// The programs, and their folders in dist.
const PROGRAMS = { 'src/main.ts': '', 'src/post.ts': 'post', 'simulator/main.ts': 'simulate' };
const OPTIONS = ['--license', 'licenses.txt', '--transpile-only', '--no-cache', '--quiet'];
// The part of undici's fetch that reads form data; no request has such a body.
const LEFT_OUT = ['--external', '../web/fetch/body.js'];

function build(folder: string): void {
  for (const [entry, out] of Object.entries(PROGRAMS)) {
    const ncc = [NCC, 'build', entry, '--out', join(folder, out), ...OPTIONS, ...LEFT_OUT];
    execFileSync(process.execPath, ncc, { cwd: ROOT, stdio: 'inherit' });
  }
}

function read(folder: string): Map<string, string> {
  const files = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter((file) =>
    statSync(join(folder, file)).isFile(),
  );
  return new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}

function check(): void {
  const fresh = mkdtempSync(join(tmpdir(), 'dist-'));
  try {
    build(fresh);
    const [expected, actual] = [read(fresh), read(DIST)];
    for (const file of new Set([...expected.keys(), ...actual.keys()])) {
      if (expected.get(file) !== actual.get(file)) {
        console.error(`dist/${file} is out of date. Run: npm run build`);
        process.exitCode = 1;
      }
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

if (process.argv.includes('--check')) {
  check();
} else {
  rmSync(DIST, { recursive: true, force: true });
  build(DIST);
}
