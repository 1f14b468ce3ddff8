import { describe, expect, test } from '@jest/globals';
import { isExcluded, isLoopback } from '../../src/http/no-proxy.js';

const excludes = (noProxy: string, url: string): boolean => isExcluded(new URL(url), noProxy);

describe('NO_PROXY', () => {
  test.each([
    ['*', 'https://nomad.example.com'],
    ['other.example.com,*', 'https://nomad.example.com'],
    ['nomad.example.com', 'https://nomad.example.com:4646'],
    ['NOMAD.example.com', 'https://nomad.Example.com:4646'],
    ['example.com', 'https://nomad.example.com'],
    ['.example.com', 'https://nomad.example.com'],
    ['*.example.com', 'https://nomad.example.com'],
    ['nomad.example.com.', 'https://nomad.example.com'],
    ['nomad.example.com', 'https://nomad.example.com.'],
    ['a.example.com, nomad.example.com', 'https://nomad.example.com'],
    ['a.example.com nomad.example.com', 'https://nomad.example.com'],
    ['a.example.com\tnomad.example.com', 'https://nomad.example.com'],
    [',,nomad.example.com,', 'https://nomad.example.com'],
    ['nomad.example.com:4646', 'https://nomad.example.com:4646'],
    ['nomad.example.com:443', 'https://nomad.example.com'],
    ['nomad.example.com:80', 'http://nomad.example.com'],
    ['10.0.0.1', 'http://10.0.0.1:4646'],
    ['10.0.0.1:4646', 'http://10.0.0.1:4646'],
    ['10.0.0.0/8', 'http://10.200.3.4:4646'],
    ['10.0.0.0/0', 'http://192.0.2.1'],
    ['10.0.0.1/32', 'http://10.0.0.1'],
    ['fd00::1', 'http://[fd00::1]:4646'],
    ['[fd00::1]', 'http://[fd00::1]:4646'],
    ['[fd00::1]:4646', 'http://[fd00::1]:4646'],
    ['fd00:0:0:0:0:0:0:1', 'http://[fd00::1]:4646'],
    ['FD00::1', 'http://[fd00::1]:4646'],
    ['fd00::/8', 'http://[fd12:3456::1]:4646'],
  ])('%j excludes %s', (noProxy, url) => {
    expect(excludes(noProxy, url)).toBe(true);
  });

  test.each([
    ['', 'https://nomad.example.com'],
    [' , ', 'https://nomad.example.com'],
    ['.', 'https://nomad.example.com'],
    ['*.', 'https://nomad.example.com'],
    ['nomad.example.com', 'https://example.com'],
    ['example.com', 'https://badexample.com'],
    ['*example.com', 'https://badexample.com'],
    ['nomad', 'https://nomad.example.com'],
    ['nomad.example.com:4647', 'https://nomad.example.com:4646'],
    ['nomad.example.com:443', 'http://nomad.example.com'],
    ['0.0.1', 'http://10.0.0.1'],
    ['10.0.0.0/8', 'http://11.0.0.1'],
    ['10.0.0.0/8', 'http://10.example.com'],
    ['10.0.0.0/33', 'http://10.0.0.1'],
    ['10.0.0.0/', 'http://10.0.0.1'],
    ['10.0.0.0/x', 'http://10.0.0.1'],
    ['example.com/8', 'http://nomad.example.com'],
    ['fd00::1', 'http://[fd00::11]'],
    ['fd00::/8', 'http://[fe80::1]'],
    ['fd00::/129', 'http://[fd00::1]'],
    ['fd00::/8', 'http://10.0.0.1'],
  ])('%j does not exclude %s', (noProxy, url) => {
    expect(excludes(noProxy, url)).toBe(false);
  });
});

describe('a loopback host', () => {
  test.each(['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1', '127.255.3.4', '[::1]'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  test.each(['127.example.com', '127.0.0.1.example.com', 'localhost.example.com', '128.0.0.1', '0.0.0.0', '[::2]'])(
    'is not %s',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
