import { describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, createServerCertificate } from '../testbed/certificates.js';
import { answer, cleanUp, hang, MANAGEMENT, runJob, TOKEN } from './support/servers.js';

const { AccessorID, SecretID } = TOKEN;
const NAME = `The management token ${AccessorID}`;
const AS_MANAGEMENT = { login: answer(200, MANAGEMENT) };

test.concurrent(
  'a management token is revoked as it was issued, whatever inputs and environment are by then',
  async () => {
    const authority = await createAuthority();
    const client = await createClientCertificate(authority);
    const server = await createServerCertificate(authority, ['server.eu.nomad']);
    const tls = { ...server, ca: authority.cert, requestCert: true };
    const url = (address: string): string => `${address}/base`;
    const inputs = {
      ...{ caCertificate: authority.cert, clientCertificate: client.cert, clientKey: client.key },
      ...{ tlsServerName: 'server.eu.nomad', region: 'eu', extraHeaders: 'X-Api-Key: hunter2-hunter2' },
    };
    const later = {
      inputs: { url: 'http://127.0.0.1:9', timeout: 'soon', clientKey: 'nonsense', revokeToken: 'maybe' },
      env: { NOMAD_ADDR: 'http://127.0.0.1:9', NOMAD_TOKEN: 'another' },
    };
    const { post, requests } = await runJob({ nomad: AS_MANAGEMENT, tls, url, inputs }, later);
    expect(post).toMatchObject({ exitCode: 0, annotations: [], log: `${NAME} is revoked.` });
    expect(requests.at(-1)).toMatchObject({
      call: `DELETE /base/v1/acl/token/${AccessorID}`,
      url: `/base/v1/acl/token/${AccessorID}?region=eu`,
      headers: { 'x-nomad-token': SecretID, 'x-api-key': 'hunter2-hunter2' },
    });
    const [firstLine = ''] = client.key.split('\n').slice(1);
    expect(post.masks).toEqual(expect.arrayContaining([SecretID, 'hunter2-hunter2', firstLine]));
    expect(post.raw).toMatch(new RegExp(`^::add-mask::${SecretID}\n`));
  },
);

test.concurrent('a token that cannot be revoked causes one warning that it stays valid', async () => {
  const post = await cleanUp({ nomad: hang, connection: { timeout: 1 } });
  expect(post).toMatchObject({ exitCode: 0, annotations: [{ level: 'warning' }] });
  expect(post.messages[0]).toContain(`${NAME} could not be revoked and stays valid until it expires. `);
  expect(post.messages[0]).toMatch(/no response within/);
});

describe('a token that is not revoked', () => {
  const past = '2025-11-25T12:00:00.123456789Z';
  const later = '2030-01-01T00:00:00.5+01:00';
  const client = { type: 'client', secretId: undefined, connection: undefined };
  const name = `The client token ${AccessorID}`;

  test.concurrent.each<[string, object, string]>([
    ['that it has expired', { expirationTime: past }, `${NAME} expired at 2025-11-25T12:00:00Z, before the job ended`],
    [
      'until when it stays valid',
      { ...client, expirationTime: later },
      `${name} stays valid until 2029-12-31T23:00:00Z: o`,
    ],
    ['that it never expires', { ...client, expirationTime: '' }, `${name} never expires: only`],
  ])('is reported in one line, which says %s, and nothing is sent', async (_, token, line) => {
    const post = await cleanUp({ token });
    expect(post).toMatchObject({ exitCode: 0, annotations: [], requests: [] });
    expect(post.log.split('\n')).toEqual([expect.stringContaining(line)]);
  });
});
