import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { choosePath, deletePem, writePem } from '../../src/outputs/files.js';
import { createAuthority, createServerCertificate, type Certificate } from '../../testbed/certificates.js';
import { runMain, runPost, type StageResult, type Step } from '../../testbed/runner.js';
import { listen, type LoopbackServer } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';

const EARLIER_TEMP = process.env['RUNNER_TEMP'];
const NAME = 'nomad-c0ffee00-0000-4000-8000-000000000001.pem';
const TOKEN = { ...CANNED_TOKEN, Type: 'management' };

let authority: Certificate;
let nomad: LoopbackServer;
let temp: string;

beforeAll(async () => {
  authority = await createAuthority();
  const server = await createServerCertificate(authority, ['127.0.0.1']);
  nomad = await listen((_, response) => response.end(JSON.stringify(TOKEN)), server);
});

afterAll(() => nomad.close());

beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'files-'));
  process.env['RUNNER_TEMP'] = temp;
});

afterEach(async () => {
  process.env['RUNNER_TEMP'] = EARLIER_TEMP ?? '';
  await rm(temp, { recursive: true });
});

const step = (inputs: Record<string, string> = {}, env: Record<string, string> = {}): Step => ({
  inputs: {
    url: nomad.url,
    identityToken: 'e30.e30.x',
    caCertificate: authority.cert,
    exportConnection: 'true',
    ...inputs,
  },
  env: { RUNNER_TEMP: temp, ...env },
});

const levels = ({ annotations }: StageResult): string[] => annotations.map(({ level }) => level);

describe('a PEM file', () => {
  test('is in the folder of RUNNER_TEMP, even if that is relative', () => {
    process.env['RUNNER_TEMP'] = relative(process.cwd(), temp);
    const path = choosePath();
    expect(isAbsolute(path)).toBe(true);
    expect(resolve(path, '..')).toBe(resolve(temp));
  });

  test('is in the temporary folder of the system if RUNNER_TEMP is empty', () => {
    process.env['RUNNER_TEMP'] = '';
    expect(resolve(choosePath(), '..')).toBe(resolve(tmpdir()));
  });

  test('does not replace a file that already exists', async () => {
    const path = choosePath();
    await writeFile(path, 'mine');
    expect(() => {
      writePem(path, 'pem');
    }).toThrow('EEXIST');
  });

  test('is deleted', () => {
    const path = choosePath();
    writePem(path, 'pem');
    expect(existsSync(path)).toBe(true);
    deletePem(path);
    expect(existsSync(path)).toBe(false);
  });

  test('can be missing when it is deleted', () => {
    expect(() => {
      deletePem(choosePath());
    }).not.toThrow();
  });

  test.each([
    ['with another name', 'precious.pem'],
    ['whose name only ends like that of a PEM file', `x${NAME}`],
    ['whose name only begins like that of a PEM file', `${NAME}.bak`],
    ['in a subfolder', `below/${NAME}`],
  ])('is not confused with a file %s, which is kept', async (_, name) => {
    await mkdir(join(temp, 'below'));
    await writeFile(join(temp, name), 'precious');
    deletePem(join(temp, name));
    expect(existsSync(join(temp, name))).toBe(true);
  });

  test.each([
    ['in another folder', (other: string) => join(other, NAME)],
    ['on a path that leaves the folder', (other: string) => `${temp}/../${basename(other)}/${NAME}`],
    ['with a relative path', (other: string) => relative(process.cwd(), join(other, NAME))],
  ])('is not confused with a file %s, which is kept', async (_, describePath) => {
    const other = await mkdtemp(join(tmpdir(), 'other-'));
    const file = join(other, NAME);
    await writeFile(file, 'precious');
    deletePem(describePath(other));
    const isThere = existsSync(file);
    await rm(other, { recursive: true });
    expect(isThere).toBe(true);
  });
});

describe('the post step', () => {
  test('deletes the files of its main step, and warns about any other file in its state', async () => {
    const main = await runMain(step());
    const [written = ''] = await readdir(temp);
    await writeFile(join(temp, 'precious.pem'), 'precious');
    const paths = [join(temp, 'precious.pem'), ...(JSON.parse(main.state['files'] ?? '') as string[])];
    const post = await runPost(step(), { ...main, state: { files: JSON.stringify(paths) } });
    expect(post?.exitCode).toBe(0);
    expect(post?.annotations).toEqual([{ level: 'warning', message: expect.stringContaining('it is not deleted') }]);
    expect(written).toMatch(/^nomad-.*\.pem$/);
    expect(await readdir(temp)).toEqual(['precious.pem']);
  });

  test('deletes the files even if the token cannot be revoked', async () => {
    const main = await runMain(step());
    expect(await readdir(temp)).toHaveLength(1);
    const post = await runPost(step({ url: 'nonsense' }), main);
    expect(post?.annotations).toEqual([{ level: 'warning', message: expect.stringContaining('stays valid') }]);
    expect(await readdir(temp)).toEqual([]);
  });

  test('deletes the other files if one cannot be deleted, and still tries to revoke the token', async () => {
    const main = await runMain(step());
    const folder = join(temp, NAME);
    await mkdir(folder);
    const files = [folder, ...(JSON.parse(main.state['files'] ?? '') as string[])];
    const post = await runPost(step(), { ...main, state: { ...main.state, files: JSON.stringify(files) } });
    expect(post?.exitCode).toBe(0);
    expect(post?.annotations[0]).toEqual({ level: 'warning', message: expect.stringContaining('PEM file') });
    expect(post?.annotations[1]?.message).toContain('The management token');
    expect(await readdir(temp)).toEqual([NAME]);
  });
});

describe('if a PEM file cannot be written', () => {
  test('nothing is exported, and there is one annotation', async () => {
    const main = await runMain(step({}, { RUNNER_TEMP: join(temp, 'absent') }));
    expect(main.exitCode).toBe(1);
    expect(main.exported).toEqual({});
    expect(main.annotations.filter(({ level }) => level === 'error')).toEqual([
      { level: 'error', message: expect.stringContaining('ENOENT') },
    ]);
  });

  test('the token is still saved for the post step', async () => {
    const main = await runMain(step({}, { RUNNER_TEMP: join(temp, 'absent') }));
    expect(JSON.parse(main.state['token'] ?? '')).toMatchObject({ secretId: CANNED_TOKEN.SecretID });
  });
});

describe('without GITHUB_STATE', () => {
  test('no file is written or exported, and a warning says so', async () => {
    const main = await runMain(step({}, { GITHUB_STATE: '' }));
    expect(main.exitCode).toBe(0);
    expect(await readdir(temp)).toEqual([]);
    expect(main.exported).toEqual({ NOMAD_ADDR: nomad.url, NOMAD_TOKEN: CANNED_TOKEN.SecretID });
    expect(main.annotations).toContainEqual({ level: 'warning', message: expect.stringContaining('GITHUB_STATE') });
  });

  test('the log says that the token is not revoked, and does not show it', async () => {
    const main = await runMain(step({ exportConnection: 'false' }, { GITHUB_STATE: '' }));
    expect(main.log).toContain('nothing will revoke the token');
    expect(main.printed).not.toContain(CANNED_TOKEN.SecretID);
  });
});

describe('a relative RUNNER_TEMP', () => {
  test('is exported as an absolute path', async () => {
    const main = await runMain(step({}, { RUNNER_TEMP: relative(process.cwd(), temp) }));
    expect((main.exported['NOMAD_CACERT'] ?? '').startsWith(temp)).toBe(true);
    expect(existsSync(main.exported['NOMAD_CACERT'] ?? '')).toBe(true);
  });
});

describe('a token of an earlier login', () => {
  test('is cleared if this login exports its address but not its token', async () => {
    const main = await runMain(step({ exportToken: 'false' }, { NOMAD_TOKEN: 'earlier' }));
    expect(main.exported).toMatchObject({ NOMAD_ADDR: nomad.url, NOMAD_TOKEN: '' });
    expect(levels(main)).not.toContain('error');
  });

  test('is kept if the connection is not exported', async () => {
    const main = await runMain(step({ exportToken: 'false', exportConnection: 'false' }, { NOMAD_TOKEN: 'earlier' }));
    expect(main.exported).toEqual({});
  });
});
