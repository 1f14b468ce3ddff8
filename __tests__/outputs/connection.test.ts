import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { useFixture } from '../support/fixture.js';

// Variables that an earlier login or the workflow may have set.
const EARLIER = {
  NOMAD_ADDR: 'https://earlier.example.com:4646',
  NOMAD_CACERT: '/earlier/ca.pem',
  NOMAD_CAPATH: '/earlier/cas',
  NOMAD_CLIENT_CERT: '/earlier/cert.pem',
  NOMAD_CLIENT_KEY: '/earlier/key.pem',
  NOMAD_HTTP_AUTH: 'octocat:earlier',
  NOMAD_NAMESPACE: 'earlier',
  NOMAD_REGION: 'earlier',
  NOMAD_SKIP_VERIFY: 'true',
  NOMAD_TLS_SERVER_NAME: 'server.earlier.nomad',
};

const fixture = useFixture();
let temp: string;

beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'runner-temp-'));
});

afterEach(() => rm(temp, { recursive: true }));

const logIn = (inputs: Record<string, string>, env: Record<string, string> = {}): Promise<StageResult> =>
  fixture.logIn(inputs, { RUNNER_TEMP: temp, ...env });

describe('exportConnection', () => {
  test('is off by default', async () => {
    const main = await logIn({});
    expect(Object.keys(main.exported)).toEqual(['NOMAD_TOKEN']);
    expect(await readdir(temp)).toEqual([]);
  });

  test('exports the address, the region and the namespace, and nothing that does not apply', async () => {
    const main = await logIn({ exportConnection: 'true', region: 'global', namespace: 'apps' });
    expect(main.exported).toEqual({
      NOMAD_ADDR: fixture.nomad.url,
      NOMAD_REGION: 'global',
      NOMAD_NAMESPACE: 'apps',
      NOMAD_TOKEN: main.outputs['nomadToken'],
    });
  });

  test('clears the variables of an earlier login that do not apply to this one', async () => {
    const main = await logIn({ exportConnection: 'true' }, { ...EARLIER, NOMAD_TOKEN: 'earlier' });
    const emptied = Object.fromEntries(Object.keys(EARLIER).map((name) => [name, '']));
    expect(main.exported).toEqual({
      ...emptied,
      NOMAD_ADDR: fixture.nomad.url,
      NOMAD_TOKEN: main.outputs['nomadToken'],
    });
  });

  test('clears NOMAD_TOKEN of an earlier login if exportToken is false', async () => {
    const inputs = { exportConnection: 'true', exportToken: 'false' };
    const main = await logIn(inputs, { NOMAD_TOKEN: 'earlier' });
    expect(main.exported).toEqual({ NOMAD_ADDR: fixture.nomad.url, NOMAD_TOKEN: '' });
  });

  test('exports the credentials of a Basic Authorization header, masked', async () => {
    const encoded = Buffer.from('octocat:hunter2-hunter2').toString('base64');
    const main = await logIn({ exportConnection: 'true', extraHeaders: `Authorization: Basic ${encoded}` });
    expect(main.exported).toHaveProperty('NOMAD_HTTP_AUTH', 'octocat:hunter2-hunter2');
    expect(main.masks).toContain('octocat:hunter2-hunter2');
  });

  test('does not export any other Authorization header', async () => {
    const main = await logIn({ exportConnection: 'true', extraHeaders: 'Authorization: Bearer hunter2-hunter2' });
    expect(main.exported).not.toHaveProperty('NOMAD_HTTP_AUTH');
  });

  test('exports nothing if a file cannot be written', async () => {
    const { cert } = await createAuthority();
    const inputs = { exportConnection: 'true', caCertificate: cert };
    const main = await logIn(inputs, { RUNNER_TEMP: join(temp, 'absent') });
    expect(main).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
  });

  test('writes no file and warns if no post step would delete it', async () => {
    const { cert } = await createAuthority();
    const main = await logIn({ exportConnection: 'true', caCertificate: cert }, { GITHUB_STATE: '' });
    expect(main.exitCode).toBe(0);
    expect(main.annotations).toEqual([
      { level: 'warning', message: expect.stringContaining('neither written nor exported') },
    ]);
    expect(main.exported).not.toHaveProperty('NOMAD_CACERT');
    expect(await readdir(temp)).toEqual([]);
  });

  test('does not warn about PEM files if there are none', async () => {
    const main = await logIn({ exportConnection: 'true' }, { GITHUB_STATE: '' });
    expect(main).toMatchObject({ exitCode: 0, annotations: [], exported: { NOMAD_ADDR: fixture.nomad.url } });
  });

  test('exports PEM files for TLS that only their owner can read and that the post step deletes', async () => {
    const authority = await createAuthority();
    const client = await createClientCertificate(authority);
    const server = await createServerCertificate(authority, ['server.global.nomad']);
    const mtls = await listen(
      (_, response) => response.end(JSON.stringify({ ...CANNED_TOKEN, ExpirationTime: null })),
      {
        ...server,
        ca: authority.cert,
        requestCert: true,
      },
    );
    const given = {
      inputs: {
        url: mtls.url,
        exportConnection: 'true',
        caCertificate: authority.cert,
        clientCertificate: client.cert,
        clientKey: client.key,
        tlsServerName: 'server.global.nomad',
        tlsSkipVerify: 'true',
      },
      env: { ...fixture.issuer.environment, RUNNER_TEMP: temp },
    };
    const main = await runMain(given);
    await mtls.close();
    const { NOMAD_CACERT = '', NOMAD_CLIENT_CERT = '', NOMAD_CLIENT_KEY = '', ...others } = main.exported;
    expect(others).toEqual({
      NOMAD_ADDR: mtls.url,
      NOMAD_TLS_SERVER_NAME: 'server.global.nomad',
      NOMAD_SKIP_VERIFY: 'true',
      NOMAD_TOKEN: CANNED_TOKEN.SecretID,
    });
    const files = [NOMAD_CACERT, NOMAD_CLIENT_CERT, NOMAD_CLIENT_KEY];
    expect(files.map((file) => readFileSync(file, 'utf8').trim())).toEqual(
      [authority.cert, client.cert, client.key].map((pem) => pem.trim()),
    );
    // Windows does not have these modes. There, the permissions of the folder protect the files.
    const mode = process.platform === 'win32' ? 0o666 : 0o600;
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([mode, mode, mode]);
    expect(files.every((file) => file.startsWith(temp))).toBe(true);
    expect(await runPost(given, main)).toMatchObject({ exitCode: 0, annotations: [] });
    expect(files.filter((file) => existsSync(file))).toEqual([]);
  });
});
