import { afterAll, expect, jest, test } from '@jest/globals';
import { endSoon } from '../../src/exit.js';
import { createAuthority, createServerCertificate } from '../../testbed/certificates.js';
import { runMain } from '../../testbed/runner.js';
import { listenTcp } from '../../testbed/server.js';
import { answer, cleanUp, drop, hang, issue, logIn, preload, WITHOUT_EXIT, type Scenario } from '../support/servers.js';

const tls = await createServerCertificate(await createAuthority(), ['127.0.0.1']);
const silent = await listenTcp(() => undefined, 'https');
afterAll(() => silent.close());
const unfinished = answer(200, '{', { 'content-length': '99' });

// An attempt may take a third of the timeout: 3 seconds are enough for a response on a busy machine.
test.concurrent.each<[string, Scenario, RegExp, timeout?: string]>([
  ['a login with a JWT from GitHub while the list hangs', { github: issue(), nomad: { methods: hang } }, /^$/, '3'],
  ['a malformed input', { url: () => 'nonsense' }, /^Input url must be/],
  ['a refusal by GitHub while Nomad hangs', { github: answer(401), nomad: hang }, /^GitHub did not issue/],
  ['a refusal by Nomad', { nomad: answer(400, 'No rule') }, /^Nomad refused the login \(400\): No rule$/],
  ['a refused connection', { url: () => 'http://127.0.0.1:9' }, /ECONNREFUSED.* \(\d+ attempts? in/, '3'],
  ['a connection that Nomad closes', { nomad: drop }, /^Cannot reach Nomad at .*: other side closed/, '3'],
  ['a hang of Nomad', { nomad: hang }, /^Cannot reach Nomad at \S+: no response within/, '1'],
  ['a body that never ends', { nomad: unfinished }, /^Cannot reach Nomad at \S+: no response within/, '1'],
  ['a certificate that is not trusted', { tls }, /^Cannot reach Nomad at .*certificate/],
  ['a TLS handshake that hangs', { url: () => silent.url }, /^Cannot reach Nomad/, '1'],
])('the main program ends by itself after %s', async (_, scenario, failure, timeout = '60') => {
  const result = await logIn({ command: WITHOUT_EXIT, ...scenario, inputs: { timeout } });
  expect(result.failure).toMatch(failure);
});

test.concurrent('the end is forced if something else keeps the process alive', async () => {
  const command = preload('setTimeout(() => process.kill(process.pid, "SIGKILL"), 20_000);');
  const [main, post] = await Promise.all([logIn({ command, nomad: answer(400) }), cleanUp({ command })]);
  expect(main.exitCode).toBe(1);
  expect(post).toMatchObject({ exitCode: 0, annotations: [] });
});

test('the end is forced by a timer that does not keep the process alive', () => {
  const setTimeout = jest.spyOn(globalThis, 'setTimeout');
  endSoon();
  const timer = setTimeout.mock.results[0]?.value as NodeJS.Timeout;
  setTimeout.mockRestore();
  clearTimeout(timer);
  expect(timer.hasRef()).toBe(false);
});

// Root can write every file, so the check itself is made to fail.
const READ_ONLY = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
fs.appendFileSync = (path) => { if (path === process.env.UNWRITABLE) throw Object.assign(new Error(), { code: 'EACCES' }); };
syncBuiltinESMExports();`;

const FILES = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE'];

test.concurrent.each(FILES)('%s that cannot be written or is not set fails the step before the login', async (name) => {
  expect((await logIn({ env: { [name]: '' } })).failure).toContain(
    `This step cannot write to the path in the variable ${name} (ENOENT)`,
  );
  const env = { [name]: '/precious', UNWRITABLE: '/precious' };
  const { failure, log, requests } = await logIn({ command: preload(READ_ONLY), env });
  expect(failure).toBe(`This step cannot write to the path in the variable ${name} (EACCES)`);
  expect(log).toContain('options: --user root');
  expect(requests).toEqual([]);
});

// On POSIX systems, a pipe holds 64 KiB, and then the writer waits for the reader.
const onPosix = process.platform === 'win32' ? test.skip : test.concurrent;
onPosix('a reader that starts late gets all masks, of more than 64 KiB, and the error after them', async () => {
  const command = ['bash', '-c', 'set -o pipefail; "$0" "$@" | { sleep 1; cat; }', process.execPath];
  const secrets = Array.from({ length: 4_000 }, (_, index) => `hunter2/${String(index).padStart(12, '0')}`);
  const clientKey = `-----BEGIN PRIVATE KEY-----\n${secrets.join('\n')}\n-----END PRIVATE KEY-----`;
  const result = await runMain({ command, inputs: { clientKey } });
  expect(result.raw.length).toBeGreaterThan(128 * 1024);
  expect(result.masks.filter((mask) => secrets.includes(mask))).toHaveLength(secrets.length);
  expect(result.annotations).toEqual([{ level: 'error', message: expect.stringContaining('Input clientKey') }]);
});
