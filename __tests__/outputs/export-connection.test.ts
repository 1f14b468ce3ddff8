import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { adviseAddress } from '../../src/outputs/export-connection.js';
import { createFolder, deleteFolder, writePem } from '../../src/outputs/pem-folder.js';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { useProcess } from '../support/in-process.js';
import { answer, cleanUp, logIn, MANAGEMENT, runJob, TOKEN, type Scenario } from '../support/servers.js';

const ON = { exportConnection: 'true' };
const authority = await createAuthority();
const client = await createClientCertificate(authority);
const server = await createServerCertificate(authority, ['server.global.nomad']);
const mtls = { ...server, ca: authority.cert, requestCert: true };

const root = await mkdtemp(join(tmpdir(), 'outputs-'));
afterAll(() => rm(root, { recursive: true }));
const createTemp = (): Promise<string> => mkdtemp(join(root, 'temp-'));

describe('exportConnection', () => {
  test.concurrent(
    'exports address, region, namespace and Basic credentials, and nothing that does not apply',
    async () => {
      const extraHeaders = 'Authorization: Basic b2N0b2NhdDpodW50ZXIyLWh1bnRlcjI=';
      const result = await logIn({ inputs: { ...ON, region: 'global', namespace: 'apps', extraHeaders } });
      expect(result.exported).toEqual({
        NOMAD_ADDR: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        NOMAD_REGION: 'global',
        NOMAD_NAMESPACE: 'apps',
        NOMAD_HTTP_AUTH: 'octocat:hunter2-hunter2',
        NOMAD_TOKEN: TOKEN.SecretID,
      });
      expect(result.annotations).toEqual([]);
      expect(result.masks).toContain('hunter2-hunter2');
    },
  );

  test.concurrent('empties the variables of an earlier login that do not apply to this one', async () => {
    const names = ['NOMAD_CACERT', 'NOMAD_CAPATH', 'NOMAD_CLIENT_CERT', 'NOMAD_CLIENT_KEY', 'NOMAD_HTTP_AUTH'];
    names.push('NOMAD_NAMESPACE', 'NOMAD_REGION', 'NOMAD_SKIP_VERIFY', 'NOMAD_TLS_SERVER_NAME', 'NOMAD_TOKEN');
    const env = Object.fromEntries(names.map((name) => [name, 'earlier']));
    const { exported } = await logIn({ inputs: { ...ON, exportToken: 'false' }, env });
    expect(exported).toEqual({
      NOMAD_ADDR: expect.stringMatching(/^http:\/\/127/),
      ...Object.fromEntries(names.map((name) => [name, ''])),
    });
  });

  test.concurrent('warns about what later programs make of a base path and an empty NOMAD_SKIP_VERIFY', async () => {
    const url = (address: string): string => `${address}/base/`;
    const result = await logIn({ inputs: ON, url, env: { NOMAD_SKIP_VERIFY: '' } });
    expect(result.exported['NOMAD_ADDR']).toMatch(/\/base$/);
    expect(result.exported).not.toHaveProperty('NOMAD_SKIP_VERIFY');
    expect(result.messages).toEqual([
      expect.stringMatching(/ignore the path of NOMAD_ADDR: .* instead of .*\/base\.$/),
      expect.stringMatching(/^NOMAD_SKIP_VERIFY is set in this job.*nomad-pack/),
    ]);
  });
});

describe('the PEM files of exportConnection', () => {
  test.concurrent('are readable by their owner only, in one folder, which the post step deletes', async () => {
    const temp = await createTemp();
    const env = { RUNNER_TEMP: temp };
    const inputs = {
      ...ON,
      caCertificate: authority.cert,
      clientCertificate: client.cert,
      clientKey: client.key,
      tlsServerName: 'server.global.nomad',
      tlsSkipVerify: 'true',
    };
    const main = await logIn({ tls: mtls, inputs, env });
    expect(main.messages).toContainEqual(expect.stringContaining('tlsSkipVerify is on'));
    const { NOMAD_CACERT = '', NOMAD_CLIENT_CERT = '', NOMAD_CLIENT_KEY = '', ...others } = main.exported;
    const files = [NOMAD_CACERT, NOMAD_CLIENT_CERT, NOMAD_CLIENT_KEY];
    expect(others).toEqual({
      NOMAD_ADDR: expect.stringMatching(/^https:\/\/127/),
      NOMAD_TLS_SERVER_NAME: 'server.global.nomad',
      NOMAD_SKIP_VERIFY: 'true',
      NOMAD_TOKEN: TOKEN.SecretID,
    });
    expect(files.map((file) => readFileSync(file, 'utf8').trim())).toEqual(
      [authority.cert, client.cert, client.key].map((pem) => pem.trim()),
    );
    // Windows does not have these modes. There, the permissions of the folder protect the files.
    const mode = process.platform === 'win32' ? 0o666 : 0o600;
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([mode, mode, mode]);
    const [folder = ''] = readdirSync(temp);
    const names = ['NOMAD_CACERT.pem', 'NOMAD_CLIENT_CERT.pem', 'NOMAD_CLIENT_KEY.pem'];
    expect(files).toEqual(names.map((name) => join(temp, folder, name)));
    expect(await cleanUp({ state: main.state, env })).toMatchObject({ exitCode: 0, annotations: [] });
    expect(readdirSync(temp)).toEqual([]);
  });

  test.concurrent('are those of the inputs if these are paths, which are neither copied nor deleted', async () => {
    const [temp, own] = await Promise.all([createTemp(), createTemp()]);
    writeFileSync(join(own, 'ca'), authority.cert);
    writeFileSync(join(own, 'cert'), client.cert);
    writeFileSync(join(own, 'key'), client.key);
    const inputs = {
      ...ON,
      caCertificate: join(own, 'ca'),
      clientCertificate: relative(process.cwd(), join(own, 'cert')),
      clientKey: join(own, 'key'),
      tlsServerName: 'server.global.nomad',
    };
    const { exported, state, post } = await runJob({ tls: mtls, inputs, env: { RUNNER_TEMP: temp } });
    expect(exported).toMatchObject({
      NOMAD_CACERT: join(own, 'ca'),
      NOMAD_CLIENT_CERT: join(own, 'cert'),
      NOMAD_CLIENT_KEY: join(own, 'key'),
    });
    expect(readdirSync(temp)).toEqual([]);
    expect(state).not.toHaveProperty('folder');
    expect(post.annotations).toEqual([]);
    expect(readdirSync(own)).toEqual(['ca', 'cert', 'key']);
  });

  const withCa: Scenario = {
    inputs: { ...ON, caCertificate: authority.cert },
    nomad: { login: answer(200, MANAGEMENT) },
  };

  test.concurrent('are neither written nor exported without GITHUB_STATE, and a warning says so', async () => {
    const temp = await createTemp();
    const result = await logIn({ ...withCa, env: { RUNNER_TEMP: temp, GITHUB_STATE: '' } });
    expect(result.exported).not.toHaveProperty('NOMAD_CACERT');
    expect(result.messages[0]).toContain('neither written nor exported');
    expect(result.log).toContain('nothing will revoke the token');
    expect(readdirSync(temp)).toEqual([]);
  });

  test.concurrent('that cannot be written fail the step; then the post step revokes the token', async () => {
    const env = { RUNNER_TEMP: join(root, 'absent') };
    const { failure, exported, outputs, post } = await runJob({ ...withCa, env });
    expect(failure).toContain('ENOENT');
    expect({ exported, outputs }).toEqual({ exported: {}, outputs: {} });
    expect(post.log).toContain('is revoked');
  });
});

describe('in this process', () => {
  const output = useProcess();

  test('the folder of PEM files is in RUNNER_TEMP, or that of the system, and is deleted with its files', async () => {
    const temp = await createTemp();
    for (const [path, parent] of [
      ['', tmpdir()],
      [relative(process.cwd(), temp), temp],
    ] as const) {
      process.env['RUNNER_TEMP'] = path;
      const folder = createFolder();
      writePem(folder, 'a.pem', 'pem');
      expect(dirname(folder)).toBe(parent);
      expect(() => writePem(folder, 'a.pem', 'pem')).toThrow('EEXIST');
      // The second time, it does not exist.
      deleteFolder(folder);
      deleteFolder(folder);
      expect(existsSync(folder)).toBe(false);
    }
  });

  test.each([
    ['with another name', (temp: string) => join(temp, 'precious')],
    ['in another folder', () => join(root, 'nomad-jwt-auth-x')],
    ['on a path that leaves RUNNER_TEMP', (temp: string) => `${temp}/../nomad-jwt-auth-x`],
  ])('a folder %s is not deleted', async (_, locate) => {
    const temp = await createTemp();
    process.env['RUNNER_TEMP'] = temp;
    const folder = locate(temp);
    await mkdir(folder, { recursive: true });
    expect(() => {
      deleteFolder(folder);
    }).toThrow('not a folder of this action');
    expect(existsSync(folder)).toBe(true);
  });

  test.each([
    ['', 'is not set in this job'],
    ['https://earlier.example.com', 'names another address'],
    ['https://nomad.example.com/', undefined],
  ])('the advice on NOMAD_ADDR is, for the value %j, that it %s', (address, state) => {
    process.env['NOMAD_ADDR'] = address;
    process.env['GITHUB_ENV'] = import.meta.filename;
    adviseAddress('https://nomad.example.com');
    const line = `Later steps get NOMAD_TOKEN, but NOMAD_ADDR ${String(state)}: set exportConnection to true, or NOMAD_ADDR to https://nomad.example.com.\n`;
    expect(output.text).toBe(state === undefined ? '' : line);
  });
});
