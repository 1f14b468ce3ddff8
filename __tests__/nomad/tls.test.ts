import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createAuthority,
  createClientCertificate,
  createServerCertificate,
  type Certificate,
} from '../../testbed/certificates.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { startFakeNomad, type FakeNomad } from '../../testbed/fake-nomad/server.js';
import { whatFailed } from '../support/what-failed.js';

let authority: Certificate;
let client: Certificate;
let tls: FakeNomad;
let mtls: FakeNomad;

beforeAll(async () => {
  authority = await createAuthority();
  client = await createClientCertificate(authority);
  // As Nomad's own certificates do, it names the server by its role, and no address.
  const server = await createServerCertificate(authority, ['server.global.nomad']);
  tls = await startFakeNomad(server);
  mtls = await startFakeNomad({ ...server, ca: authority.cert, requestCert: true });
});

afterAll(async () => {
  await tls.close();
  await mtls.close();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

// Nobody has set a method up, so a handshake that succeeds shows as Nomad's refusal.
const logIn = (server: FakeNomad, inputs: Record<string, string>): Promise<StageResult> =>
  runMain({ inputs: { url: server.url, identityToken: 'e30.e30.x', ...inputs } });

const REFUSED_BY_NOMAD = 'Nomad refused the login (400): auth-method "github" not found';

describe('a server with a certificate of a private CA', () => {
  test('is trusted with caCertificate and found under tlsServerName', async () => {
    const result = await logIn(tls, { caCertificate: base64(authority.cert), tlsServerName: 'server.global.nomad' });
    expect(whatFailed(result)).toBe(REFUSED_BY_NOMAD);
  });

  test('is not trusted without caCertificate', async () => {
    const result = await logIn(tls, { tlsServerName: 'server.global.nomad' });
    expect(result).toMatchObject({ exitCode: 1 });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*certificate/);
  });

  test('is not trusted with the certificate of another CA of the same name', async () => {
    const stranger = await createAuthority();
    const result = await logIn(tls, { caCertificate: stranger.cert, tlsServerName: 'server.global.nomad' });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*certificate signature failure/);
  });

  test('is not trusted under a name that its certificate does not have', async () => {
    const result = await logIn(tls, { caCertificate: authority.cert });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*altnames/);
  });

  test('is not looked at with tlsSkipVerify, which warns', async () => {
    const result = await logIn(tls, { tlsSkipVerify: 'true' });
    expect(result.annotations).toEqual([
      { level: 'warning', message: expect.stringContaining('tlsSkipVerify') },
      { level: 'error', message: expect.stringContaining(REFUSED_BY_NOMAD) },
    ]);
  });
});

describe('a server that asks for a client certificate', () => {
  test('gets it, and no line of its key is shown', async () => {
    const result = await logIn(mtls, {
      caCertificate: authority.cert,
      tlsServerName: 'server.global.nomad',
      clientCertificate: base64(client.cert),
      clientKey: base64(client.key),
    });
    expect(whatFailed(result)).toBe(REFUSED_BY_NOMAD);
    expect(mtls.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('does not answer without', async () => {
    const result = await logIn(mtls, {
      caCertificate: authority.cert,
      tlsServerName: 'server.global.nomad',
      timeout: '1',
    });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*: tlsv13 alert certificate required$/);
  });
});
