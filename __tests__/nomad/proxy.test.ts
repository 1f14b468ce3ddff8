import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createAuthority,
  createClientCertificate,
  createServerCertificate,
  type Certificate,
} from '../../testbed/certificates.js';
import { startProxy, type ProxyOptions } from '../../testbed/forward-proxy.js';
import { listenTcp } from '../../testbed/server.js';
import { answer, drop, hang, issue, logIn, type Outcome, type Scenario } from '../support/servers.js';

const NAME = 'nomad.example.com';

let authority: Certificate;
let server: Certificate;
let client: Certificate;
let folder: string;
let file: string;

beforeAll(async () => {
  authority = await createAuthority();
  server = await createServerCertificate(authority, [NAME]);
  client = await createClientCertificate(authority);
  folder = await mkdtemp(join(tmpdir(), 'ca-'));
  file = join(folder, 'ca.pem');
  await writeFile(file, authority.cert);
});

afterAll(() => rm(folder, { recursive: true }));

// Loopback addresses never use a proxy, so Nomad has a name that only the proxy resolves.
const rename = (address: string): string => address.replace('127.0.0.1', NAME);

/** Logs in through a proxy; `environment` uses its address. */
async function logInThrough(
  environment: (address: string) => Record<string, string>,
  { proxy: options = {}, ...scenario }: Scenario & { proxy?: ProxyOptions } = {},
): Promise<Outcome & { proxied: string[] }> {
  const proxy = await startProxy(options);
  try {
    const outcome = await logIn({ url: rename, env: environment(proxy.url), ...scenario });
    return { ...outcome, proxied: proxy.requests.map((request) => request.replace(/:\d{4,5}/, '')) };
  } finally {
    await proxy.close();
  }
}

const trusting = (): Scenario => ({ tls: server, inputs: { caCertificate: authority.cert } });

describe('a proxy', () => {
  test.concurrent('receives the requests to Nomad and to GitHub', async () => {
    const { failure, proxied } = await logInThrough((url) => ({ HTTP_PROXY: url }), {
      github: issue(),
      githubUrl: (address) => address.replace('127.0.0.1', 'github.example.com'),
    });
    expect(failure).toBe('');
    expect(proxied.sort()).toEqual([
      'CONNECT github.example.com',
      `GET http://${NAME}/v1/acl/auth-methods`,
      `GET http://${NAME}/v1/acl/token/self`,
      `POST http://${NAME}/v1/acl/login`,
    ]);
  });

  test.concurrent('receives credentials, which are neither printed nor sent to Nomad', async () => {
    const { failure, printed, masks, requests } = await logInThrough(
      (url) => ({ HTTP_PROXY: url.replace('http://', 'octo%3Acat:pass%2Fw0rd-secret@'), RUNNER_DEBUG: '1' }),
      { proxy: { credentials: 'octo:cat:pass/w0rd-secret' } },
    );
    expect(failure).toBe('');
    expect(printed).not.toMatch(/w0rd|b2N0bz/);
    expect(masks).toEqual(expect.arrayContaining(['pass%2Fw0rd-secret', 'pass/w0rd-secret']));
    expect(requests.some(({ headers }) => 'proxy-authorization' in headers)).toBe(false);
  });

  test.concurrent('tunnels TLS with a private CA, a client certificate and a server name', async () => {
    const { failure, proxied } = await logInThrough((url) => ({ https_proxy: url }), {
      tls: { ...server, ca: authority.cert, requestCert: true },
      url: (address) => address.replace('127.0.0.1', 'other.example.com'),
      inputs: {
        caCertificate: authority.cert,
        clientCertificate: client.cert,
        clientKey: client.key,
        tlsServerName: NAME,
      },
    });
    expect([failure, proxied]).toEqual(['', ['CONNECT other.example.com']]);
  });

  test.concurrent('does not weaken TLS: a server with another name is refused', async () => {
    const { failure, requests } = await logInThrough((url) => ({ HTTPS_PROXY: url }), {
      ...trusting(),
      url: (address) => address.replace('127.0.0.1', 'other.example.com'),
    });
    expect(failure).toMatch(/^Cannot reach Nomad at https:.*altnames/);
    expect(requests).toEqual([]);
  });

  test.concurrent.each([
    ['has a certificate of a CA in NODE_EXTRA_CA_CERTS', true, /^$/],
    ['has a certificate that nothing trusts', false, /through the proxy https:\S+ \(HTTPS_PROXY\): .*certificate$/],
  ])('is reached over TLS and %s', async (_, isTrusted, expected) => {
    const { failure, log, requests } = await logInThrough(
      (url) => ({ HTTPS_PROXY: url, ...(isTrusted && { NODE_EXTRA_CA_CERTS: file }) }),
      { ...trusting(), proxy: { tls: await createServerCertificate(authority, ['127.0.0.1']) } },
    );
    expect(failure).toMatch(expected);
    expect(log.includes('The TLS connection to the proxy fails')).toBe(!isTrusted);
    expect(requests.length > 0).toBe(isTrusted);
  });

  test.concurrent('is not used for hosts in NO_PROXY', async () => {
    const { failure, proxied } = await logInThrough(
      (url) => ({ HTTP_PROXY: url, NO_PROXY: 'a.example.com, .invalid' }),
      {
        url: (address) => address.replace('127.0.0.1', 'nomad.invalid'),
        inputs: { timeout: '6' },
      },
    );
    expect(failure).toMatch(/nomad\.invalid \(\d+ attempts? in/);
    expect(proxied).toEqual([]);
  });

  test.concurrent('does not make the login fail if only the first request gets no response', async () => {
    const { failure, requests } = await logInThrough((url) => ({ HTTPS_PROXY: url }), {
      ...trusting(),
      github: issue(),
      nomad: { methods: hang },
    });
    expect(failure).toBe('');
    expect(requests.filter(({ call }) => call.startsWith('POST'))).toHaveLength(1);
  });
});

describe('a proxy that fails', () => {
  test.concurrent.each<[string, ProxyOptions, 'http' | 'https', string, string]>([
    ['requires credentials for a tunnel', { credentials: 'a:b' }, 'https', '407', 'the credentials in HTTPS_PROXY'],
    ['requires credentials', { credentials: 'a:b' }, 'http', '407', 'the credentials in HTTP_PROXY'],
    ['refuses a tunnel', { refuseWith: 403 }, 'https', '403', 'does not allow connections to nomad.example.com:'],
    ['cannot reach the server', { refuseWith: 503 }, 'https', '503', 'The proxy cannot reach nomad.example.com:'],
  ])('is named with its status if it %s', async (_, options, scheme, status, advice) => {
    const { failure, log, requests } = await logInThrough((url) => ({ [`${scheme.toUpperCase()}_PROXY`]: url }), {
      proxy: options,
      ...(scheme === 'https' && { tls: server }),
      inputs: { timeout: status === '503' ? '2' : '60' },
    });
    expect(failure).toMatch(
      new RegExp(
        `through the proxy http://127\\.0\\.0\\.1:\\d+ \\(\\w+\\): the proxy answered ${status}( \\(\\d+ att.*)?$`,
      ),
    );
    expect(failure.includes('attempt')).toBe(status === '503');
    expect(log).toContain(advice);
    expect(requests).toEqual([]);
  });

  test.concurrent('is named if it cannot be reached', async () => {
    const proxy = await startProxy();
    await proxy.close();
    const { failure, log } = await logIn({
      tls: server,
      url: rename,
      inputs: { timeout: '6' },
      env: { HTTPS_PROXY: proxy.url },
    });
    expect(failure).toMatch(/ through the proxy http:\/\/127\.0\.0\.1:\d+ \(HTTPS_PROXY\): .*ECONNREFUSED/);
    expect(log).toContain('The proxy itself cannot be reached.');
  });

  test.concurrent('is only waited for until the timeout if it never responds', async () => {
    const proxy = await listenTcp(() => undefined);
    const { failure } = await logIn({
      tls: server,
      url: rename,
      inputs: { timeout: '1' },
      env: { HTTPS_PROXY: proxy.url },
    });
    await proxy.close();
    expect(failure).toMatch(/ through the proxy .* did not respond within /);
  });

  test.concurrent('is not blamed if it is GitHub that closes the connection', async () => {
    const { failure, log } = await logInThrough((url) => ({ HTTP_PROXY: url }), {
      url: String,
      github: drop,
      githubUrl: (address) => address.replace('127.0.0.1', 'github.example.com'),
      inputs: { timeout: '3' },
    });
    expect(failure).toMatch(/^Cannot reach GitHub at .* through the proxy/);
    expect(log).not.toMatch(/The proxy itself/);
  });

  test.concurrent('of GitHub is named with its status', async () => {
    const env = (url: string): Record<string, string> => ({ HTTPS_PROXY: url });
    const { failure, log } = await logInThrough(env, {
      url: String,
      proxy: { refuseWith: 407 },
      github: answer(500),
      githubTls: server,
      githubUrl: (address) => address.replace('127.0.0.1', 'github.example.com'),
    });
    expect(failure).toMatch(
      /^Cannot reach GitHub at https:\/\/github\.example\.com:\d+ through .*: the proxy answered 407$/,
    );
    expect(log).toContain('the credentials in HTTPS_PROXY');
  });
});
