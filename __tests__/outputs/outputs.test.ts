import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { adviseAddress } from '../../src/outputs/outputs.js';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import type { Inputs } from '../../src/inputs/inputs.js';
import { connectTo, createTestFolder, useProcess } from '../support/in-process.js';
import { cleanUp, logIn, runJob, TOKEN } from '../support/servers.js';

const ON = { exportConnection: 'true' };
const NAME = 'server.global.nomad';
const authority = await createAuthority();
const client = await createClientCertificate(authority);
const server = await createServerCertificate(authority, [NAME]);
const PEMS = [
  ['NOMAD_CACERT', 'caCertificate', authority.cert],
  ['NOMAD_CLIENT_CERT', 'clientCertificate', client.cert],
  ['NOMAD_CLIENT_KEY', 'clientKey', client.key],
] as const;
const tls = { ...server, ca: authority.cert, requestCert: true };

const root = createTestFolder();
const createTemp = (): string => mkdtempSync(join(root, 'temp-'));

describe('exportConnection', () => {
  test.concurrent('exports what applies to this login, and empties the other variables of an earlier one', async () => {
    const names = ['NOMAD_CACERT', 'NOMAD_CAPATH', 'NOMAD_CLIENT_CERT', 'NOMAD_CLIENT_KEY', 'NOMAD_HTTP_AUTH'];
    names.push('NOMAD_NAMESPACE', 'NOMAD_REGION', 'NOMAD_SKIP_VERIFY', 'NOMAD_TLS_SERVER_NAME', 'NOMAD_TOKEN');
    const fill = (value: string): Record<string, string> => Object.fromEntries(names.map((name) => [name, value]));
    const extraHeaders = 'Authorization: Basic b2N0b2NhdDpodW50ZXIyLWh1bnRlcjI=';
    const inputs = { ...ON, region: 'global', namespace: 'apps', extraHeaders, exportToken: 'false' };
    const { exported, messages } = await logIn({ inputs, env: fill('earlier') });
    expect(messages).toEqual([expect.stringContaining('NOMAD_SKIP_VERIFY is set in this job')]);
    expect(exported).toEqual({
      ...fill(''),
      NOMAD_ADDR: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      NOMAD_REGION: 'global',
      NOMAD_NAMESPACE: 'apps',
      NOMAD_HTTP_AUTH: 'octocat:hunter2-hunter2',
    });
  });

  test.concurrent('warns about what later programs make of a base path and an empty NOMAD_SKIP_VERIFY', async () => {
    const url = (address: string): string => `${address}/base/`;
    const { exported, messages } = await logIn({ inputs: ON, url, env: { NOMAD_SKIP_VERIFY: '' } });
    expect(exported).toEqual({ NOMAD_ADDR: expect.stringMatching(/\/base$/), NOMAD_TOKEN: TOKEN.SecretID });
    expect(messages).toEqual([
      expect.stringMatching(/ignore the path of NOMAD_ADDR: .* instead of .*\/base\.$/),
      expect.stringMatching(/^NOMAD_SKIP_VERIFY is set in this job.*nomad-pack/),
    ]);
  });
});

describe('the PEM files of exportConnection', () => {
  test.concurrent('are readable by their owner only, in one folder, which the post step deletes', async () => {
    const temp = createTemp();
    const env = { RUNNER_TEMP: temp };
    const given = Object.fromEntries(PEMS.map(([, input, pem]) => [input, pem]));
    const main = await logIn({ tls, inputs: { ...ON, ...given, tlsServerName: NAME, tlsSkipVerify: 'true' }, env });
    expect(main.messages).toContainEqual(expect.stringContaining('tlsSkipVerify is on'));
    const [folder = ''] = readdirSync(temp);
    const files = PEMS.map(([name]) => [name, join(temp, folder, `${name}.pem`)] as const);
    expect(main.exported).toEqual({
      ...Object.fromEntries(files),
      NOMAD_ADDR: expect.stringMatching(/^https:\/\/127/),
      NOMAD_TLS_SERVER_NAME: NAME,
      NOMAD_SKIP_VERIFY: 'true',
      NOMAD_TOKEN: TOKEN.SecretID,
    });
    const written = files.map(([, file]) => [readFileSync(file, 'utf8'), statSync(file).mode & 0o777]);
    // Windows does not have these modes. There, the permissions of the folder protect the files.
    const mode = process.platform === 'win32' ? 0o666 : 0o600;
    expect(written).toEqual(PEMS.map(([, , pem]) => [`${pem.trim()}\n`, mode]));
    expect(await cleanUp({ state: main.state, env })).toMatchObject({ exitCode: 0, annotations: [] });
    expect(readdirSync(temp)).toEqual([]);
  });

  test.concurrent('are copies of those that the inputs name, which the post step does not delete', async () => {
    const [temp, own] = [createTemp(), createTemp()];
    writeFileSync(join(own, 'ca.pem'), authority.cert);
    const inputs = { ...ON, caCertificate: relative(process.cwd(), join(own, 'ca.pem')) };
    const { exported, post } = await runJob({ inputs, env: { RUNNER_TEMP: temp } });
    expect(exported['NOMAD_CACERT']).toMatch(/nomad-jwt-auth-\w+.NOMAD_CACERT\.pem$/);
    expect(post.annotations).toEqual([]);
    expect([readdirSync(temp), readdirSync(own)]).toEqual([[], ['ca.pem']]);
  });

  test.concurrent('whose folder does not exist fail the step before the login, unless none is needed', async () => {
    const env = { RUNNER_TEMP: join(root, 'absent') };
    const { failure, requests } = await logIn({ inputs: { ...ON, caCertificate: authority.cert }, env });
    expect([failure, requests]).toEqual([
      'This step cannot write to the path in the variable RUNNER_TEMP (ENOENT)',
      [],
    ]);
    expect((await logIn({ inputs: ON, env })).failure).toBe('');
  });
});

describe('the advice on the environment of later steps', () => {
  const output = useProcess();

  test.each<[others: Record<string, string>, url: string, advice: string]>([
    [{ NOMAD_REGION: 'eu', NOMAD_NAMESPACE: '' }, 'https://nomad.example.com', ''],
    [
      {},
      'https://a.com',
      'NOMAD_ADDR has another value, NOMAD_REGION is not set in this job: set exportConnection to true, or NOMAD_ADDR to https://a.com, NOMAD_REGION to eu.',
    ],
    [
      { NOMAD_REGION: 'global', NOMAD_NAMESPACE: 'ci' },
      'https://nomad.example.com',
      "NOMAD_REGION has another value, NOMAD_NAMESPACE has another value in this job: set exportConnection to true, or NOMAD_REGION to eu, NOMAD_NAMESPACE to ''.",
    ],
  ])('is, beside %j and after a login to %s: %s', (others, url, advice) => {
    Object.assign(process.env, { NOMAD_ADDR: 'https://nomad.example.com/', ...others });
    adviseAddress({ connection: connectTo(url, { region: 'eu' }) } as Inputs);
    expect(output.text).toBe(advice && `Later steps get NOMAD_TOKEN, but ${advice}\n`);
  });
});
