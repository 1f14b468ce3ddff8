import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  createAuthority,
  createClientCertificate,
  createServerCertificate,
  type Certificate,
} from '../../testbed/certificates.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { askSelf, startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { runMain, runPost, type StageResult, type Step } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { setUpGithubMethod } from '../../testbed/github-method.js';

let issuer: Issuer;
let nomad: NomadServer;
let temp: string;

beforeAll(async () => {
  issuer = await startIssuer();
});

beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'runner-temp-'));
  nomad = await startFakeCluster();
  await setUpGithubMethod(nomad.admin, issuer);
  await nomad.admin.putMethod('admin', { JWKSURL: issuer.jwksUrl });
  await nomad.admin.putRule({ AuthMethod: 'admin', BindType: 'management' });
});

afterEach(async () => {
  await nomad.close();
  await rm(temp, { recursive: true });
});

afterAll(() => issuer.close());

const step = (inputs: Record<string, string> = {}): Step => ({
  inputs: { url: nomad.url, ...inputs },
  env: { ...issuer.environment, RUNNER_TEMP: temp },
});

async function runPostOf(given: Step, main: StageResult): Promise<StageResult> {
  const result = await runPost(given, main);
  if (result === undefined) {
    throw new Error('action.yml names no post program');
  }
  expect(main.masks.filter((secret) => result.printed.includes(secret))).toEqual([]);
  return result;
}

const readSelfStatus = async (secretId?: string): Promise<number> => (await askSelf(nomad.url, secretId)).status;

describe('after the job', () => {
  test('a management token is deleted, and one line says so', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(200);
    const post = await runPostOf(given, main);
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
    expect(post.log).toBe(`The management token ${main.outputs['accessorId'] ?? ''} is deleted.`);
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(403);
  });

  test('a management token is kept where revokeToken is false, and no secret lies in the state', async () => {
    const given = step({ methodName: 'admin', revokeToken: 'false' });
    const main = await runMain(given);
    expect(JSON.stringify(main.state)).not.toContain(main.exported['NOMAD_TOKEN']);
    expect(await runPostOf(given, main)).toMatchObject({ exitCode: 0, log: '' });
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(200);
  });

  test('a client token is left to expire, one line says when, and no secret lies in the state', async () => {
    const main = await runMain(step());
    expect(JSON.stringify(main.state)).not.toContain(main.exported['NOMAD_TOKEN']);
    const post = await runPostOf(step(), main);
    const { accessorId = '', expirationTime = '' } = main.outputs;
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
    expect(post.log).toBe(
      `The client token ${accessorId} expires ${expirationTime}: Nomad lets no client token delete itself.`,
    );
    expect(await readSelfStatus(main.exported['NOMAD_TOKEN'])).toBe(200);
  });

  test('a token that is gone already is no trouble', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    await runPostOf(given, main);
    const again = await runPostOf(given, main);
    expect(again).toMatchObject({ exitCode: 0, annotations: [] });
    expect(again.log).toContain('was gone already');
  });

  test('a refusal by something that is not Nomad does not pass for a token that is gone', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const firewall = await listen((_, response) => response.writeHead(403).end('<title>Blocked</title>'));
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, url: firewall.url } }, main);
    await firewall.close();
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(/could not be deleted, and lives on\. .*\(403\)/) },
    ]);
  });

  test('a server that is gone is one warning', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    await nomad.close();
    const post = await runPostOf(given, main);
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      {
        level: 'warning',
        message: expect.stringMatching(/^The management token .* could not be deleted, and lives on\. .*ECONNREFUSED/),
      },
    ]);
  });

  test('a server that stays silent is one warning, too', async () => {
    const given = step({ methodName: 'admin' });
    const main = await runMain(given);
    const silent = await listen(() => undefined);
    const post = await runPostOf({ ...given, inputs: { ...given.inputs, url: silent.url } }, main);
    await silent.close();
    expect(post.exitCode).toBe(0);
    expect(post.annotations).toEqual([
      { level: 'warning', message: expect.stringMatching(/gave no answer.*\n127\.0\.0\.1 takes/) },
    ]);
  });

  test.each([{ url: 'nonsense' }, { methodName: 'absent' }])(
    'a main step that failed leaves nothing: %j',
    async (inputs) => {
      const main = await runMain(step(inputs));
      expect(main.exitCode).toBe(1);
      expect(await runPostOf(step(inputs), main)).toMatchObject({ exitCode: 0, raw: '' });
    },
  );
});

describe('exportConnection', () => {
  test('is off by default', async () => {
    const main = await runMain(step());
    expect(Object.keys(main.exported)).toEqual(['NOMAD_TOKEN']);
    expect(await readdir(temp)).toEqual([]);
  });

  test('exports the address and the region alone where there is no more', async () => {
    const main = await runMain(step({ exportConnection: 'true', region: 'global' }));
    expect(main.exported).toEqual({
      NOMAD_ADDR: nomad.url,
      NOMAD_REGION: 'global',
      NOMAD_TOKEN: main.outputs['nomadToken'],
    });
  });

  test('exports what TLS needs, in files of which nobody else can read a byte, and which go after the job', async () => {
    const authority: Certificate = await createAuthority();
    const client = await createClientCertificate(authority);
    const server = await createServerCertificate(authority, ['server.global.nomad']);
    const token = {
      SecretID: 'c0ffee00-0000-4000-8000-000000000001',
      AccessorID: 'c0ffee00-0000-4000-8000-000000000002',
    };
    const mtls = await listen((_, response) => response.end(JSON.stringify({ ...token, Type: 'client' })), {
      ...server,
      ca: authority.cert,
      requestCert: true,
    });
    const given = step({
      url: mtls.url,
      exportConnection: 'true',
      caCertificate: authority.cert,
      clientCertificate: client.cert,
      clientKey: client.key,
      tlsServerName: 'server.global.nomad',
      tlsSkipVerify: 'true',
    });
    const main = await runMain(given);
    await mtls.close();
    const { NOMAD_CACERT = '', NOMAD_CLIENT_CERT = '', NOMAD_CLIENT_KEY = '', ...others } = main.exported;
    expect(others).toEqual({
      NOMAD_ADDR: mtls.url,
      NOMAD_TLS_SERVER_NAME: 'server.global.nomad',
      NOMAD_SKIP_VERIFY: 'true',
      NOMAD_TOKEN: token.SecretID,
    });
    const files = [NOMAD_CACERT, NOMAD_CLIENT_CERT, NOMAD_CLIENT_KEY];
    expect(files.map((file) => readFileSync(file, 'utf8').trim())).toEqual(
      [authority.cert, client.cert, client.key].map((pem) => pem.trim()),
    );
    // Windows has no such modes: there the folder of the runner's user protects what is in it.
    const mode = process.platform === 'win32' ? 0o666 : 0o600;
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([mode, mode, mode]);
    expect(files.every((file) => file.startsWith(temp))).toBe(true);

    expect(await runPostOf(given, main)).toMatchObject({ exitCode: 0, annotations: [] });
    expect(files.filter((file) => existsSync(file))).toEqual([]);
  });
});
