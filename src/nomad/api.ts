import * as core from '@actions/core';
import type Dispatcher from 'undici/types/dispatcher.js';
import packageJson from '../../package.json' with { type: 'json' };
import { monotonicMs, withTimeout, type Deadline } from '../deadline.js';
import { SIXTH } from '../failures/catalogue.js';
import { Failure, type Facts } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import { describeWay, findProxy, type Proxy } from '../proxy.js';
import { formatSeconds } from '../times.js';
import { describeError, inspectCertificate } from './connection-error.js';
import { createDispatcher } from './dispatcher.js';
import { describeResponse, type Response } from './response.js';

/** One call of Nomad's API; `secretId` authorizes it. */
interface Call {
  method: 'DELETE' | 'GET' | 'POST';
  path: string;
  secretId?: string;
  body?: unknown;
}

/** Nomad's HTTP API on one connection, which all calls share and which is reopened if it is lost. */
export class NomadApi {
  readonly #connection: Connection;
  readonly #proxy: Proxy | undefined;
  readonly #place: string;
  readonly #connectMs: number;
  #dispatcher: Dispatcher;
  #hasResponded = false;

  /** Throws a Failure if the environment sets a malformed proxy. */
  constructor(connection: Connection, deadline: Deadline) {
    const url = new URL(connection.url);
    this.#connection = connection;
    this.#proxy = findProxy(url);
    this.#place = `Nomad at ${url.origin}${describeWay(this.#proxy)}`;
    this.#connectMs = Math.min(deadline.totalMs * SIXTH, deadline.attemptMs);
    this.#dispatcher = createDispatcher(connection, this.#proxy, this.#connectMs);
    core.debug(`Connecting to ${this.#place}${this.#proxy ? '' : ' without a proxy'}`);
  }

  /** Makes a call and returns its response, whatever the status; throws a Failure if there is no response within `limitMs`. */
  async send(call: Call, limitMs: number): Promise<Response> {
    const startMs = monotonicMs();
    const what = `${call.method} ${this.#connection.url}${call.path}`;
    const log = (outcome = ''): void =>
      core.debug(`${what}: ${outcome} after ${(monotonicMs() - startMs).toFixed()} ms`);
    try {
      const response = await withTimeout(limitMs, this.#exchange(call), () =>
        this.#fail('network NO_RESPONSE', `${this.#place} did not respond within ${formatSeconds(limitMs)}`),
      );
      log(String(response.status));
      return response;
    } catch (error) {
      const failure = error instanceof Failure ? error : await this.#describe(error as Error);
      log(failure.sign.split(' ')[1]);
      if (failure.sign.startsWith('network NO_RESPONSE')) {
        // Requests that wait on the same connection would not get a response either.
        void this.#dispatcher.destroy(failure);
        this.#dispatcher = createDispatcher(this.#connection, this.#proxy, this.#connectMs);
      }
      throw failure;
    }
  }

  /** Describes an unexpected response to a call; `summary` says what failed. */
  refuse(summary: string, response: Response, facts: Partial<Facts> = {}): Failure {
    const { url } = this.#connection;
    const { sign, message, retryAfterMs } = describeResponse(url, response);
    return new Failure(sign, `${summary} ${message}`, { url, proxy: this.#proxy, retryAfterMs, ...facts });
  }

  /** Closes the connection and ends the calls on it. */
  close(): void {
    void this.#dispatcher.destroy();
  }

  async #exchange({ method, path, secretId, body }: Call): Promise<Response> {
    const { url, region, extraHeaders } = this.#connection;
    const { origin, pathname } = new URL(url + path);
    const response = await this.#dispatcher.request({
      origin,
      path: pathname,
      query: region === undefined ? {} : { region },
      method,
      // Two GET requests at once take one round trip.
      blocking: method !== 'GET',
      headers: {
        'accept-encoding': 'identity',
        'user-agent': `${packageJson.name}/${packageJson.version}`,
        ...extraHeaders,
        ...(secretId !== undefined && { 'x-nomad-token': secretId }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.body.text();
    this.#hasResponded = true;
    const { statusCode: status, headers } = response;
    const { 'content-encoding': encoding = 'identity' } = headers;
    return { status, headers, text: encoding === 'identity' ? text : `a body in the encoding ${String(encoding)}` };
  }

  async #describe(error: Error): Promise<Failure> {
    const [sign, reason] = describeError(error, this.#proxy);
    const certificate = await inspectCertificate(error, this.#connection, this.#proxy);
    return this.#fail(sign, `Cannot reach ${this.#place}: ${reason}`, { certificate }, error);
  }

  #fail(sign: string, message: string, facts: Partial<Facts> = {}, cause?: unknown): Failure {
    const { url, caCertificate } = this.#connection;
    const circumstances = `${url.startsWith('https:') ? ' over https' : ''}${this.#hasResponded ? ' after a response' : ''}`;
    const known = { url, proxy: this.#proxy, caNames: caCertificate?.names, ...facts };
    return new Failure(sign + circumstances, message, known, cause);
  }
}
