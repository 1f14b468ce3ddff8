import { afterEach, describe, expect, test } from '@jest/globals';
import { readFiles, readToken } from '../../src/outputs/state.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';

const TOKEN = {
  accessorId: CANNED_TOKEN.AccessorID,
  type: 'management',
  expirationTime: '2030-01-01T00:00:00Z',
  secretId: CANNED_TOKEN.SecretID,
};
const UNREADABLE = 'The state of this step cannot be read';

afterEach(() => {
  process.env['STATE_token'] = '';
  process.env['STATE_files'] = '';
});

async function runPostWith(
  state: Record<string, string>,
  inputs: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<StageResult> {
  const main: StageResult = {
    exitCode: 0,
    log: '',
    collapsedLog: '',
    raw: '',
    printed: '',
    annotations: [],
    masks: [],
    exported: {},
    outputs: {},
    state,
  };
  const post = await runPost({ inputs: { url: 'http://127.0.0.1:9', ...inputs }, env }, main);
  if (post === undefined) {
    throw new Error('action.yml names no post program');
  }
  return post;
}

describe('the token in the state', () => {
  const readTokenFrom = (text: string): unknown => {
    process.env['STATE_token'] = text;
    return readToken();
  };

  test('is null if the main step has saved none', () => {
    expect(readTokenFrom('')).toBeNull();
  });

  test.each([
    TOKEN,
    { ...TOKEN, expirationTime: '' },
    { accessorId: TOKEN.accessorId, type: 'client', expirationTime: '2030-01-01T00:00:00.123+01:00' },
  ])('is read if it is valid: %j', (token) => {
    expect(readTokenFrom(JSON.stringify(token))).toEqual(token);
  });

  test.each([
    'nonsense',
    '"text"',
    '7',
    'true',
    '[]',
    '{}',
    '{"__proto__":{}}',
    JSON.stringify({ ...TOKEN, accessorId: '../policy/deploy' }),
    JSON.stringify({ ...TOKEN, accessorId: `${TOKEN.accessorId}/../x` }),
    JSON.stringify({ ...TOKEN, accessorId: undefined }),
    JSON.stringify({ ...TOKEN, accessorId: [TOKEN.accessorId] }),
    JSON.stringify({ ...TOKEN, secretId: 'x\r\nX-Header: y' }),
    JSON.stringify({ ...TOKEN, secretId: '' }),
    JSON.stringify({ ...TOKEN, secretId: null }),
    JSON.stringify({ ...TOKEN, type: '::add-mask::a' }),
    JSON.stringify({ ...TOKEN, type: 'client\n::add-mask::a' }),
    JSON.stringify({ ...TOKEN, expirationTime: '\n::stop-commands::a' }),
    JSON.stringify({ ...TOKEN, expirationTime: 'soon' }),
  ])('is undefined if it is malformed: %s', (text) => {
    expect(readTokenFrom(text)).toBeUndefined();
  });
});

describe('the files in the state', () => {
  test.each([
    ['', []],
    ['nonsense', []],
    ['{}', []],
    ['"/etc/passwd"', []],
    ['[1,null,{"a":1},"/tmp/a"]', ['/tmp/a']],
  ])('are the strings in a list: %j', (text, expected) => {
    process.env['STATE_files'] = text;
    expect(readFiles()).toEqual(expected);
  });
});

describe('the post step', () => {
  test('warns that the token stays valid if its state is malformed, without quoting it', async () => {
    const post = await runPostWith({ token: JSON.stringify({ ...TOKEN, type: '\n::stop-commands::hunter2' }) });
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(new RegExp(`^${UNREADABLE}.*token.*stays valid`)) },
    ]);
    expect(post.raw).not.toContain('hunter2');
  });

  test.each([
    ['url', 'nonsense'],
    ['timeout', 'soon'],
    ['clientKey', 'nonsense'],
  ])('warns that the token stays valid if the input %s cannot be read', async (name, value) => {
    const post = await runPostWith({ token: JSON.stringify(TOKEN) }, { [name]: value });
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      {
        level: 'warning',
        message: expect.stringMatching(
          new RegExp(
            `^The management token ${TOKEN.accessorId} could not be revoked and stays valid.*Input ${name} `,
            's',
          ),
        ),
      },
    ]);
    expect(post.printed).not.toContain(TOKEN.secretId);
  });

  test('warns that the token stays valid if the environment sets a malformed proxy', async () => {
    const post = await runPostWith(
      { token: JSON.stringify(TOKEN) },
      { url: 'http://192.0.2.1' },
      { HTTP_PROXY: 'ftp://x' },
    );
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(/stays valid.*HTTP_PROXY is not the address/s) },
    ]);
  });

  test('logs that a client token never expires', async () => {
    const { accessorId } = TOKEN;
    const post = await runPostWith({ token: JSON.stringify({ accessorId, type: 'client', expirationTime: '' }) });
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
    expect(post.log).toContain(`The client token ${accessorId} never expires: `);
  });

  test('masks the token before anything else', async () => {
    const post = await runPostWith({ token: JSON.stringify(TOKEN) });
    expect(post.raw).toMatch(new RegExp(`^::add-mask::${TOKEN.secretId}\n`));
  });
});

describe('variables that an earlier step has exported', () => {
  test.each(['STATE_isPost', 'STATE_ispost', 'STATE_token', 'STATE_files'])(
    'do not make the step skip the login: %s',
    async (name) => {
      const server = await listen((_, response) => response.end(JSON.stringify(CANNED_TOKEN)));
      const main = await runMain({
        inputs: { url: server.url, identityToken: 'e30.e30.x' },
        env: { [name]: 'true' },
      });
      await server.close();
      expect(main.exitCode).toBe(0);
      expect(main.outputs['accessorId']).toBe(CANNED_TOKEN.AccessorID);
    },
  );
});
