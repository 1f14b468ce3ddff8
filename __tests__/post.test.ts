import { expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, createServerCertificate } from '../testbed/certificates.js';
import { answer, cleanUp, MANAGEMENT, runJob, TOKEN } from './support/servers.js';

const { AccessorID, SecretID } = TOKEN;
const NAME = `The management token ${AccessorID}`;
const AS_MANAGEMENT = { login: answer(200, MANAGEMENT) };

test.concurrent('a management token is revoked as it was issued, whatever the inputs are by then', async () => {
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
});

test.concurrent.each<[string, object, string]>([
  [
    'has expired',
    { expirationTime: '2025-11-25T12:00:00.123456789Z' },
    `${NAME} expired at 2025-11-25T12:00:00Z, before`,
  ],
  ['is a client token', { type: 'client', secretId: undefined, connection: undefined }, ''],
])('a token that %s is not revoked', async (_, token, line) => {
  const post = await cleanUp({ token });
  expect(post).toMatchObject({ exitCode: 0, annotations: [], requests: [], log: expect.stringContaining(line) });
  expect(post.log.split('\n')).toHaveLength(1);
});
