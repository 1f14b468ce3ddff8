import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readCertificateNames } from '../../src/http/trust.js';
import { createAuthority, createServerCertificate, type Certificate } from '../../testbed/certificates.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { createUnnamedCertificate } from '../support/unnamed-certificate.js';
import { whatFailed } from '../support/what-failed.js';

let authority: Certificate;
let folder: string;
let file: string;

beforeAll(async () => {
  authority = await createAuthority();
  folder = await mkdtemp(join(tmpdir(), 'ca-'));
  file = join(folder, 'ca.pem');
  await writeFile(file, authority.cert);
});

afterAll(() => rm(folder, { recursive: true }));

interface Run {
  result: StageResult;
  requests: number;
  connections: number;
}

async function logInTo(
  certificate: Certificate,
  inputs: Record<string, string> = { caCertificate: authority.cert },
  env: Record<string, string> = {},
): Promise<Run> {
  const counts = { requests: 0, connections: 0 };
  const server = await listen(
    (_, response) => {
      counts.requests += 1;
      response.end(JSON.stringify(CANNED_TOKEN));
    },
    certificate,
    () => (counts.connections += 1),
  );
  const result = await runMain({ inputs: { url: server.url, identityToken: 'e30.e30.x', ...inputs }, env });
  await server.close();
  return { result, ...counts };
}

describe('a certificate with other names than the address', () => {
  test.each([
    [
      'of a Nomad server',
      ['server.global.nomad', 'localhost'],
      'is valid for server.global.nomad, localhost. Set the input tlsServerName to server.global.nomad.',
    ],
    [
      'of a server of another region',
      ['localhost', 'server.eu-1.nomad'],
      'Set the input tlsServerName to server.eu-1.nomad.',
    ],
    [
      'of a load balancer',
      ['nomad.example.com', '192.0.2.7'],
      'is valid for nomad.example.com, 192.0.2.7. Set the input tlsServerName to one of these names, or use one in the input url.',
    ],
    ['with an IP address only', ['192.0.2.7'], 'is valid for 192.0.2.7. Use one of these addresses in the input url.'],
    [
      'with 100 names',
      Array.from({ length: 100 }, (_, index) => `n${String(index)}.example.com`),
      'n8.example.com, n9.example.com and 90 more. Set',
    ],
  ])('causes an error with its names and the input to change: one %s', async (_, names, advice) => {
    const { result, requests } = await logInTo(await createServerCertificate(authority, names));
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:/);
    expect(result.annotations.at(-1)?.message).toContain(advice);
    expect(result.annotations.at(-1)?.message).not.toMatch(/undefined|valid for[ ,.]*\./);
    expect(requests).toBe(0);
  });

  test('is accepted under one of its names', async () => {
    const certificate = await createServerCertificate(authority, ['server.global.nomad']);
    const inputs = { caCertificate: authority.cert, tlsServerName: 'server.global.nomad' };
    expect((await logInTo(certificate, inputs)).result).toMatchObject({ exitCode: 0, annotations: [] });
  });
});

describe('a certificate without names', () => {
  test.each(['127.0.0.1', 'server.global.nomad'])('is refused even if its common name is %s', async (name) => {
    const inputs = { caCertificate: authority.cert, ...(name.endsWith('nomad') && { tlsServerName: name }) };
    const { result, requests } = await logInTo(await createUnnamedCertificate(authority, name), inputs);
    expect(whatFailed(result)).toMatch(/: the certificate has no subject alternative name$/);
    expect(result.annotations.at(-1)?.message).toContain('ignores the common name');
    expect(requests).toBe(0);
  });
});

describe('the names in a certificate', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['DNS:a.example.com, DNS:*.b.example.com', ['a.example.com', '*.b.example.com']],
    ['IP Address:192.0.2.7, IP Address:FD00:0:0:0:0:0:0:1', ['192.0.2.7', 'FD00:0:0:0:0:0:0:1']],
    ['URI:spiffe://example.com, email:a@example.com, DNS:a', ['a']],
  ])('are its DNS names and IP addresses: %j', (subjectaltname, names) => {
    expect(readCertificateNames(subjectaltname === undefined ? {} : { subjectaltname })).toEqual(names);
  });
});

// Only Node 22.15 and later can read the operating system's store, which SSL_CERT_FILE replaces on Linux.
const canReadSystemRoots = 'getCACertificates' in tls && process.platform === 'linux';

describe('root certificates that Node does not include', () => {
  test('are read from NODE_EXTRA_CA_CERTS', async () => {
    const certificate = await createServerCertificate(authority, ['127.0.0.1']);
    const { result } = await logInTo(certificate, {}, { NODE_EXTRA_CA_CERTS: file });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
  });

  (canReadSystemRoots ? test : test.skip)("are read from the operating system's store", async () => {
    const certificate = await createServerCertificate(authority, ['127.0.0.1']);
    const { result, requests } = await logInTo(certificate, {}, { SSL_CERT_FILE: file });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(result.raw).toMatch(/^::debug::.*adding those of the operating system$/m);
    expect(requests).toBe(2);
  });

  (canReadSystemRoots ? test : test.skip)('are not used if caCertificate is set', async () => {
    const stranger = await createAuthority('Another CA');
    const certificate = await createServerCertificate(authority, ['127.0.0.1']);
    const inputs = { caCertificate: stranger.cert };
    const { result, requests } = await logInTo(certificate, inputs, { SSL_CERT_FILE: file });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*certificate$/);
    expect(requests).toBe(0);
  });

  (canReadSystemRoots ? test : test.skip)(
    'do not verify a certificate that none of them has signed, after two connections',
    async () => {
      const stranger = await createAuthority('Another CA');
      const certificate = await createServerCertificate(stranger, ['127.0.0.1']);
      const { result, connections } = await logInTo(certificate, {}, { SSL_CERT_FILE: file });
      expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:/);
      expect(connections).toBe(2);
    },
  );

  test('do not verify a certificate with another name', async () => {
    const certificate = await createServerCertificate(authority, ['server.global.nomad']);
    const { result, requests } = await logInTo(certificate, {}, { NODE_EXTRA_CA_CERTS: file });
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:/);
    expect(requests).toBe(0);
  });
});
