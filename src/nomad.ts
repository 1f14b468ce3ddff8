import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import packageJson from '../package.json' with { type: 'json' };
import { NO_ANSWER, RequestFailure } from './failure.js';
import { retry, type Deadline } from './retry.js';
import { quote } from './secrets.js';
import { parseToken, type NomadToken } from './token.js';
import { Transport, type Answer, type TransportOptions } from './transport.js';

/** How to reach Nomad's API, and what to say in each request. */
export interface ConnectionOptions extends TransportOptions {
  extraHeaders: Record<string, string>;
  region: string | undefined;
}

interface Call {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
}

const MAX_WARM_UP_MS = 5_000;
const MAX_PROPAGATION_MS = 10_000;
const MAX_POLL_DELAY_MS = 500;

/** Nomad's HTTP API. */
export class Nomad {
  readonly #options: ConnectionOptions;
  readonly #deadline: Deadline;
  readonly #transport: Transport;
  #hasLostAnswer = false;

  constructor(options: ConnectionOptions, deadline: Deadline) {
    this.#options = options;
    this.#deadline = deadline;
    this.#transport = new Transport(options);
  }

  /** Opens the connection by a request that anybody may make; what fails here will fail again where it matters. */
  warmUp(): void {
    this.#send({ method: 'GET', path: '/v1/acl/auth-methods' }, MAX_WARM_UP_MS).catch(() => undefined);
  }

  /**
   * Trades a JWT for an ACL token and masks it; throws what came instead of a token.
   * https://developer.hashicorp.com/nomad/api-docs/acl/login
   */
  async login(methodName: string, jwt: string): Promise<NomadToken> {
    const body = { AuthMethodName: methodName, LoginToken: jwt };
    return retry(this.#deadline, async (limitMs) => {
      const answer = await this.#send({ method: 'POST', path: '/v1/acl/login', body }, limitMs).catch(
        (failure: unknown) => {
          this.#noteLostAnswer(failure as RequestFailure);
          throw failure;
        },
      );
      this.#expectSuccess(answer);
      return parseToken(answer.text);
    });
  }

  /**
   * Waits until Nomad knows a token that it has just made, as it may not for some milliseconds; warns after 10 s.
   * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-self-token
   */
  async waitUntilKnown({ secretId }: NomadToken): Promise<void> {
    const call = { method: 'GET', path: '/v1/acl/token/self', headers: { 'x-nomad-token': secretId } } as const;
    const endMs = performance.now() + Math.min(MAX_PROPAGATION_MS, this.#deadline.leftMs);
    for (let delayMs = 20; performance.now() < endMs; delayMs = Math.min(2 * delayMs, MAX_POLL_DELAY_MS)) {
      const answer = await this.#send(call, endMs - performance.now()).catch(() => undefined);
      if (answer?.status === 200) {
        return;
      }
      await sleep(delayMs);
    }
    core.warning('Nomad has made the token, but does not know it yet: the next step may be refused at first.');
  }

  #send({ method, path, headers, body }: Call, limitMs: number): Promise<Answer> {
    const { url, region, extraHeaders } = this.#options;
    const request = {
      path: new URL(url + path).pathname,
      query: region === undefined ? {} : { region },
      method,
      headers: {
        'user-agent': `${packageJson.name}/${packageJson.version}`,
        ...extraHeaders,
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    };
    return this.#transport.send(request, limitMs);
  }

  #noteLostAnswer({ details: { code = '' } }: RequestFailure): void {
    if (!this.#hasLostAnswer && ['ECONNRESET', 'UND_ERR_SOCKET', NO_ANSWER].includes(code)) {
      this.#hasLostAnswer = true;
      core.info('If Nomad received the login, it has made a token that nobody holds, which expires by itself.');
    }
  }

  #expectSuccess({ status, headers, text }: Answer): void {
    if (/^30[12378]$/.test(String(status))) {
      throw new Error(describeRedirect(this.#options.url, status, headers['location']));
    }
    if (status !== 200) {
      throw new RequestFailure(`Nomad refused the login (${String(status)}): ${quote(text) || 'an empty answer'}`, {
        peer: 'Nomad',
        status,
        said: text,
        retryAfterMs: parseRetryAfter(headers['retry-after']),
      });
    }
  }
}

// A Location can be relative, no address at all, or carry a query that is nobody's business.
function describeRedirect(url: string, status: number, location: unknown): string {
  const { origin } = new URL(url);
  const isAddress = typeof location === 'string' && URL.canParse(location, url);
  const target = new URL(isAddress ? location : url, url);
  const where = target.origin === origin ? quote(target.pathname) : quote(target.origin);
  return (
    `${origin} answers the login with a redirect (${String(status)})${isAddress ? ` to ${where}` : ''}. ` +
    `Redirects are not followed, as they would carry the JWT away: set the input url to the address of Nomad itself.`
  );
}

// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
function parseRetryAfter(value: unknown): number | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
