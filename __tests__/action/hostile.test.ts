import { expect, test } from '@jest/globals';
import { explain } from '../../src/failures/explain.js';
import { Failure } from '../../src/failures/failure.js';
import { parseJwt } from '../../src/jwt.js';
import { useProcess } from '../support/in-process.js';
import { answer, createJwt, logIn, type Scenario } from '../support/servers.js';

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

useProcess();

const REFUSALS = ['invalid audience (aud)', '(exp) claim: x', 'verify id token signature'];
const nested = `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`;

test.each([
  ['claims that are nested 8,000 levels deep', `{"aud":${nested},"iss":${nested}}`],
  ['odd objects', '{"__proto__":{"iss":"x"},"toJSON":1,"constructor":1,"iss":{"toString":1},"aud":{"toJSON":{}}}'],
  ['malformed times', '{"exp":1e308,"nbf":"x","iat":[]}'],
  ['no claims', '{}'],
])('a refused JWT that is made to crash the explanation is explained: %s', (_, text) => {
  const jwt = parseJwt(createJwt(text), true);
  for (const refusal of REFUSALS) {
    const explanation = explain(
      new Failure({ from: 'nomad', status: 401, text: refusal }, 'Nomad refused the login', { ...(jwt && { jwt }) }),
    );
    expect(explanation).toMatch(/^Nomad refused the login\.\n./);
    expect(explanation).not.toMatch(/undefined|\[object|NaN/);
  }
});
