import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { startProxy, type ProxyOptions } from '../../testbed/forward-proxy.js';
import { listenTcp } from '../../testbed/server.js';
import { createTestFolder } from '../support/in-process.js';
import { answer, hang, issue, logIn, type Outcome, type Scenario } from '../support/servers.js';

const NAME = 'nomad.example.com';

const authority = await createAuthority();
const tls = await createServerCertificate(authority, [NAME]);
const proxyTls = await createServerCertificate(authority, ['127.0.0.1']);
const client = await createClientCertificate(authority);
const file = join(createTestFolder(), 'ca.pem');
writeFileSync(file, authority.cert);

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
    expect(printed).toMatch(/^::debug::Connecting to Nomad at \S+ through the proxy http:\S+ \(HTTP_PROXY\)$/m);
    expect(printed).not.toMatch(/w0rd|b2N0bz/);
    expect(masks).toEqual(expect.arrayContaining(['pass%2Fw0rd-secret', 'pass/w0rd-secret']));
    expect(requests.some(({ headers }) => 'proxy-authorization' in headers)).toBe(false);
  });

  const pair = { clientCertificate: client.cert, clientKey: client.key };
  const mutual = {
    tls: { ...tls, ca: authority.cert, requestCert: true },
    inputs: { ...trusting.inputs, ...pair, tlsServerName: NAME },
  };
  const other = rename('other.example.com');
  const unverified = { tls, inputs: { tlsSkipVerify: 'true' } };
  const byName = { url: () => `https://${NAME}`, proxy: { refuseWith: 403 } };
  test.concurrent.each<[string, Scenario & { proxy?: ProxyOptions }, RegExp, string]>([
    ['with a private CA, client certificate and server name', { ...mutual, url: other }, /^$/, 'other.example.com'],
    ['to an IPv6 address in brackets', { ...unverified, url: rename('[2001:db8::1]') }, /^$/, '[2001:db8::1]'],
    ['to port 443 if the url has none', byName, /403$/, `${NAME}:443`],
    ['and refuses a server of another name', { ...trusting, url: other }, /^Cannot.*altnames/, 'other.example.com'],
  ])('tunnels TLS %s', async (_, scenario, expected, host) => {
    const { failure, proxied, requests } = await logInThrough(asHttps, scenario);
    expect(failure).toMatch(expected);
    expect([proxied, requests.length > 0]).toEqual([[`CONNECT ${host}`], failure === '']);
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
  const refusing = (refuseWith: number): { proxy: ProxyOptions } => ({ proxy: { refuseWith } });
  const nowhere = (): Record<string, string> => asHttps('http://127.0.0.1:9');
  const absent = { tls, inputs: { timeout: '6' } };
  test.concurrent.each<[string, typeof asHttp, Scenario & { proxy?: ProxyOptions }, reason: string, advice: string]>([
    ['refuses a tunnel', asHttps, { tls, ...refusing(403) }, 'answered 403', `not allow connections to ${NAME}:`],
    ['refuses GitHub', asHttps, { ...toGitHub, ...refusing(407) }, 'answered 407', 'the credentials in HTTPS_PROXY'],
    ['requires credentials', asHttp, { proxy: { credentials: 'a:b' } }, 'answered 407', 'credentials in HTTP_PROXY'],
    ['cannot be reached', nowhere, absent, 'ECONNREFUSED', 'The proxy itself cannot be reached.'],
  ])('is named with the reason if it %s', async (_, environment, scenario, reason, advice) => {
    const { failure, log, requests } = await logInThrough(environment, scenario);
    const server = 'github' in scenario ? 'GitHub' : 'Nomad';
    const way = `at https?://\\S+ through the proxy http:\\S+ \\(HTTPS?_PROXY\\)`;
    expect(failure).toMatch(new RegExp(`^Cannot reach ${server} ${way}: .*${reason}`));
    expect(log).toContain(advice);
    expect(requests).toEqual([]);
  });

  test.concurrent('is only waited for until the timeout if it never responds', async () => {
    const proxy = await listenTcp(() => undefined);
    const { failure } = await logIn({ tls, url, inputs: { timeout: '1' }, env: asHttps(proxy.url) });
    await proxy.close();
    expect(failure).toMatch(/ through the proxy .* no response within /);
  });
});
