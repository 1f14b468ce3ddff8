import { describe, expect, test } from '@jest/globals';
import { findProxy, type Proxy } from '../src/proxy.js';
import { findMasks, useProcess } from './support/in-process.js';

const PROXY = 'http://proxy.example.com:3128';

const output = useProcess();

function find(url: string, environment: Record<string, string>): Proxy | undefined {
  Object.assign(process.env, environment);
  return findProxy(new URL(url), { withNetworks: true });
}

describe('the proxy', () => {
  test.each(['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'])('is that of %s for its scheme', (variable) => {
    const [scheme = ''] = variable.toLowerCase().split('_');
    const other = scheme === 'http' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
    const environment = { [variable]: PROXY, [other]: 'http://other:1' };
    expect(find(`${scheme}://nomad.example.com`, environment)).toEqual({ origin: PROXY, variable });
  });

  // The names of variables are not case-sensitive on Windows.
  (process.platform === 'win32' ? test.skip : test)('is that of the variables in lower case if both are set', () => {
    const environment = { http_proxy: PROXY, HTTP_PROXY: 'http://b', no_proxy: '10.0.0.0/8', NO_PROXY: '11.0.0.0/8' };
    expect(find('http://11.0.0.1', environment)?.variable).toBe('http_proxy');
    expect(find('http://10.0.0.1', environment)).toBeUndefined();
  });

  test.each(['127.0.0.1', 'localhost', '[::1]'])('is not used for %s', (host) =>
    expect(find(`http://${host}:4646`, { HTTP_PROXY: PROXY })).toBeUndefined(),
  );

  test.each<[string, string, string | undefined, ...string[]]>([
    ['proxy.example.com:3128', PROXY, undefined],
    ['https://proxy.example.com', 'https://proxy.example.com', undefined],
    ['octo:pass-1@proxy.example.com:3128', PROXY, 'octo:pass-1', 'pass-1'],
    ['http://octo%3Acat:a%2Fb-2@proxy.example.com:3128/', PROXY, 'octo:cat:a/b-2', 'a%2Fb-2', 'a/b-2'],
    ['http://a-key@proxy.example.com:3128', PROXY, 'a-key:', 'a-key'],
    ['http://:pass-2@proxy.example.com:3128', PROXY, ':pass-2', 'pass-2'],
  ])('is read from %s, and its secrets are masked', (value, origin, credentials, ...masks) => {
    const encoded = credentials === undefined ? [] : [Buffer.from(credentials).toString('base64')];
    const [authorization] = encoded.map((text) => `Basic ${text}`);
    const proxy = find('http://a.example.com', { HTTP_PROXY: value });
    expect([proxy?.origin, proxy?.authorization]).toEqual([origin, authorization]);
    expect(findMasks(output.text)).toEqual([...masks, ...encoded]);
  });

  // Part of a password could be taken for the host.
  test.each([
    'http://',
    'socks5://proxy.example.com:1080',
    'http://u:100%@proxy.example.com',
    'http://alice:12345#cret@proxy.example.com',
    'http://alice:winter/1@proxy.example.com',
    'http://alice:winter?1@proxy.example.com',
    'http://CORP\\alice:winter1@proxy.example.com',
  ])('causes an error if the variable contains %s, which is masked as a whole', (value) => {
    expect(() => find('http://a.example.com', { HTTP_PROXY: value })).toThrow(
      /^The variable HTTP_PROXY does not contain the address of an HTTP proxy$/,
    );
    expect(findMasks(output.text)).toEqual([value]);
  });
});

test.each<[string, string[], string[]]>([
  ['', [], ['nomad.example.com']],
  [',.', [], ['nomad.example.com']],
  ['*', ['nomad.example.com'], []],
  ['nomad.example.com', ['nomad.example.com:4646'], ['example.com']],
  ['nomad.example.com:4647', ['nomad.example.com:4647'], ['nomad.example.com:4646']],
  ['example.com', ['nomad.example.com'], ['badexample.com']],
  ['nomad *example.com example.com/8', [], ['nomad.example.com', 'badexample.com']],
  ['a.example.com *.EXAMPLE.com', ['nomad.example.com'], ['badexample.com']],
  ['a.example.com, 10.0.0.0/8', ['10.200.3.4:4646'], ['11.0.0.1', '10.example.com', '[fd00::1]']],
  ['10.0.0.0/0', ['192.0.2.1'], []],
  ['10.0.0.1/32', ['10.0.0.1'], []],
  ['10.0.0.0/33 10.0.0.0/ 10.0.0.0/x 10.0.0.0/8x', [], ['10.0.0.1']],
  ['FD00::/8', ['[fd12:3456::1]:4646'], ['[fe80::1]', '10.0.0.1']],
  ['fd00::1/128', ['[fd00::1]'], []],
  ['fd00::/129', [], ['[fd00::1]']],
])('NO_PROXY with %j excludes %j, but not %j', (NO_PROXY, excluded, others) => {
  const isExcluded = (host: string): boolean => find(`http://${host}`, { HTTP_PROXY: PROXY, NO_PROXY }) === undefined;
  expect([...excluded, ...others].filter(isExcluded)).toEqual(excluded);
});

test('NO_PROXY only knows names on the way to GitHub, because the toolkit ignores the rest', () => {
  Object.assign(process.env, { HTTP_PROXY: PROXY, NO_PROXY: '10.0.0.0/8 *.example.com' });
  expect(['http://10.0.0.1', 'http://a.example.com'].map((url) => findProxy(new URL(url))?.variable)).toEqual([
    'HTTP_PROXY',
    'HTTP_PROXY',
  ]);
});
