import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createFolder, deleteFolder, readToken } from '../../src/outputs/state.js';
import { createTestFolder, useProcess } from '../support/in-process.js';
import { answer, cleanUp, logIn, MANAGEMENT, runJob, TOKEN, type Nomad, type Respond } from '../support/servers.js';

const { AccessorID, SecretID } = TOKEN;
const AS_MANAGEMENT = { login: answer(200, MANAGEMENT) };
const root = createTestFolder();

describe('the state that the main program saves', () => {
  test.concurrent.each<[string, Nomad, string]>([
    ['a client token', {}, 'true'],
    ['a management token that revokeToken says to keep', AS_MANAGEMENT, 'false'],
  ])('contains no secret for %s, and the post program sends nothing', async (_, nomad, revokeToken) => {
    const inputs = { revokeToken, extraHeaders: 'X-Api-Key: hunter2-hunter2' };
    const { state, requests, post } = await runJob({ nomad, inputs });
    expect(state).toEqual({ token: expect.stringContaining(AccessorID) });
    expect(JSON.stringify(state)).not.toMatch(new RegExp(`${SecretID}|hunter2`));
    expect(requests.map(({ call }) => call)).toEqual(['POST /v1/acl/login', 'GET /v1/acl/token/self']);
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test.concurrent('is saved before Nomad is asked for the token, because a job can be canceled meanwhile', async () => {
    const file = join(root, 'state');
    writeFileSync(file, '');
    let saved = '';
    const self: Respond = (...call) => {
      saved = readFileSync(file, 'utf8');
      answer(200, MANAGEMENT)(...call);
    };
    const { failure } = await logIn({ nomad: { ...AS_MANAGEMENT, self }, env: { GITHUB_STATE: file } });
    expect([failure, saved]).toEqual(['', expect.stringContaining(`"secretId":"${SecretID}"`)]);
  });

  test.concurrent('is empty after a login that failed, and the post program prints nothing', async () => {
    const { state, post } = await runJob({ nomad: answer(400) });
    expect(state).toEqual({});
    expect(post).toMatchObject({ exitCode: 0, raw: '' });
  });
});

describe('the state that the post program reads', () => {
  const ids = { accessorId: AccessorID, secretId: SecretID };
  const SAVED = { ...ids, type: 'management', expirationTime: '', connection: { url: 'http://localhost:4646' } };
  useProcess();

  test.each([
    {},
    { ...SAVED, accessorId: `${AccessorID}/../x` },
    { ...SAVED, secretId: 'x\r\nX-Header: y' },
    { ...SAVED, secretId: undefined },
    { ...SAVED, type: 'client\n::add-mask::a' },
  ])('is refused if it is malformed: %j', (token) => expect(() => readToken(JSON.stringify(token))).toThrow());

  test.concurrent('causes one warning each if token and folder are malformed, which does not quote them', async () => {
    const state = { token: JSON.stringify({ ...SAVED, type: '\n::stop-commands::hunter2' }), folder: '/etc' };
    const post = await cleanUp({ state });
    expect(post).toMatchObject({ exitCode: 0, requests: [] });
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringContaining('is not a folder of this action in RUNNER_TEMP') },
      { level: 'warning', message: expect.stringMatching(/^The state of this step cannot be read: .*stays valid/) },
    ]);
    expect(post.raw).not.toContain('hunter2');
  });
});

describe('the folder of PEM files', () => {
  useProcess();

  test.each([
    ['', tmpdir()],
    [relative(process.cwd(), root), root],
  ])('with RUNNER_TEMP %j is in %s, and is deleted with its files', (path, parent) => {
    process.env['RUNNER_TEMP'] = path;
    const folder = createFolder();
    writeFileSync(join(folder, 'a.pem'), 'pem');
    expect(dirname(folder)).toBe(parent);
    // The second time, it does not exist.
    deleteFolder(folder);
    deleteFolder(folder);
    expect(existsSync(folder)).toBe(false);
  });

  test.each(['/precious', '/../nomad-jwt-auth-x'])(
    'is not one on the path RUNNER_TEMP%s, which is not deleted',
    (path) => {
      process.env['RUNNER_TEMP'] = root;
      expect(() => deleteFolder(root + path)).toThrow('not a folder of this action');
    },
  );
});
