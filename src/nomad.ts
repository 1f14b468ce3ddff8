import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import packageJson from '../package.json' with { type: 'json' };
import { expectSuccess, type Answer } from './answer.js';
import type { DispatcherOptions } from './dispatcher.js';
import { NO_ANSWER, RequestFailure } from './failure.js';
import { retry } from './retry.js';
import type { Deadline } from './time.js';
import { parseToken, type NomadToken } from './token.js';
import { Transport } from './transport.js';

/** How to reach Nomad's API, and what to say in each request. */
export interface ConnectionOptions extends DispatcherOptions {
  extraHeaders: Record<string, string>;
  region: string | undefined;
}

/** An auth method as Nomad lists it to anybody. */
export interface AuthMethod {
  name: string;
  type: string;
}

interface Call {
  method: 'DELETE' | 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
}

const MAX_LOOK_UP_MS = 5_000;
const MAX_PROPAGATION_MS = 10_000;
const FIRST_POLL_DELAY_MS = 20;
const MAX_POLL_DELAY_MS = 500;
const MIN_POLL_MS = 500;

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
    this.listMethods().catch(() => undefined);
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
      expectSuccess('the login', answer, this.#options.url);
      return parseToken(answer.text);
    });
  }

  /**
   * Lists the cluster's auth methods, which Nomad shows to anybody.
   * https://developer.hashicorp.com/nomad/api-docs/acl/auth-methods#list-auth-methods
   */
  async listMethods(): Promise<AuthMethod[]> {
    const answer = await this.#send({ method: 'GET', path: '/v1/acl/auth-methods' }, MAX_LOOK_UP_MS);
    const methods = JSON.parse(answer.text) as { Name: unknown; Type: unknown }[];
    return methods.map(({ Name, Type }) => ({ name: String(Name), type: String(Type) }));
  }

  /**
   * Waits until Nomad knows a token that it has just made, as it may not for some milliseconds; warns after 10 s.
   * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-self-token
   */
  async waitUntilKnown({ secretId }: NomadToken): Promise<void> {
    const call = { method: 'GET', path: '/v1/acl/token/self', headers: { 'x-nomad-token': secretId } } as const;
    const endMs = performance.now() + Math.min(MAX_PROPAGATION_MS, this.#deadline.leftMs);
    let delayMs = FIRST_POLL_DELAY_MS;
    do {
      const limitMs = Math.max(endMs - performance.now(), MIN_POLL_MS);
      const answer = await this.#send(call, limitMs).catch(() => undefined);
      if (answer?.status === 200) {
        return;
      }
      await sleep(delayMs);
      delayMs = Math.min(2 * delayMs, MAX_POLL_DELAY_MS);
    } while (performance.now() < endMs);
    core.warning('Nomad has made the token, but does not know it yet: the next step may be refused at first.');
  }

  /**
   * Deletes a token by its own right; false where it was gone already.
   * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#delete-token
   */
  async revoke({ accessorId, secretId }: Pick<NomadToken, 'accessorId' | 'secretId'>): Promise<boolean> {
    const path = `/v1/acl/token/${accessorId}`;
    return retry(this.#deadline, async (limitMs) => {
      const answer = await this.#send({ method: 'DELETE', path, headers: { 'x-nomad-token': secretId } }, limitMs);
      // Up to Nomad 1.8 a token that is gone is not found, since 1.10 it has no permission.
      if (/ACL token not found|Permission denied/.test(answer.text)) {
        return false;
      }
      expectSuccess('to delete the token', answer, this.#options.url);
      return true;
    });
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
}
