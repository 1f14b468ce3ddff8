import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { endSoon } from '../../src/exit.js';
import { createAuthority, createServerCertificate } from '../../testbed/certificates.js';
import { runMain } from '../../testbed/runner.js';
import { listenTcp } from '../../testbed/server.js';
import {
  answer,
  cleanUp,
  drop,
  hang,
  issue,
  logIn,
  preload,
  WITHOUT_EXIT,
  type Respond,
  type Scenario,
} from '../support/servers.js';

const BRIEF = { inputs: { timeout: '1' } };
// Long enough for a response on a busy machine: an attempt may take a third of the timeout.
const LONGER = { inputs: { timeout: '3' } };
const tls = await createServerCertificate(await createAuthority(), ['127.0.0.1']);
const silent = await listenTcp(() => undefined, 'https');
afterAll(() => silent.close());
// A response whose body never ends.
const unfinished: Respond = (_, response) => response.writeHead(200, { 'content-length': '99' }).write('{');

describe('the main program ends by itself, with one annotation if it fails', () => {
  test.concurrent.each<[string, Scenario, string | RegExp]>([
    ['a login with a supplied JWT', {}, ''],
    [
      'a login with a JWT from GitHub while the list of methods hangs',
      { github: issue(), nomad: { methods: hang }, ...LONGER },
      '',
    ],
    ['a malformed input', { inputs: { url: 'nonsense' } }, /^Input url must be/],
    ['a refusal by GitHub while Nomad hangs', { github: answer(401), nomad: hang }, /^GitHub did not issue/],
    [
      'a refusal by Nomad',
      { nomad: { login: answer(400, 'no role or policy bindings matched') } },
      'Nomad refused the login (400): no role or policy bindings matched',
    ],
    ['a refused connection', { url: () => 'http://127.0.0.1:9', ...LONGER }, /ECONNREFUSED.* \(\d+ attempts? in/],
    ['a response of 2 MiB', { nomad: answer(200, 'x'.repeat(2 ** 21)) }, /more than 1 MiB$/],
    ['a connection that Nomad closes', { nomad: drop, ...LONGER }, /^Cannot reach Nomad at .*: other side closed/],
    ['a hang of Nomad', { nomad: hang, ...BRIEF }, /^Nomad at \S+ did not respond within/],
    ['a response that Nomad never completes', { nomad: unfinished, ...BRIEF }, /^Nomad at \S+ did not respond within/],
    ['a certificate that is not trusted', { tls }, /^Cannot reach Nomad at .*certificate/],
    ['a TLS handshake that hangs', { url: () => silent.url, ...BRIEF }, /^Nomad at .* did not respond|^Cannot reach/],
  ])('after %s', async (_, scenario, failure) => {
    const result = await logIn({ command: WITHOUT_EXIT, ...scenario });
    expect(result.failure).toEqual(typeof failure === 'string' ? failure : expect.stringMatching(failure));
  });
});

describe('the end is forced', () => {
  test.concurrent('if something else keeps the process alive', async () => {
    const command = preload('setTimeout(() => process.kill(process.pid, "SIGKILL"), 20_000);');
    const [main, post] = await Promise.all([logIn({ command, nomad: answer(400) }), cleanUp({ command })]);
    expect(main.exitCode).toBe(1);
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test('by a timer that does not keep the process alive', () => {
    const setTimeout = jest.spyOn(globalThis, 'setTimeout');
    endSoon();
    const timer = setTimeout.mock.results[0]?.value as NodeJS.Timeout;
    setTimeout.mockRestore();
    clearTimeout(timer);
    expect(timer.hasRef()).toBe(false);
  });
});

// Root can write every file, so the check itself is made to fail.
const READ_ONLY = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
fs.accessSync = (_, mode) => { if (mode === fs.constants.W_OK) throw Object.assign(new Error(), { code: 'EACCES' }); };
syncBuiltinESMExports();`;

const FILES = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE'];

test.concurrent.each(FILES)(
  '%s that names a file that cannot be written fails the step before the login',
  async (name) => {
    const env = Object.fromEntries(FILES.filter((other) => other !== name).map((other) => [other, '']));
    const { failure, log, requests } = await logIn({ command: preload(READ_ONLY), env });
    expect(failure).toBe(`This step cannot write to the file that ${name} names (EACCES)`);
    expect(log).toContain('options: --user root');
    expect(requests).toEqual([]);
  },
);

// On POSIX systems, a pipe holds 64 KiB, and then the writer waits for the reader.
(process.platform === 'win32' ? test.skip : test.concurrent)(
  'a reader that starts late gets all masks and the error after them, even if they exceed 64 KiB',
  async () => {
    const command = ['bash', '-c', 'set -o pipefail; "$0" "$@" | { sleep 1; cat; }', process.execPath];
    const secrets = Array.from({ length: 4_000 }, (_, index) => `hunter2/${String(index).padStart(12, '0')}`);
    const clientKey = `-----BEGIN PRIVATE KEY-----\n${secrets.join('\n')}\n-----END PRIVATE KEY-----`;
    const result = await runMain({ command, inputs: { clientKey } });
    expect(result.raw.length).toBeGreaterThan(128 * 1024);
    expect(result.masks.filter((mask) => secrets.includes(mask))).toHaveLength(secrets.length);
    expect(result.annotations).toEqual([{ level: 'error', message: expect.stringContaining('Input clientKey') }]);
  },
);
