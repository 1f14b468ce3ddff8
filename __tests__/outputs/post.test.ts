import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { askSelf } from '../../testbed/nomad.js';
import { runMain, runPost, type StageResult, type Step } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { useFixture } from '../support/fixture.js';

const fixture = useFixture();
let temp: string;

beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'runner-temp-'));
});

afterEach(() => rm(temp, { recursive: true }));

const step = (inputs: Record<string, string> = {}): Step => ({
  inputs: { url: fixture.nomad.url, ...inputs },
  env: { ...fixture.issuer.environment, RUNNER_TEMP: temp },
});

async function runPostOf(given: Step, main: StageResult): Promise<StageResult> {
  const result = await runPost(given, main);
  if (result === undefined) {
    throw new Error('action.yml names no post program');
  }
  expect(main.masks.filter((secret) => result.printed.includes(secret))).toEqual([]);
  return result;
}

const readSelfStatus = async (secretId?: string): Promise<number> =>
  (await askSelf(fixture.nomad.url, secretId)).status;

describe('the post step', () => {
  test('revokes a management token and logs one line', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(200);
    const post = await runPostOf(given, main);
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
    expect(post.log).toBe(`The management token ${main.outputs['accessorId'] ?? ''} is revoked.`);
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(403);
  });

  test('keeps a management token if revokeToken is false, and its secret is not in the state', async () => {
    const given = step({ methodName: 'admin', revokeToken: 'false' });
    const main = await runMain(given);
    expect(JSON.stringify(main.state)).not.toContain(main.exported['NOMAD_TOKEN']);
    expect(await runPostOf(given, main)).toMatchObject({ exitCode: 0, log: '' });
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(200);
  });

  test('logs when a client token expires, and its secret is not in the state', async () => {
    const main = await runMain(step());
    expect(JSON.stringify(main.state)).not.toContain(main.exported['NOMAD_TOKEN']);
    const post = await runPostOf(step(), main);
    const { accessorId = '', expirationTime = '' } = main.outputs;
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
    expect(post.log).toBe(
      `The client token ${accessorId} stays valid until ${expirationTime.replace(/\.\d+/, '')}: only management tokens can revoke themselves.`,
    );
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(200);
  });

  test('does not warn about a token that is already revoked', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    await runPostOf(given, main);
    const again = await runPostOf(given, main);
    expect(again).toMatchObject({ exitCode: 0, annotations: [] });
    expect(again.log).toContain('had already expired or been revoked');
  });

  test.each([
    ['403', '<title>Blocked</title>'],
    ['403', '<title>Permission denied</title> ACL token not found'],
    ['503', 'Permission denied'],
  ])('does not mistake a %s from a gateway (%s) for a revocation', async (status, body) => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const gateway = await listen((_, response) => response.writeHead(Number(status)).end(body));
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, url: gateway.url } }, main);
    await gateway.close();
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      {
        level: 'warning',
        message: expect.stringMatching(
          new RegExp(`could not be revoked and stays valid until it expires\\. .*\\(${status}\\)`),
        ),
      },
    ]);
  });

  test('warns if the token is still valid after the server has confirmed its deletion', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const gateway = await listen((_, response) => response.end('{}'));
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, url: gateway.url } }, main);
    await gateway.close();
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(/stays valid .*Nomad does not confirm/) },
    ]);
  });

  test('warns once if the server cannot be reached', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const gone = await listen(() => undefined);
    await gone.close();
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, url: gone.url } }, main);
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      {
        level: 'warning',
        message: expect.stringMatching(/^The management token .* could not be revoked and stays valid .*ECONNREFUSED/),
      },
    ]);
  });

  test('warns once if the server does not respond', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const silent = await listen(() => undefined);
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, url: silent.url } }, main);
    await silent.close();
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(/did not respond.*\n127\.0\.0\.1 accepts/) },
    ]);
  });

  test('warns that the token stays valid if its own inputs cannot be read', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, timeout: 'soon' } }, main);
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(/^The management token .* stays valid .*Input timeout/) },
    ]);
  });

  test.each([{ url: 'nonsense' }, { methodName: 'absent' }])(
    'does nothing after a main step that failed: %j',
    async (inputs) => {
      const main = await runMain(step(inputs));
      expect(main.exitCode).toBe(1);
      expect(await runPostOf(step(inputs), main)).toMatchObject({ exitCode: 0, raw: '' });
    },
  );
});
