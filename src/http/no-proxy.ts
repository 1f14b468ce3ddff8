import { BlockList, isIP } from 'node:net';

/**
 * Tells whether NO_PROXY contains the host of an address, by the rules that curl and Go share: hosts with their subdomains, IP
 * addresses, networks in CIDR notation, ports and `*`, separated by commas or spaces.
 * https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
export function isExcluded(url: URL, noProxy: string): boolean {
  const host = normalize(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry === '*' || matches(entry, host, port));
}

/** Tells whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(hostname: string): boolean {
  const host = normalize(hostname);
  return host === 'localhost' || isInNetwork(host, '127.0.0.0/8') || host === '::1';
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry.includes('/')) {
    return isInNetwork(host, entry);
  }
  // An IPv6 address without brackets contains colons itself.
  const [, name = entry, only = port] = isIP(entry) === 0 ? (/^(.+?)(?::(\d+))?$/.exec(entry) ?? []) : [];
  const expected = normalize(name.replace(/^\*?\./, ''));
  if (only !== port || expected === '') {
    return false;
  }
  if (isIP(expected) !== 0) {
    return isInNetwork(host, `${expected}/${isIP(expected) === 6 ? '128' : '32'}`);
  }
  return host === expected || (isIP(host) === 0 && host.endsWith(`.${expected}`));
}

function isInNetwork(host: string, network: string): boolean {
  const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
  const [address = '', prefix = ''] = network.split('/');
  if (
    isIP(host) === 0 ||
    isIP(address) === 0 ||
    !/^\d+$/.test(prefix) ||
    Number(prefix) > (isIP(address) === 6 ? 128 : 32)
  ) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), family(address));
  return list.check(host, family(host));
}

// Removes the brackets of IPv6 addresses and the trailing dot of full names.
function normalize(host: string): string {
  return host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
