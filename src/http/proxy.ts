import { Failure } from '../failures/failure.js';
import { mask } from '../secrets.js';
import { isExcluded, isLoopback } from './no-proxy.js';

/** A proxy that the environment sets. */
export interface Proxy {
  /** Its address without credentials. */
  origin: string;
  /** The Proxy-Authorization header for its credentials; undefined if there are none. */
  authorization: string | undefined;
  /** The environment variable that sets it. */
  variable: string;
}

/**
 * Returns the proxy for requests to an address and masks its credentials; undefined if NO_PROXY excludes the host, or the host is
 * this machine. Throws a Failure if the environment variable does not contain the address of an HTTP proxy.
 */
export function findProxy(url: URL): Proxy | undefined {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const variable = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`].find((name) => process.env[name]);
  const noProxy = process.env['no_proxy'] || process.env['NO_PROXY'] || '';
  if (variable === undefined || isLoopback(url.hostname) || isExcluded(url, noProxy)) {
    return undefined;
  }
  const value = process.env[variable] ?? '';
  // curl and others accept "proxy.example.com:3128", which parses as a URL of the scheme "proxy.example.com".
  const address = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (!proxy?.hostname || !/^https?:$/.test(proxy.protocol) || !isDecodable(proxy)) {
    throw new Failure(`The environment variable ${variable} is not the address of an HTTP proxy`, {
      code: 'INVALID_PROXY',
    });
  }
  return { origin: proxy.origin, authorization: readCredentials(proxy), variable };
}

// https://www.rfc-editor.org/rfc/rfc7617#section-2
function readCredentials({ username, password }: URL): string | undefined {
  if (username === '' && password === '') {
    return undefined;
  }
  const decoded = decodeURIComponent(password);
  const encoded = Buffer.from(`${decodeURIComponent(username)}:${decoded}`).toString('base64');
  // A user name without a password is often a key.
  [...(password === '' ? [username, decodeURIComponent(username)] : [password, decoded]), encoded].forEach(mask);
  return `Basic ${encoded}`;
}

function isDecodable({ username, password }: URL): boolean {
  try {
    return [username, password].every((part) => typeof decodeURIComponent(part) === 'string');
  } catch {
    return false;
  }
}
