import assert from 'node:assert';
import { BlockList, isIP } from 'node:net';
import { checkBypass } from '@actions/http-client/lib/proxy';
import { Failure, type Facts } from './failures/failure.js';
import { mask } from './secrets.js';

/** A proxy that an environment variable sets: its address without credentials, and the Proxy-Authorization header with them. */
export interface Proxy {
  variable: string;
  origin: string;
  authorization?: string;
}

/** Returns the proxy for requests to an address, by the rules of @actions/http-client, and masks its credentials; `withNetworks` adds networks and `*.example.com` to the rules of NO_PROXY. Throws a Failure if the proxy is malformed. */
export function findProxy(url: URL, { withNetworks = false } = {}): Proxy | undefined {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const variable = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`].find((name) => process.env[name]);
  if (variable === undefined || checkBypass(url) || (withNetworks && isExcluded(url))) {
    return undefined;
  }
  const value = process.env[variable] ?? '';
  try {
    // curl and others accept "proxy.example.com:3128", which parses as a URL of the scheme "proxy.example.com".
    return { variable, ...parseProxy(value.includes('://') ? value : `http://${value}`) };
  } catch {
    mask(value);
    throw new Failure('invalid-proxy', `The variable ${variable} does not contain the address of an HTTP proxy`);
  }
}

/** Describes a server, and the way to it, for messages. */
export function describeServer(name: 'GitHub' | 'Nomad', { url, proxy }: Pick<Facts, 'url' | 'proxy'>): string {
  const way = proxy === undefined ? '' : ` through the proxy ${proxy.origin} (${proxy.variable})`;
  return `${name} at ${new URL(url).origin}${way}`;
}

function parseProxy(address: string): Omit<Proxy, 'variable'> {
  // A character such as # in the password ends the host, and part of the password would be taken for the host and shown.
  assert(/^https?:\/\/([^/\\?#]*@)?[^@]*$/i.test(address), 'not the address of an HTTP proxy');
  const { origin, username, password } = new URL(address);
  if (username === '' && password === '') {
    return { origin };
  }
  // https://www.rfc-editor.org/rfc/rfc7617#section-2
  const encoded = Buffer.from(decodeURIComponent(`${username}:${password}`)).toString('base64');
  // A user name without a password is often a key.
  const secret = password || username;
  [secret, decodeURIComponent(secret), encoded].forEach(mask);
  return { origin, authorization: `Basic ${encoded}` };
}

function isExcluded(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const entries = (process.env['no_proxy'] || process.env['NO_PROXY'] || '').toLowerCase().split(/[\s,]+/);
  return entries.some((entry) =>
    entry.startsWith('*.') ? `.${host}`.endsWith(entry.slice(1)) : isInNetwork(host, entry),
  );
}

function isInNetwork(host: string, network: string): boolean {
  const [, address = '', prefix] = /^(.+)\/(\d+)$/.exec(network) ?? [];
  const family = isIP(host) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  try {
    list.addSubnet(address, Number(prefix), family);
    return list.check(host, family);
  } catch {
    // One of them is a name, or of the other family.
    return false;
  }
}
