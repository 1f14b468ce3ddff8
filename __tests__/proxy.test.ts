import { describe, expect, test } from '@jest/globals';
import { findProxy, type Proxy } from '../src/proxy.js';
import { readTable, useProcess } from './support/in-process.js';

const PROXY = 'http://proxy.example.com:3128';

const output = useProcess();

function find(url: string, environment: Record<string, string>): Proxy | undefined {
  Object.assign(process.env, environment);
  return findProxy(new URL(url));
}

describe('the proxy', () => {
  test.each([
    ['http', 'HTTP_PROXY'],
    ['http', 'http_proxy'],
    ['https', 'HTTPS_PROXY'],
    ['https', 'https_proxy'],
  ])('for %s is that of %s', (scheme, variable) => {
    const other = scheme === 'http' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
    expect(find(`${scheme}://nomad.example.com`, { [variable]: PROXY, [other]: 'http://other:1' })).toEqual({
      origin: PROXY,
      variable,
      authorization: undefined,
    });
  });

  // The names of variables are not case-sensitive on Windows.
  (process.platform === 'win32' ? test.skip : test)('is that of the variable in lower case if both are set', () => {
    expect(find('http://a.example.com', { http_proxy: PROXY, HTTP_PROXY: 'http://b' })?.variable).toBe('http_proxy');
  });

  test.each(['127.0.0.1', 'localhost', '[::1]'])('is not used for %s', (host) => {
    expect(find(`http://${host}:4646`, { HTTP_PROXY: PROXY })).toBeUndefined();
  });

  test.each([
    ['proxy.example.com:3128', 'http://proxy.example.com:3128', undefined, []],
    ['https://proxy.example.com', 'https://proxy.example.com', undefined, []],
    ['octo:pass-1@proxy.example.com:3128', PROXY, 'octo:pass-1', ['pass-1']],
    [
      'http://octo%3Acat:pass%2Fword@proxy.example.com:3128/',
      PROXY,
      'octo:cat:pass/word',
      ['pass%2Fword', 'pass/word'],
    ],
    ['http://a-key@proxy.example.com:3128', PROXY, 'a-key:', ['a-key']],
    ['http://:pass-2@proxy.example.com:3128', PROXY, ':pass-2', ['pass-2']],
  ])('is read from %s, and its secrets are masked', (value, origin, credentials, masks) => {
    const encoded = credentials && Buffer.from(credentials).toString('base64');
    const authorization = encoded && `Basic ${encoded}`;
    expect(find('http://a.example.com', { HTTP_PROXY: value })).toMatchObject({ origin, authorization });
    const expected = encoded === undefined ? [] : [...masks, encoded];
    expect(output.text).toBe(expected.map((mask) => `::add-mask::${mask.replaceAll('%', '%25')}\n`).join(''));
  });

  test.each([
    'http://',
    'a b',
    'socks5://proxy.example.com:1080',
    'http://u:100%@proxy.example.com',
    'http://alice:12345#cret@proxy.example.com',
    'http://alice:winter/1@proxy.example.com',
    'http://alice:winter?1@proxy.example.com',
    'http://CORP\\alice:winter1@proxy.example.com',
    'alice:12#34@proxy.example.com',
  ])('causes an error if the variable contains %s, of which it repeats nothing', (value) => {
    expect(() => find('http://a.example.com', { HTTP_PROXY: value })).toThrow(
      /^The environment variable HTTP_PROXY does not contain the address of an HTTP proxy$/,
    );
  });

  test('is masked as a whole if it is malformed, because part of the password would be taken for the host', () => {
    const value = 'http://alice:98765#cret@proxy.example.com';
    expect(() => find('http://a.example.com', { HTTP_PROXY: value })).toThrow();
    expect(output.text).toBe(`::add-mask::${value}\n`);
  });
});

describe('NO_PROXY', () => {
  test.each(
    readTable(`
* | nomad.example.com
other.example.com,* | nomad.example.com
nomad.example.com | nomad.example.com:4646
NOMAD.example.com | nomad.Example.com
example.com | nomad.example.com
.example.com | nomad.example.com
*.example.com | nomad.example.com
*.EXAMPLE.com | nomad.example.com
a.example.com, nomad.example.com | nomad.example.com
a.example.com *.example.com | nomad.example.com
,,nomad.example.com, | nomad.example.com
nomad.example.com:4646 | nomad.example.com:4646
nomad.example.com:80 | nomad.example.com
10.0.0.1 | 10.0.0.1:4646
10.0.0.0/8 | 10.200.3.4:4646
a.example.com, 10.0.0.0/8 | 10.200.3.4
10.0.0.0/0 | 192.0.2.1
10.0.0.1/32 | 10.0.0.1
fd00::/8 | [fd12:3456::1]:4646
FD00::/8 | [fd12:3456::1]:4646
fd00::1/128 | [fd00::1]
`),
  )('%s excludes %s', (noProxy, host) => {
    expect(find(`http://${host}`, { HTTP_PROXY: PROXY, NO_PROXY: noProxy })).toBeUndefined();
  });

  test.each(
    readTable(`
 | nomad.example.com
, | nomad.example.com
. | nomad.example.com
nomad.example.com | example.com
example.com | badexample.com
*example.com | badexample.com
nomad | nomad.example.com
nomad.example.com:4647 | nomad.example.com:4646
10.0.0.0/8 | 11.0.0.1
10.0.0.0/8 | 10.example.com
10.0.0.0/33 | 10.0.0.1
10.0.0.0/ | 10.0.0.1
10.0.0.0/x | 10.0.0.1
example.com/8 | nomad.example.com
fd00::/8 | [fe80::1]
fd00::/129 | [fd00::1]
fd00::/8 | 10.0.0.1
10.0.0.0/8 | [fd00::1]
`),
  )('%j does not exclude %s', (noProxy, host) => {
    expect(find(`http://${host}`, { HTTP_PROXY: PROXY, NO_PROXY: noProxy })).toBeDefined();
  });

  test('is read from the variable in lower case if both are set', () => {
    const environment = { HTTP_PROXY: PROXY, no_proxy: '10.0.0.0/8', NO_PROXY: '11.0.0.0/8' };
    expect(find('http://10.0.0.1', environment)).toBeUndefined();
    expect(find('http://11.0.0.1', environment)).toBeDefined();
  });
});
