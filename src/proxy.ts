import { checkBypass, getProxyUrl } from '@actions/http-client/lib/proxy';
import { mask } from './secrets.js';

/** A proxy that the environment sets. */
export interface Proxy {
  /** Its address without credentials. */
  origin: string;
  /** The Proxy-Authorization header that its credentials make; undefined where there are none. */
  authorization: string | undefined;
  /** The environment variable that sets it. */
  variable: string;
}

/**
 * Returns the proxy for requests to an address, as the toolkit chooses it for its own, and masks its credentials.
 * Throws where the environment sets one that is no HTTP proxy, for which the toolkit would go past it without a word.
 */
export function findProxy(url: URL): Proxy | undefined {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const variable = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`].find((name) => process.env[name]);
  if (variable === undefined || checkBypass(url)) {
    return undefined;
  }
  addScheme(variable);
  const proxy = getProxyUrl(url);
  if (!proxy?.hostname || !/^https?:$/.test(proxy.protocol)) {
    throw new Error(
      `The environment variable ${variable} is not the address of an HTTP proxy, as in http://proxy.example.com:3128.`,
    );
  }
  return { origin: proxy.origin, authorization: readCredentials(proxy), variable };
}

// "proxy.example.com:3128" is what curl and others take, but parses as a URL of the scheme "proxy.example.com".
function addScheme(variable: string): void {
  const value = process.env[variable] ?? '';
  if (!value.includes('://')) {
    process.env[variable] = `http://${value}`;
  }
}

// https://www.rfc-editor.org/rfc/rfc7617#section-2
function readCredentials({ username, password, href }: URL): string | undefined {
  if (username === '' && password === '') {
    return undefined;
  }
  const encoded = Buffer.from(`${username}:${password}`).toString('base64');
  [password, new URL(href).password, encoded].forEach(mask);
  return `Basic ${encoded}`;
}
