import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createAuthority,
  createClientCertificate,
  createServerCertificate,
  type Certificate,
} from '../../testbed/certificates.js';
import { startFakeNomad, type FakeNomad } from '../../testbed/fake-nomad/fake-nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { whatFailed } from '../support/what-failed.js';

let authority: Certificate;
let client: Certificate;
let stranger: Certificate;
let plain: FakeNomad;
let tls: FakeNomad;
let mtls: FakeNomad;
let expired: FakeNomad;

beforeAll(async () => {
  authority = await createAuthority();
  client = await createClientCertificate(authority);
  stranger = await createClientCertificate(await createAuthority('Another CA'));
  // Like Nomad's own certificates, it contains the role of the server instead of its address.
  const server = await createServerCertificate(authority, ['server.global.nomad', 'nomad.example.com']);
  plain = await startFakeNomad();
  tls = await startFakeNomad(server);
  mtls = await startFakeNomad({ ...server, ca: authority.cert, requestCert: true });
  expired = await startFakeNomad(await createServerCertificate(authority, ['127.0.0.1'], -1));
});

afterAll(() => Promise.all([plain, tls, mtls, expired].map((server) => server.close())));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

// No auth method is set up, so a successful handshake results in a refusal by Nomad.
const logIn = (url: string, inputs: Record<string, string> = {}): Promise<StageResult> =>
  runMain({ inputs: { url, identityToken: 'e30.e30.x', timeout: '3', ...inputs } });

const trusted = (): Record<string, string> => ({
  caCertificate: authority.cert,
  tlsServerName: 'server.global.nomad',
});

const REFUSED_BY_NOMAD = 'Nomad refused the login (400): auth-method "github" not found';

/** Checks the properties of every error, and returns the text of the only one. */
function readError(result: StageResult): string {
  const errors = result.annotations.filter(({ level }) => level === 'error');
  expect(errors).toHaveLength(1);
  const message = errors[0]?.message ?? '';
  expect(message).not.toMatch(/undefined|valid for \.|: \.|\n\s+at /);
  return message;
}

describe('a server with a certificate of a private CA', () => {
  test('is trusted with caCertificate and tlsServerName', async () => {
    const result = await logIn(tls.url, { ...trusted(), caCertificate: base64(authority.cert) });
    expect(whatFailed(result)).toBe(REFUSED_BY_NOMAD);
  });

  test('is not trusted without caCertificate, and the error names that input', async () => {
    const result = await logIn(tls.url, { tlsServerName: 'server.global.nomad' });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*certificate/);
    expect(readError(result)).toContain('Set the input caCertificate');
  });

  test('is not trusted with the certificate of another CA of the same name', async () => {
    const other = await createAuthority();
    const result = await logIn(tls.url, { ...trusted(), caCertificate: other.cert });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*certificate signature failure/);
  });

  test('is not trusted by its address, and the error lists the names and the tlsServerName to set', async () => {
    const result = await logIn(tls.url, { caCertificate: authority.cert });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*is not in the cert's list$/);
    expect(readError(result)).toContain(
      'The certificate of 127.0.0.1 is valid for server.global.nomad, nomad.example.com. Set the input tlsServerName to server.global.nomad.',
    );
  });

  test('is not trusted with a tlsServerName that is not in its certificate', async () => {
    const result = await logIn(tls.url, { ...trusted(), tlsServerName: 'other.example.com' });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*altnames/);
    expect(readError(result)).toContain('valid for server.global.nomad, nomad.example.com');
  });

  test('is not trusted after its certificate has expired, and the error includes the time of the runner', async () => {
    const message = readError(await logIn(expired.url, { caCertificate: authority.cert }));
    expect(message).toMatch(/has expired or is not yet valid.* \(20\d\d-/);
  });

  test('is not verified with tlsSkipVerify, which warns', async () => {
    const result = await logIn(tls.url, { tlsSkipVerify: 'true' });
    expect(result.annotations).toEqual([
      { level: 'warning', message: expect.stringContaining('tlsSkipVerify') },
      { level: 'error', message: expect.stringContaining(REFUSED_BY_NOMAD) },
    ]);
  });
});

describe('a url with the wrong scheme', () => {
  test('is explained if a TLS server gets plain HTTP', async () => {
    expect(readError(await logIn(tls.url.replace('https', 'http')))).toContain('https://');
  });

  test('is explained if a server without TLS gets a handshake', async () => {
    expect(readError(await logIn(plain.url.replace('http', 'https')))).toContain('http://');
  });
});

describe('a server that requires a client certificate', () => {
  test('accepts a valid one, and no line of its key appears in the output', async () => {
    const result = await logIn(mtls.url, {
      ...trusted(),
      clientCertificate: base64(client.cert),
      clientKey: base64(client.key),
    });
    expect(whatFailed(result)).toBe(REFUSED_BY_NOMAD);
    expect(mtls.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    const lines = client.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.filter((line) => !result.masks.includes(line))).toEqual([]);
    expect(lines.filter((line) => result.printed.includes(line))).toEqual([]);
  });

  test('refuses the connection without one, and the error names the inputs', async () => {
    const result = await logIn(mtls.url, trusted());
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*: tlsv13 alert certificate required$/);
    expect(readError(result)).toContain('Set the input clientCertificate to');
  });

  test('refuses a client certificate of another CA, and the error says so', async () => {
    const result = await logIn(mtls.url, {
      ...trusted(),
      clientCertificate: stranger.cert,
      clientKey: stranger.key,
    });
    expect(readError(result)).toMatch(/does not accept the certificate in the input|refuse the one they get/);
  });
});
