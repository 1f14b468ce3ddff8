import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createAuthority,
  createClientCertificate,
  createServerCertificate,
  type Certificate,
} from '../../testbed/certificates.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { NomadAdmin, setUpGithubMethod } from '../../testbed/nomad-admin.js';
import { startProxy, type ForwardProxy, type ProxyOptions } from '../../testbed/forward-proxy.js';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen, listenTcp } from '../../testbed/server.js';
import { startFakeNomad, type FakeNomad } from '../../testbed/fake-nomad/fake-nomad.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { whatFailed } from '../support/what-failed.js';

const TOKEN = JSON.stringify(CANNED_TOKEN);

// Requests to loopback addresses never use a proxy, so Nomad and GitHub have names here that only the proxy resolves.
const nameHost = (url: string, host: string): string => url.replace('127.0.0.1', host);

let issuer: Issuer;
let plain: FakeNomad;
let mtls: FakeNomad;
let authority: Certificate;
let client: Certificate;
let githubEnv: Record<string, string>;
let plainUrl: string;
let mtlsUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  authority = await createAuthority();
  client = await createClientCertificate(authority);
  const server = await createServerCertificate(authority, ['server.global.nomad']);
  plain = await startFakeNomad();
  mtls = await startFakeNomad({ ...server, ca: authority.cert, requestCert: true });
  await setUpGithubMethod(await NomadAdmin.bootstrap(plain.url), issuer);
  plainUrl = nameHost(plain.url, 'nomad.example.com');
  mtlsUrl = nameHost(mtls.url, 'nomad.example.com');
  githubEnv = Object.fromEntries(
    Object.entries(issuer.environment).map(([name, value]) => [name, nameHost(value, 'github.example.com')]),
  );
});

afterAll(() => Promise.all([issuer.close(), plain.close(), mtls.close()]));

async function withProxy(
  options: ProxyOptions,
  run: (proxy: ForwardProxy) => Promise<StageResult>,
): Promise<{ result: StageResult; requests: string[] }> {
  const proxy = await startProxy(options);
  try {
    return { result: await run(proxy), requests: proxy.requests };
  } finally {
    await proxy.close();
  }
}

const host = (url: string): string => new URL(url).host;
const hop = (requests: string[], name: string): string[] => requests.filter((request) => request.includes(name));

describe('a proxy', () => {
  test.each(['http_proxy', 'HTTP_PROXY'])('is used for both hops if %s is set', async (variable) => {
    const { result, requests } = await withProxy({}, ({ url }) =>
      runMain({ inputs: { url: plainUrl }, env: { ...githubEnv, [variable]: url } }),
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(hop(requests, 'github.example.com')).not.toEqual([]);
    expect(hop(requests, 'nomad.example.com')).toEqual([
      `GET ${plainUrl}/v1/acl/auth-methods`,
      `POST ${plainUrl}/v1/acl/login`,
      `GET ${plainUrl}/v1/acl/token/self`,
    ]);
  });

  // The names of variables are not case-sensitive on Windows.
  (process.platform === 'win32' ? test.skip : test)('is that of http_proxy if HTTP_PROXY is also set', async () => {
    const { result, requests } = await withProxy({}, ({ url }) =>
      runMain({ inputs: { url: plainUrl }, env: { ...githubEnv, HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: url } }),
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(hop(requests, 'nomad.example.com')).not.toEqual([]);
  });

  test('is used if its address has no scheme', async () => {
    const { result, requests } = await withProxy({}, ({ url }) =>
      runMain({ inputs: { url: plainUrl }, env: { ...githubEnv, HTTP_PROXY: host(url) } }),
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(hop(requests, 'github.example.com')).not.toEqual([]);
    expect(hop(requests, 'nomad.example.com')).not.toEqual([]);
  });

  test.each([
    ['the whole address', (address: string) => `http://octo%3Acat:pass%2Fw0rd-secret@${address}`],
    ['an address without a scheme', (address: string) => `octo%3Acat:pass%2Fw0rd-secret@${address}`],
  ])('receives the credentials in %s, which are neither printed nor sent to Nomad', async (_, describeAddress) => {
    const { result } = await withProxy({ credentials: 'octo:cat:pass/w0rd-secret' }, ({ url }) =>
      runMain({
        inputs: { url: plainUrl },
        env: { ...githubEnv, HTTP_PROXY: describeAddress(host(url)), RUNNER_DEBUG: '1' },
      }),
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.printed).not.toMatch(/w0rd|b2N0bz/);
    expect(result.masks).toEqual(expect.arrayContaining(['pass%2Fw0rd-secret', 'pass/w0rd-secret']));
    expect(plain.requests.some(({ headers }) => 'proxy-authorization' in headers)).toBe(false);
  });

  test.each(['https_proxy', 'HTTPS_PROXY'])(
    'tunnels TLS with a private CA, a client certificate and a server name if %s is set',
    async (variable) => {
      const inputs = {
        url: mtlsUrl,
        identityToken: await issuer.issue(),
        caCertificate: authority.cert,
        clientCertificate: client.cert,
        clientKey: client.key,
        tlsServerName: 'server.global.nomad',
      };
      const { result, requests } = await withProxy({}, ({ url }) => runMain({ inputs, env: { [variable]: url } }));
      expect(whatFailed(result)).toBe('Nomad refused the login (400): auth-method "github" not found');
      expect(requests).toEqual([`CONNECT ${host(mtlsUrl)}`]);
    },
  );

  test('does not weaken TLS: a server with another name is refused', async () => {
    const inputs = { url: mtlsUrl, identityToken: 'e30.e30.x', caCertificate: authority.cert };
    const { result } = await withProxy({}, ({ url }) => runMain({ inputs, env: { HTTPS_PROXY: url } }));
    expect(whatFailed(result)).toMatch(/^Cannot reach Nomad at https:.*altnames/);
  });

  test('is not used for another scheme', async () => {
    const { result, requests } = await withProxy({}, ({ url }) =>
      runMain({ inputs: { url: plain.url }, env: { ...issuer.environment, HTTPS_PROXY: url } }),
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(requests).toEqual([]);
  });

  test('is not used for loopback addresses', async () => {
    const { result, requests } = await withProxy({}, ({ url }) =>
      runMain({ inputs: { url: plain.url }, env: { ...issuer.environment, HTTP_PROXY: url } }),
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(requests).toEqual([]);
  });

  test.each(['no_proxy', 'NO_PROXY'])('is not used for hosts in %s', async (variable) => {
    const { result, requests } = await withProxy({}, ({ url }) =>
      runMain({
        inputs: { url: nameHost(plain.url, 'nomad.invalid'), identityToken: 'e30.e30.x' },
        env: { HTTP_PROXY: url, [variable]: 'example.com, .invalid' },
      }),
    );
    expect(whatFailed(result)).toMatch(/nomad\.invalid$/);
    expect(requests).toEqual([]);
  });
});

describe('a proxy that fails', () => {
  test('is named with its status for a tunnel', async () => {
    const { result, requests } = await withProxy({ credentials: 'octocat:right' }, ({ url }) =>
      runMain({
        inputs: { url: mtlsUrl, identityToken: 'e30.e30.x' },
        env: { HTTPS_PROXY: url.replace('//', '//octocat:wr0ng-secret@') },
      }),
    );
    expect(whatFailed(result)).toMatch(
      /^Cannot reach Nomad at https:\/\/nomad\.example\.com:\d+ through the proxy http:\/\/127\.0\.0\.1:\d+ \(HTTPS_PROXY\): the proxy answered 407$/,
    );
    expect(requests).toHaveLength(1);
  });

  test('is named with its status for plain HTTP', async () => {
    const { result } = await withProxy({ credentials: 'octocat:right' }, ({ url }) =>
      runMain({ inputs: { url: plainUrl, identityToken: 'e30.e30.x' }, env: { http_proxy: url } }),
    );
    expect(whatFailed(result)).toMatch(
      /^Cannot reach Nomad at http:\/\/nomad\.example\.com:\d+ through the proxy http:\/\/127\.0\.0\.1:\d+ \(http_proxy\): the proxy answered 407$/,
    );
  });

  test('does not make the login fail if only the warm-up gets no response', async () => {
    const certificate = await createServerCertificate(authority, ['nomad.example.com']);
    const logins: string[] = [];
    const slow = await listen((request, response) => {
      if (request.method === 'POST') {
        logins.push(request.url ?? '');
      }
      // The warm-up gets no response.
      if (request.url !== '/v1/acl/auth-methods') {
        response.end(TOKEN);
      }
    }, certificate);
    const { result } = await withProxy({}, ({ url }) =>
      runMain({
        inputs: { url: nameHost(slow.url, 'nomad.example.com'), caCertificate: authority.cert },
        env: { ...githubEnv, HTTPS_PROXY: url, HTTP_PROXY: url },
      }),
    );
    await slow.close();
    expect(result).toMatchObject({ exitCode: 0 });
    expect(logins).toHaveLength(1);
  });

  test('is only waited for until the timeout if it never responds', async () => {
    const proxy = await listenTcp(() => undefined);
    const inputs = { url: mtlsUrl, identityToken: 'e30.e30.x', timeout: '1' };
    const result = await runMain({ inputs, env: { HTTPS_PROXY: proxy.url } });
    await proxy.close();
    expect(whatFailed(result)).toMatch(/did not respond within .* attempts in/);
  });

  test('is retried after status 503', async () => {
    const { result, requests } = await withProxy({ refuseWith: 503 }, ({ url }) =>
      runMain({
        inputs: { url: mtlsUrl, identityToken: 'e30.e30.x', timeout: '2' },
        env: { HTTPS_PROXY: url },
      }),
    );
    expect(whatFailed(result)).toMatch(/: the proxy answered 503 \(\d+ attempts in/);
    expect(requests.length).toBeGreaterThan(1);
  });

  test('is named if it cannot be reached', async () => {
    const proxy = await startProxy();
    await proxy.close();
    const result = await runMain({
      inputs: { url: mtlsUrl, identityToken: 'e30.e30.x', timeout: '1' },
      env: { HTTPS_PROXY: proxy.url },
    });
    expect(whatFailed(result)).toMatch(
      /^Cannot reach Nomad at .* through the proxy http:\/\/127\.0\.0\.1:\d+ \(HTTPS_PROXY\): .*ECONNREFUSED/,
    );
    expect(result.log).toContain('The proxy itself cannot be reached.');
  });

  test.each(['http://', 'socks5://proxy.example.com:1080', 'http://u:100%@proxy.example.com', 'a b'])(
    'is not bypassed if its address is malformed: %s',
    async (address) => {
      const result = await runMain({
        inputs: { url: mtlsUrl, identityToken: 'e30.e30.x' },
        env: { HTTPS_PROXY: address },
      });
      expect(whatFailed(result)).toBe('The environment variable HTTPS_PROXY is not the address of an HTTP proxy');
    },
  );
});
