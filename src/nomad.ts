import { getProxyUrl } from '@actions/http-client/lib/proxy';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import packageJson from '../package.json' with { type: 'json' };
import { parseToken, type NomadToken } from './token.js';

/** How to reach Nomad's API. */
export interface ConnectionOptions {
  url: string;
  tlsSkipVerify: boolean;
  caCertificate: string | undefined;
  clientCertificate: string | undefined;
  clientKey: string | undefined;
  tlsServerName: string | undefined;
  extraHeaders: Record<string, string>;
  region: string | undefined;
}

const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_REQUEST_MS = 30_000;

/** Nomad's HTTP API, its requests sharing one connection. */
export class Nomad {
  readonly #options: ConnectionOptions;
  readonly #dispatcher: Dispatcher;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#dispatcher = createDispatcher(options);
  }

  /**
   * Trades a JWT for an ACL token and masks it; throws what came instead of a token.
   * https://developer.hashicorp.com/nomad/api-docs/acl/login
   */
  async login(methodName: string, jwt: string): Promise<NomadToken> {
    return parseToken(await this.#post('/v1/acl/login', { AuthMethodName: methodName, LoginToken: jwt }));
  }

  /** Closes the connection once the requests under way are answered. */
  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  async #post(path: string, body: unknown): Promise<string> {
    const url = new URL(this.#options.url + path);
    const { status, location, text } = await this.#request(url, body).catch((error: unknown) => {
      throw new Error(`Cannot log in to Nomad at ${url.origin}: ${describeFault(error)}`, { cause: error });
    });
    if (status >= 300 && status < 400) {
      throw new Error(
        `${url.origin} redirects the login (${String(status)}) to ${describeTarget(location, url)}, where the action ` +
          `does not send the JWT. Set the input url to the address that Nomad itself has.`,
      );
    }
    if (status !== 200) {
      throw new Error(`Nomad refused the login (${String(status)}): ${this.#quote(text)}`);
    }
    return text;
  }

  async #request(url: URL, body: unknown): Promise<{ status: number; location: unknown; text: string }> {
    const { region, extraHeaders } = this.#options;
    const answer = await this.#dispatcher.request({
      origin: url.origin,
      path: url.pathname,
      query: region === undefined ? {} : { region },
      method: 'POST',
      headers: {
        'user-agent': `${packageJson.name}/${packageJson.version}`,
        ...extraHeaders,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(MAX_REQUEST_MS),
    });
    return { status: answer.statusCode, location: answer.headers['location'], text: await readText(answer.body) };
  }

  // An answer can hold what was sent: from a server that echoes requests, or in an error page of a proxy.
  #quote(text: string): string {
    const secrets = Object.values(this.#options.extraHeaders).filter((value) => value.length >= 6);
    const safe = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
    const line = safe
      .replace(/eyJ[\w-]+(\.[\w-]*)*/g, '***')
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim();
    return line.length > 500 ? `${line.slice(0, 500)}…` : line || 'an empty answer';
  }
}

function createDispatcher(options: ConnectionOptions): Dispatcher {
  const tls = {
    rejectUnauthorized: !options.tlsSkipVerify,
    ...(options.caCertificate !== undefined && { ca: options.caCertificate }),
    ...(options.clientCertificate !== undefined && { cert: options.clientCertificate }),
    ...(options.clientKey !== undefined && { key: options.clientKey }),
    ...(options.tlsServerName !== undefined && { servername: options.tlsServerName }),
  };
  const url = new URL(options.url);
  const proxy = getProxyUrl(url);
  // Many proxies refuse to tunnel to a port that speaks plain HTTP, and pass such requests on instead.
  return proxy === undefined
    ? new Agent({ connect: tls })
    : new ProxyAgent({ uri: proxy.href, requestTls: tls, proxyTunnel: url.protocol === 'https:' });
}

// A Location can be relative, no address at all, or carry a query that is nobody's business.
function describeTarget(location: unknown, base: URL): string {
  const target = typeof location === 'string' && URL.canParse(location, base.href) ? new URL(location, base) : base;
  const { origin, pathname } = target;
  return origin === base.origin ? `its path ${pathname}` : origin;
}

function describeFault(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || 'the connection failed';
}

async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) {
      throw new Error('the answer is longer than 1 MiB, which no answer of Nomad to a login is');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
