import { expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, type JWTPayload } from 'jose';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { omit, RENEWED } from '../../simulator/identities.js';
import { startIssuer } from '../../testbed/issuer.js';
import { runMain, runPost } from '../../testbed/runner.js';

test('the fake GitHub issuer issues JWTs only to jobs, for the requested audience or the one of the owner', async () => {
  const issuer = await startIssuer();
  const request = async (job: Record<string, string>, query = ''): Promise<JWTPayload | number> => {
    const headers = { authorization: `Bearer ${job['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''}` };
    const response = await fetch(`${job['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''}${query}`, { headers });
    const { value } = (await response.json()) as { value?: string };
    return value === undefined ? response.status : decodeJwt(value);
  };
  const claims = omit(exampleClaims, RENEWED);
  expect(await request(issuer.environment, '&audience=a%26b')).toMatchObject({ ...claims, aud: 'a&b' });
  const other = { ...claims, repository_owner: 'other-org', aud: 'https://github.com/other-org' };
  expect(await request(issuer.startJob({ repository_owner: 'other-org' }))).toMatchObject(other);
  expect(await request({ ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'other' })).toBe(401);
  await issuer.close();
});

const PROGRAM = `
    const { appendFileSync } = require('node:fs');
    console.log('before hunter2');
    console.log('::add-mask::hunter2');
    console.log('after hunter2');
    console.log('::error title=x::first%0Asecond 100%25 hunter2');
    console.log('::debug::quiet');
    console.log('said ##[error]old form');
    console.log('::group::More');
    console.log('a=' + process.env.INPUT_A + ' b=' + process.env.INPUT_B_C + ' state=' + process.env.STATE_seen);
    console.log('::endgroup::');
    console.log('last');
    appendFileSync(process.env.GITHUB_ENV, 'ONE<<EOD\\n1\\n2\\nEOD\\nTWO=2=2\\n');
    appendFileSync(process.env.GITHUB_OUTPUT, 'out<<EOD\\n\\nEOD\\n');
    appendFileSync(process.env.GITHUB_STATE, 'seen<<EOD\\nyes\\nEOD\\n');
    process.exitCode = 3;
  `;

test('the runner executes commands, masks secrets, and runs the post program with the state of the main program', async () => {
  const action = await mkdtemp(join(tmpdir(), 'action-'));
  const runs = { main: 'program.cjs', post: 'program.cjs' };
  await writeFile(join(action, 'action.yml'), JSON.stringify({ inputs: { a: { default: 'one' }, 'b c': null }, runs }));
  await writeFile(join(action, 'program.cjs'), PROGRAM);
  const main = await runMain({ action, inputs: { 'b c': 'two' } });
  const post = await runPost({ action, env: { RUNNER_DEBUG: '1' }, state: main.state });
  await rm(action, { recursive: true });
  const start = ['before hunter2', 'after ***', 'Error: first', 'second 100% ***', 'Error: old form'];
  expect(main).toMatchObject({
    exitCode: 3,
    log: [...start, '▾ More', 'a=one b=two state=undefined', 'last'].join('\n'),
    collapsedLog: [...start, '▸ More', 'last'].join('\n'),
    printed: expect.stringContaining('after hunter2'),
    annotations: ['first\nsecond 100% ***', 'old form'].map((message) => ({ level: 'error', message })),
    masks: ['hunter2'],
    exported: { ONE: '1\n2', TWO: '2=2' },
    outputs: { out: '' },
    state: { seen: 'yes' },
  });
  expect(main.printed).not.toContain('add-mask');
  expect(post.log).toMatch(/^##\[debug\]quiet[^]* state=yes$/m);
});
