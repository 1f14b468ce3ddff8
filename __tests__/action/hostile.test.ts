import { expect, test } from '@jest/globals';
import { answer, logIn, type Scenario } from '../support/servers.js';

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu;
// The lines that the runner executes as commands, after characters that it ignores.
const COMMAND = /^\s*::[a-z-]+(?: [^:]*)?::|##\[[a-z-]+[ \]]/i;
const HARMLESS = /^::(?:add-mask::(?!Nomad)|debug::|error::|group::|endgroup::)/;

const HOSTILE = [
  ...['', '\u00a0\u2003', '\u200b', 'x\n', 'x\r', 'x%0A'].map((start) => `${start}::stop-commands::hunter2`),
  ...['::add-mask::Nomad', '##[set-output name=nomadToken]hunter2', '#\u200b#[stop-commands]hunter2'],
];
const TEXT = HOSTILE.join('\n');
const VALUES = HOSTILE.flatMap((text) => [text, [text], { [text]: text }]);
const claims = {
  ...Object.fromEntries(HOSTILE.map((text) => [text, 'hidden'])),
  ...Object.fromEntries(VALUES.map((value, index) => [`repo_property_${String(index)}`, value])),
};
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const identityToken = `${encode({ alg: TEXT, kid: TEXT })}.${encode({ ...claims, iss: TEXT })}.x`;

const unknown = answer(400, `auth-method "${TEXT}" not found`);
const methods = answer(200, [{ Name: TEXT, Type: 'JWT' }]);
test.concurrent.each<[string, Scenario]>([
  ['in a JWT', { inputs: { identityToken }, nomad: answer(401, 'failed to verify id token signature') }],
  ['in a response that is retried', { nomad: answer(503, TEXT), inputs: { timeout: '1' } }],
  ['in the names of auth methods', { nomad: { login: unknown, methods } }],
  ["in GitHub's refusal", { github: answer(401, { message: TEXT }) }],
])('a workflow command is never executed %s', async (_, scenario) => {
  const result = await logIn(scenario);
  const lines = result.raw.split(/\r\n|\r|\n/).map((line) => line.replace(INVISIBLE, ''));
  expect(lines.filter((line) => COMMAND.test(line) && !HARMLESS.test(line))).toEqual([]);
  expect(result.annotations).toHaveLength(1);
  expect(result.masks).not.toContain('Nomad');
  expect(result.failure).not.toBe('');
});
