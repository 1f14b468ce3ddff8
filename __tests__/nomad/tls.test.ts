import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generate } from 'selfsigned';
import type { Connection } from '../../src/inputs/inputs.js';
import {
  createAuthority,
  createClientCertificate,
  createServerCertificate,
  type Certificate,
} from '../../testbed/certificates.js';
import { catchFailure, meetNomad, useProcess } from '../support/in-process.js';
import { issue, logIn, type Outcome, type Scenario } from '../support/servers.js';

const NAME = 'server.global.nomad';
const canTrustSystem = 'setDefaultCACertificates' in tls;
const refusesWeakKeys = Number(process.versions.node.split('.')[0]) >= 24;

let authority: Certificate;
let server: Certificate;
let client: Certificate;
let stranger: Certificate;
let namesake: Certificate;
let folder: string;
let file: string;

useProcess();

beforeAll(async () => {
  authority = await createAuthority();
  server = await createServerCertificate(authority, [NAME, 'nomad.example.com']);
  client = await createClientCertificate(authority);
  stranger = await createClientCertificate(await createAuthority('Another CA'));
  namesake = await createAuthority();
  folder = await mkdtemp(join(tmpdir(), 'ca-'));
  file = join(folder, 'ca.pem');
  await writeFile(file, authority.cert);
});

afterAll(() => rm(folder, { recursive: true }));

/** Creates a certificate that the testbed does not. */
async function create(options: { rsaBits?: number; usage?: 'clientAuth'; names?: string[] }): Promise<Certificate> {
  const { rsaBits, usage, names = ['127.0.0.1'] } = options;
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    ...(rsaBits === undefined ? { keyType: 'ec', ca: authority } : { keyType: 'rsa', keySize: rsaBits }),
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', ...(usage === 'clientAuth' ? { clientAuth: true } : { serverAuth: true }) },
      ...(names.length === 0
        ? []
        : [{ name: 'subjectAltName' as const, altNames: names.map((ip) => ({ type: 7 as const, ip })) }]),
    ],
  });
  return { cert, key };
}

const pem = (text: string): { text: string; path: undefined } => ({ text, path: undefined });
const trusting = (more: Partial<Connection> = {}): Partial<Connection> => ({
  caCertificate: pem(authority.cert),
  ...more,
});
const withClient = ({ cert, key }: Certificate): Partial<Connection> =>
  trusting({ tlsServerName: NAME, clientCertificate: pem(cert), clientKey: pem(key) });
const mutual = (): ServerOptions => ({ ...server, ca: authority.cert, requestCert: true });

describe('a connection over TLS', () => {
  const connect = (options: ServerOptions, connection: Partial<Connection>): Promise<number> =>
    meetNomad({}, async ({ api }) => (await api.send({ method: 'GET', path: '/v1/acl/token/self' }, 10_000)).status, {
      ...connection,
      tls: options,
    });

  test.each<[string, () => ServerOptions, () => Partial<Connection>]>([
    ['a CA and a server name', () => server, () => trusting({ tlsServerName: NAME })],
    ['no verification', () => server, () => ({ tlsSkipVerify: true })],
    ['a client certificate', mutual, () => withClient(client)],
  ])('succeeds with %s', async (_, options, connection) => {
    expect(await connect(options(), connection())).toBe(200);
  });

  test.each<[string, () => ServerOptions | Promise<ServerOptions>, () => Partial<Connection>, string, RegExp]>([
    [
      'without the CA',
      () => server,
      () => ({ tlsServerName: NAME }),
      'untrusted-certificate',
      /verify the first certificate\. .* signed by "Testbed CA", which this step does not trust\. Set the input caCert/,
    ],
    [
      'with another CA of the same name',
      () => server,
      () => trusting({ tlsServerName: NAME, caCertificate: pem(namesake.cert) }),
      'untrusted-certificate',
      /certificate signature failure\. .*"Testbed CA"\. .* a CA of the same name but with another key/,
    ],
    [
      'with another address',
      () => server,
      trusting,
      'certificate-name-mismatch',
      /is valid for server\.global\.nomad, nomad\.example\.com\. Set the input tlsServerName to server\.global\.nomad/,
    ],
    [
      'with another server name',
      () => server,
      () => trusting({ tlsServerName: 'other.example.com' }),
      'certificate-name-mismatch',
      /altnames.*is valid for server\.global\.nomad/,
    ],
    [
      'with a certificate without names',
      () => create({ names: [] }),
      trusting,
      'certificate-name-mismatch',
      /does not name its server in a subject alternative name/,
    ],
    [
      'after the certificate has expired',
      () => createServerCertificate(authority, ['127.0.0.1'], -1),
      trusting,
      'certificate-expired',
      /expired\. The certificate of 127\.0\.0\.1 is valid from 20\d\d-\S+Z to 20\d\d-\S+Z\. Renew it on the server/,
    ],
    [
      'with a certificate for clients',
      () => create({ usage: 'clientAuth' }),
      trusting,
      'certificate-invalid',
      /purpose\. .*nomad tls cert create -server, not -client/,
    ],
    [
      'without a client certificate',
      mutual,
      () => trusting({ tlsServerName: NAME }),
      'client-certificate-required',
      /: tlsv13 alert certificate required\. .*Set the input clientCertificate/,
    ],
    [
      'with a client certificate of another CA',
      mutual,
      () => withClient(stranger),
      // Nomad sends an alert, but Node's server just closes the connection.
      'closed-after-handshake',
      /refuse the one they get/,
    ],
  ])('fails %s', async (_, options, connection, id, text) => {
    const failure = await catchFailure(connect(await options(), connection()));
    expect(failure.id).toBe(id);
    expect(`${failure.message}. ${failure.advice}`).toMatch(text);
  });

  // OpenSSL's security level is 2 since Node 24.
  test.each<[string, string]>([
    ['server', 'certificate-invalid'],
    ['client', 'client-certificate-weak'],
  ])('with a weak key of the %s is refused by Node 24 and explained', async (side, id) => {
    const weak = await create({ rsaBits: 1024 });
    const connection =
      side === 'server'
        ? { caCertificate: pem(weak.cert) }
        : trusting({ clientCertificate: pem(weak.cert), clientKey: pem(weak.key) });
    // The server itself accepts its weak key.
    const options = side === 'server' ? { ...weak, ciphers: 'DEFAULT@SECLEVEL=0' } : await create({});
    const outcome = refusesWeakKeys
      ? (await catchFailure(connect(options, connection))).id
      : await connect(options, connection);
    expect(outcome).toBe(refusesWeakKeys ? id : 200);
  });
});

describe('a login over TLS', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const meet = (scenario: Scenario): Promise<Outcome> => logIn({ tls: server, ...scenario });

  test.concurrent('succeeds with mTLS, and no line of the key appears in the output', async () => {
    const inputs = {
      caCertificate: base64(authority.cert),
      tlsServerName: NAME,
      clientCertificate: base64(client.cert),
      clientKey: base64(client.key),
    };
    const { failure, printed, masks, requests } = await meet({ tls: mutual(), inputs });
    expect(failure).toBe('');
    expect(requests.map(({ call }) => call)).toEqual(['POST /v1/acl/login', 'GET /v1/acl/token/self']);
    const lines = client.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    expect(lines.length).toBeGreaterThan(1);
    expect(masks).toEqual(expect.arrayContaining(lines));
    expect(lines.filter((line) => printed.includes(line))).toEqual([]);
  });

  test.concurrent('without a client certificate ends with the alert of the server and one annotation', async () => {
    const inputs = { caCertificate: authority.cert, tlsServerName: NAME };
    const { failure, log, requests } = await meet({ tls: mutual(), inputs });
    expect(failure).toMatch(/^Cannot reach Nomad at https:.*: tlsv13 alert certificate required$/);
    expect(log).toContain('Set the input clientCertificate to');
    expect(requests).toEqual([]);
  });

  test.concurrent('warns that it does not verify the server with tlsSkipVerify', async () => {
    const { failure, annotations } = await meet({ inputs: { tlsSkipVerify: 'true' } });
    expect(failure).toBe('');
    expect(annotations).toEqual([{ level: 'warning', message: expect.stringContaining('tlsSkipVerify') }]);
  });

  test.concurrent('trusts the CA in NODE_EXTRA_CA_CERTS', async () => {
    const { failure } = await meet({ inputs: { tlsServerName: NAME }, env: { NODE_EXTRA_CA_CERTS: file } });
    expect(failure).toBe('');
  });

  test.concurrent.each<[string, Record<string, string>, RegExp]>([
    ['trusts the store of the operating system where Node can read it', {}, canTrustSystem ? /^$/ : /certificate$/],
    ['does not trust that store if caCertificate is set', { caCertificate: 'Another CA' }, /certificate$/],
  ])('%s', async (_, inputs, expected) => {
    const caCertificate = inputs['caCertificate'] === undefined ? '' : (await createAuthority('Another CA')).cert;
    const { failure } = await meet({ inputs: { tlsServerName: NAME, caCertificate }, env: { SSL_CERT_FILE: file } });
    expect(failure).toMatch(expected);
  });

  test.concurrent('tries a server that no store knows at most twice', async () => {
    const { failure, log } = await meet({ inputs: { tlsServerName: NAME }, env: { RUNNER_DEBUG: '1' } });
    expect(failure).toMatch(/^Cannot reach Nomad at https:.*: unable to verify the first certificate$/);
    expect(log.match(/POST \S+: UNABLE_TO_VERIFY/g)).toHaveLength(canTrustSystem ? 2 : 1);
  });
});

describe("GitHub's token endpoint with a certificate of a private CA", () => {
  const ofAddress = (): Promise<Certificate> => createServerCertificate(authority, ['127.0.0.1']);

  test.concurrent(
    'is not trusted because of inputs for Nomad, and the annotation names NODE_EXTRA_CA_CERTS',
    async () => {
      const inputs = { caCertificate: authority.cert, tlsSkipVerify: 'true' };
      const { failure, log, githubRequests } = await logIn({ github: issue(), githubTls: await ofAddress(), inputs });
      expect(failure).toMatch(/^Cannot reach GitHub at https:.*: unable to verify the first certificate/);
      expect(log).toContain('NODE_EXTRA_CA_CERTS');
      expect(log).not.toContain('Retrying');
      expect(githubRequests).toEqual([]);
    },
  );

  test.concurrent('is trusted through NODE_EXTRA_CA_CERTS', async () => {
    const env = { NODE_EXTRA_CA_CERTS: file };
    expect((await logIn({ github: issue(), githubTls: await ofAddress(), env })).failure).toBe('');
  });

  test.concurrent('is trusted through the store of the operating system where Node can read it', async () => {
    const env = { SSL_CERT_FILE: file };
    const { failure } = await logIn({ github: issue(), githubTls: await ofAddress(), env });
    expect(failure).toMatch(canTrustSystem ? /^$/ : /certificate$/);
  });
});
