import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { startProxy, type ProxyOptions } from '../../testbed/forward-proxy.js';
import { listenTcp } from '../../testbed/server.js';
import { answer, drop, hang, issue, logIn, ON_WINDOWS, type Outcome, type Scenario } from '../support/servers.js';

const NAME = 'nomad.example.com';

const authority = await createAuthority();
const tls = await createServerCertificate(authority, [NAME]);
const proxyTls = await createServerCertificate(authority, ['127.0.0.1']);
const client = await createClientCertificate(authority);
const folder = await mkdtemp(join(tmpdir(), 'ca-'));
const file = join(folder, 'ca.pem');
await writeFile(file, authority.cert);
afterAll(() => rm(folder, { recursive: true }));

const trusting = { tls, inputs: { caCertificate: authority.cert } };
// Loopback addresses never use a proxy, so the servers have names that only the proxy resolves.
const rename = (name: string) => (address: string) => address.replace('127.0.0.1', name);
const url = rename(NAME);
const githubUrl = rename('github.example.com');

/** Logs in through a proxy; `environment` uses its address. */
async function logInThrough(
  environment: (address: string) => Record<string, string>,
  { proxy: options = {}, ...scenario }: Scenario & { proxy?: ProxyOptions } = {},
): Promise<Outcome & { proxied: string[] }> {
  const proxy = await startProxy(options);
  try {
    const outcome = await logIn({ url, env: environment(proxy.url), ...scenario });
    return { ...outcome, proxied: proxy.requests.map((request) => request.replace(/:\d{4,5}/, '')) };
  } finally {
    await proxy.close();
  }
}
const asHttp = (address: string): Record<string, string> => ({ HTTP_PROXY: address });
const asHttps = (address: string): Record<string, string> => ({ HTTPS_PROXY: address });

describe('a proxy', () => {
  test.concurrent('receives all requests, and credentials that are neither printed nor sent to Nomad', async () => {
    const { failure, proxied, printed, masks, requests } = await logInThrough(
      (address) => ({ HTTP_PROXY: address.replace('http://', 'octo%3Acat:pass%2Fw0rd-secret@'), RUNNER_DEBUG: '1' }),
      { proxy: { credentials: 'octo:cat:pass/w0rd-secret' }, github: issue(), githubUrl },
    );
    expect(failure).toBe('');
    expect(proxied.sort()).toEqual([
      'CONNECT github.example.com',
      `GET http://${NAME}/v1/acl/auth-methods`,
      `GET http://${NAME}/v1/acl/token/self`,
      `POST http://${NAME}/v1/acl/login`,
    ]);
    expect(printed).not.toMatch(/w0rd|b2N0bz/);
    expect(masks).toEqual(expect.arrayContaining(['pass%2Fw0rd-secret', 'pass/w0rd-secret']));
    expect(requests.some(({ headers }) => 'proxy-authorization' in headers)).toBe(false);
  });

  test.concurrent('tunnels TLS with a private CA, a client certificate and a server name', async () => {
    const { failure, proxied } = await logInThrough((address) => ({ https_proxy: address }), {
      tls: { ...tls, ca: authority.cert, requestCert: true },
      url: rename('other.example.com'),
      inputs: { ...trusting.inputs, clientCertificate: client.cert, clientKey: client.key, tlsServerName: NAME },
    });
    expect([failure, proxied]).toEqual(['', ['CONNECT other.example.com']]);
  });

  test.concurrent('tunnels to an IPv6 address in brackets', async () => {
    const scenario = { tls, url: rename('[2001:db8::1]'), inputs: { tlsSkipVerify: 'true' } };
    const { failure, proxied } = await logInThrough(asHttps, scenario);
    expect([failure, proxied]).toEqual(['', ['CONNECT [2001:db8::1]']]);
  });

  test.concurrent('does not weaken TLS: a server with another name is refused', async () => {
    const { failure, requests } = await logInThrough(asHttps, { ...trusting, url: rename('other.example.com') });
    expect(failure).toMatch(/^Cannot reach Nomad at https:.*altnames/);
    expect(requests).toEqual([]);
  });

  test.concurrent.each([
    ['has a certificate of a CA in NODE_EXTRA_CA_CERTS', { NODE_EXTRA_CA_CERTS: file }, /^$/],
    ['has a certificate that nothing trusts', {}, /through the proxy https:\S+ \(HTTPS_PROXY\): .*certificate$/],
  ])('is reached over TLS and %s', async (_, env, expected) => {
    const environment = (address: string): Record<string, string> => ({ ...asHttps(address), ...env });
    const { failure, log, raw, requests } = await logInThrough(environment, { ...trusting, proxy: { tls: proxyTls } });
    expect(failure).toMatch(expected);
    expect(raw).not.toContain('DeprecationWarning');
    expect(log.includes('The TLS connection to the proxy fails')).toBe(failure !== '');
    expect(requests.length > 0).toBe(failure === '');
  });

  test.concurrent('does not make the login fail if only the first request gets no response', async () => {
    const scenario = { tls, inputs: { ...trusting.inputs, timeout: '6' }, github: issue(), nomad: { methods: hang } };
    const { failure, requests } = await logInThrough(asHttps, scenario);
    expect(failure).toBe('');
    expect(requests.filter(({ call }) => call.startsWith('POST'))).toHaveLength(1);
  });
});

describe('a proxy that fails', () => {
  const toGitHub = { tls, github: answer(500), githubTls: tls, githubUrl };
  test.concurrent.each<[string, typeof asHttp, Scenario & { proxy: ProxyOptions }, string, string]>([
    ['refuses a tunnel', asHttps, { tls, proxy: { refuseWith: 403 } }, '403', `not allow connections to ${NAME}:`],
    ['refuses GitHub', asHttps, { ...toGitHub, proxy: { refuseWith: 407 } }, '407', 'the credentials in HTTPS_PROXY'],
    ['requires credentials', asHttp, { proxy: { credentials: 'a:b' } }, '407', 'the credentials in HTTP_PROXY'],
    ['refuses on Windows', asHttp, { command: ON_WINDOWS, proxy: { refuseWith: 407 } }, '407', 'in HTTP_PROXY'],
  ])('is named with its status if it %s', async (_, environment, scenario, status, advice) => {
    const { failure, log, requests } = await logInThrough(environment, scenario);
    const server = 'github' in scenario ? 'GitHub' : 'Nomad';
    const way = `at https?://\\S+ through the proxy http:\\S+ \\(HTTPS?_PROXY\\)`;
    expect(failure).toMatch(new RegExp(`^Cannot reach ${server} ${way}: the proxy answered ${status}$`));
    expect(log).toContain(advice);
    expect(requests).toEqual([]);
  });

  test.concurrent('was asked for port 443 if the url has none', async () => {
    const scenario = { url: () => `https://${NAME}`, proxy: { refuseWith: 403 } };
    expect((await logInThrough(asHttps, scenario)).proxied).toEqual([`CONNECT ${NAME}:443`]);
  });

  test.concurrent('is named if it cannot be reached', async () => {
    const { failure, log } = await logIn({ tls, url, inputs: { timeout: '6' }, env: asHttps('http://127.0.0.1:9') });
    expect(failure).toMatch(/ through the proxy http:\/\/127\.0\.0\.1:9 \(HTTPS_PROXY\): .*ECONNREFUSED/);
    expect(log).toContain('The proxy itself cannot be reached.');
  });

  test.concurrent('is only waited for until the timeout if it never responds', async () => {
    const proxy = await listenTcp(() => undefined);
    const { failure } = await logIn({ tls, url, inputs: { timeout: '1' }, env: asHttps(proxy.url) });
    await proxy.close();
    expect(failure).toMatch(/ through the proxy .* did not respond within /);
  });

  test.concurrent('is not blamed if it is GitHub that closes the connection', async () => {
    const scenario = { url: String, github: drop, githubUrl, inputs: { timeout: '3' } };
    const { failure, log } = await logInThrough(asHttp, scenario);
    expect(failure).toMatch(/^Cannot reach GitHub at .* through the proxy/);
    expect(log).not.toMatch(/The proxy itself/);
  });
});
