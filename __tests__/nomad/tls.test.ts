import { writeFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { generate, type SelfsignedOptions } from 'selfsigned';
import { Deadline } from '../../src/time.js';
import type { Connection } from '../../src/inputs/inputs.js';
import { parseCertificates, parsePrivateKey } from '../../src/inputs/pem.js';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import type { Certificate } from '../../testbed/certificates.js';
import { identify } from '../../src/nomad/socket.js';
import { NomadApi } from '../../src/nomad/api.js';
import { listenTcp } from '../../testbed/server.js';
import { catchFailure, connectTo, createTestFolder, meetNomad, useProcess } from '../support/in-process.js';
import { issue, logIn, type Outcome } from '../support/servers.js';

const NAME = 'server.global.nomad';
const CALL = { method: 'GET', path: '/' } as const;
const canTrustSystem = 'setDefaultCACertificates' in tls;
// On macOS and Windows, no variable changes the store of the operating system.
const ofSystem = canTrustSystem && process.platform === 'linux' ? /^$/ : /certificate$/;
const refusesWeakKeys = Number(process.versions.node.split('.')[0]) >= 24;

const authority = await createAuthority();
const namesake = parseCertificates((await createAuthority()).cert);
const another = await createAuthority('Another CA');
const server = await createServerCertificate(authority, [NAME, 'a.com']);
const ofAddress = await createServerCertificate(authority, ['127.0.0.1']);
const longAuthority = await createAuthority('A'.repeat(101));
const ofLongAuthority = await createServerCertificate(longAuthority, ['127.0.0.1']);
const ofLongName = await createServerCertificate(authority, ['a', 'a'.repeat(101)]);
const expired = await createServerCertificate(authority, ['127.0.0.1'], -1);
const unnamed = await createUnnamed({ ca: authority });
const forClients = await createUnnamed({ ca: authority, extensions: [{ name: 'extKeyUsage', clientAuth: true }] });
const isAuthority = [
  { name: 'basicConstraints', cA: true },
  { name: 'keyUsage', keyCertSign: true },
] satisfies SelfsignedOptions['extensions'];
const intermediate = await createUnnamed({ ca: authority, extensions: isAuthority }, 'Issuing CA');
const ofIntermediate = await createServerCertificate(intermediate, ['127.0.0.1']);
const withChain = { ...ofIntermediate, cert: [ofIntermediate.cert, intermediate.cert].join('\n') };
const client = await createClientCertificate(another);
const others = parseCertificates(`${client.cert}\n${another.cert}`);
const file = join(createTestFolder(), 'ca.pem');
writeFileSync(file, authority.cert);

useProcess();

/** Creates a certificate without subject alternative names. */
async function createUnnamed(options: SelfsignedOptions, value = '127.0.0.1'): Promise<Certificate> {
  const subject = [{ name: 'commonName', value }];
  const usual: SelfsignedOptions = { keyType: 'ec', extensions: [{ name: 'basicConstraints', cA: false }] };
  const { cert, private: key } = await generate(subject, { algorithm: 'sha256', ...usual, ...options });
  return { cert, key };
}

describe('a connection over TLS', () => {
  const trusting = { caCertificate: parseCertificates(authority.cert) };
  const named = { ...trusting, tlsServerName: NAME };
  const mutual = { ...server, ca: authority.cert, requestCert: true };
  const other = { clientCertificate: parseCertificates(client.cert), clientKey: client.key };
  const fail = (options: ServerOptions, connection: Partial<Connection>): ReturnType<typeof catchFailure> =>
    meetNomad({}, ({ api }) => catchFailure(api.send(CALL, 10_000)), { ...connection, tls: options });

  test.each<[string, ServerOptions, Partial<Connection>, RegExp]>([
    ['without the CA', withChain, {}, /certificate\. .*signed by "Testbed CA", which this step does not trust/],
    ['with a namesake of the CA', server, { caCertificate: namesake }, /contains a CA of the same name/],
    ['with other CAs', server, { caCertificate: others }, /"Testbed CA", and .*: client\.global\.nomad, Another CA\./],
    ['with another address', server, trusting, /to server\.global\.nomad or, .*: server\.global\.nomad, a\.com\./],
    ['with another server name', ofAddress, named, /altnames.* In the input url, use an .* valid: 127\.0\.0\.1\./],
    ['without a CA with a long name', ofLongAuthority, {}, /signed by "A{100}…"/],
    ['with a long name', ofLongName, trusting, /valid: a, a{100}…\./],
    ['with a certificate without names', unnamed, trusting, /does not name its server in a subject alternative name/],
    ['with a certificate for clients', forClients, trusting, /purpose\. .*nomad tls cert create -server, not -client/],
    ['after its certificate expired', expired, trusting, /127\.0\.0\.1 \(valid from 20\d\d-\S+Z to 20\d\d-\S+Z\)/],
    ['without a client certificate', mutual, named, /: tlsv13 alert certificate required\. .* requires a client cert/],
    // Nomad sends an alert, but Node's server just closes the connection.
    ['with one of another CA', mutual, { ...named, ...other }, /or refuse the one they get/],
  ])('fails %s', async (_, options, connection, text) => {
    const { message, advice } = await fail(options, connection);
    expect(`${message}. ${advice}`).toMatch(text);
  });

  test.each([
    ['only the intermediate CA', ofIntermediate, intermediate],
    ["the server's own certificate", ofAddress, ofAddress],
  ])('succeeds if caCertificate contains %s', async (_, options, { cert }) => {
    const given = { tls: options, caCertificate: parseCertificates(cert) };
    expect(await meetNomad({}, ({ api }) => api.send(CALL, 10_000), given)).toMatchObject({ status: 404 });
  });

  test.each([
    ['https://nomad.example.com.:4646', undefined, 'nomad.example.com'],
    ['https://[::1]:4646', undefined, ''],
    ['https://127.0.0.1:4646', NAME, NAME],
  ])('expects the server at %s with the tlsServerName %s to be "%s"', (url, tlsServerName, name) =>
    expect(identify(new URL(url), tlsServerName).servername).toBe(name),
  );

  test('fails with the reason of the last connection, not with the TLS alert of the one before', async () => {
    let connections = 0;
    const server = await listenTcp((socket) => {
      connections += 1;
      // The alert "handshake failure". https://www.rfc-editor.org/rfc/rfc8446#section-6
      socket.once('data', () => connections === 1 && socket.write(Buffer.from('15030300020228', 'hex')));
    }, 'https');
    const api = new NomadApi(connectTo(server.url), new Deadline(60));
    const codes = [];
    for (const limitMs of [10_000, 50]) {
      codes.push((await catchFailure(api.send(CALL, limitMs))).facts.code);
    }
    expect(codes).toEqual([expect.stringMatching(/ALERT_HANDSHAKE_FAILURE$/), 'NO_RESPONSE']);
    api.close();
    await server.close();
  });

  // OpenSSL's security level is 2 since Node 24.
  (refusesWeakKeys ? test : test.skip)('fails with a weak key of the server or of the client', async () => {
    const { cert, key } = await createUnnamed({ keyType: 'rsa', keySize: 1024 });
    const weak = parseCertificates(cert);
    // The server itself accepts its weak key.
    const ofServer = await fail({ cert, key, ciphers: 'DEFAULT@SECLEVEL=0' }, { caCertificate: weak });
    const ofClient = await fail(ofAddress, { ...trusting, clientCertificate: weak, clientKey: parsePrivateKey(key) });
    expect([ofServer.id, ofClient.id]).toEqual(['certificate-invalid', 'client-certificate']);
  });
});

describe('a login over TLS', () => {
  const meet = (inputs: Record<string, string>, env = {}): Promise<Outcome> => logIn({ tls: server, inputs, env });

  test.concurrent('does not trust SSL_CERT_FILE, which Node may read, beside caCertificate', async () => {
    const inputs = { tlsServerName: NAME, caCertificate: another.cert };
    expect((await meet(inputs, { SSL_CERT_FILE: file })).failure).toMatch(/certificate$/);
  });

  test.concurrent('tries a server that no store knows at most twice', async () => {
    const { failure, log } = await meet({ tlsServerName: NAME }, { RUNNER_DEBUG: '1' });
    expect(failure).toMatch(/^Cannot reach Nomad at https:.*: unable to verify the first certificate$/);
    expect(log.match(/POST \S+: UNABLE_TO_VERIFY/g)).toHaveLength(canTrustSystem ? 2 : 1);
  });
});

describe("GitHub's token endpoint with a certificate of a private CA", () => {
  const github = { github: issue(), githubTls: ofAddress };

  test.concurrent('is not trusted because of inputs for Nomad, and the log names NODE_EXTRA_CA_CERTS', async () => {
    const inputs = { caCertificate: authority.cert, tlsSkipVerify: 'true' };
    const { failure, log, githubRequests } = await logIn({ ...github, inputs });
    expect(failure).toMatch(/^Cannot reach GitHub at https:.*: unable to verify the first certificate/);
    expect(log).toContain('NODE_EXTRA_CA_CERTS');
    expect(log).not.toContain('Retrying');
    expect(githubRequests).toEqual([]);
  });

  test.concurrent.each([
    ['is trusted, as that of Nomad, through NODE_EXTRA_CA_CERTS', 'NODE_EXTRA_CA_CERTS', /^$/],
    ['is trusted, as that of Nomad, through SSL_CERT_FILE where Node can read it', 'SSL_CERT_FILE', ofSystem],
  ])('%s', async (_, variable, expected) =>
    expect((await logIn({ ...github, tls: ofAddress, env: { [variable]: file } })).failure).toMatch(expected),
  );
});
