import * as core from '@actions/core';
import packageJson from '../../package.json' with { type: 'json' };
import { formatSeconds, monotonicMs, withTimeout, type Deadline } from '../deadline.js';
import { SIXTH } from '../failures/catalogue.js';
import { Failure, type Facts } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import { describeWay, findProxy, type Proxy } from '../proxy.js';
import { inspectCertificate } from './certificate.js';
import { createDispatcher } from './dispatcher.js';
import { describeError, type NetworkError } from './network-error.js';
import { describeResponse, type Response } from './response.js';
import type Dispatcher from 'undici/types/dispatcher.js';

/** One call of Nomad's API; `secretId` authorizes it. */
export interface Call {
  method: 'DELETE' | 'GET' | 'POST';
  path: string;
  secretId?: string;
  body?: unknown;
}

/** Nomad's HTTP API on one connection, which all calls share and which is reopened if it is lost. */
export class NomadApi {
  #hasResponded = false;
  #dispatcher: Dispatcher;
  readonly #options: Connection;
  readonly #origin: string;
  readonly #proxy: Proxy | undefined;
  readonly #connectMs: number;
  readonly #place: string;
  readonly #facts: Partial<Facts>;

  /** Throws a Failure if the environment sets a malformed proxy. */
  constructor(options: Connection, deadline: Deadline) {
    const { url } = options;
    const proxy = findProxy(new URL(url));
    this.#options = options;
    this.#origin = new URL(url).origin;
    this.#proxy = proxy;
    this.#connectMs = Math.min(deadline.totalMs * SIXTH, deadline.attemptMs);
    this.#place = `Nomad at ${this.#origin}${describeWay(proxy)}`;
    this.#facts = { url, proxy };
    this.#dispatcher = createDispatcher(options, proxy, this.#connectMs);
    core.debug(`Connecting to ${this.#place}${proxy ? '' : ' without a proxy'}`);
  }

  /** Makes a call and returns its response, whatever the status; throws a Failure if there is no response within `limitMs`. */
  async send({ method, path, secretId, body }: Call, limitMs: number): Promise<Response> {
    const { url, region, extraHeaders } = this.#options;
    const request = {
      origin: this.#origin,
      path: new URL(url + path).pathname,
      query: region === undefined ? {} : { region },
      method,
      headers: {
        'user-agent': `${packageJson.name}/${packageJson.version}`,
        ...extraHeaders,
        ...(secretId !== undefined && { 'x-nomad-token': secretId }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    };
    const startMs = monotonicMs();
    let outcome: string | undefined;
    try {
      const message = `${this.#place} did not respond within ${formatSeconds(limitMs)}`;
      const onTimeout = (): Failure => new Failure(`network NO_RESPONSE${this.#circumstances}`, message, this.#facts);
      const response = await withTimeout(limitMs, this.#exchange(request), onTimeout);
      outcome = String(response.status);
      return response;
    } catch (error) {
      const failure = error instanceof Failure ? error : await this.#describe(error as NetworkError);
      outcome = failure.sign.split(' ')[1];
      if (outcome === 'NO_RESPONSE') {
        // Requests that wait on the same connection would not get a response either.
        void this.#dispatcher.destroy(failure);
        this.#dispatcher = createDispatcher(this.#options, this.#proxy, this.#connectMs);
      }
      throw failure;
    } finally {
      core.debug(`${method} ${url}${path}: ${String(outcome)} after ${(monotonicMs() - startMs).toFixed()} ms`);
    }
  }

  /** Describes an unexpected response to a call; `summary` says what failed. */
  refuse(summary: string, response: Response, facts: Partial<Facts> = {}): Failure {
    const { sign, message, ...rest } = describeResponse(this.#options.url, response);
    return new Failure(sign, `${summary} ${message}`, { ...this.#facts, ...facts, ...rest });
  }

  /** Closes the connection and ends the calls on it. */
  close(): void {
    void this.#dispatcher.destroy();
  }

  async #exchange(request: Dispatcher.RequestOptions): Promise<Response> {
    const { statusCode, headers, body } = await this.#dispatcher.request(request);
    const text = await body.text();
    this.#hasResponded = true;
    return { status: statusCode, headers, text };
  }

  async #describe(error: NetworkError): Promise<Failure> {
    const { source, code, reason } = describeError(error, this.#proxy?.origin);
    const certificate = source === 'network' ? await inspectCertificate(error, this.#options, this.#proxy) : undefined;
    const caNames = this.#options.caCertificate?.names ?? '';
    const sign = `${source} ${code} ${reason}${this.#circumstances}`;
    return new Failure(sign, `Cannot reach ${this.#place}: ${reason}`, { ...this.#facts, caNames, certificate }, error);
  }

  get #circumstances(): string {
    return `${this.#origin.startsWith('https:') ? ' over https' : ''}${this.#hasResponded ? ' after a response' : ''}`;
  }
}
