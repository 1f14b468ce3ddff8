import * as core from '@actions/core';
import type Dispatcher from 'undici/types/dispatcher.js';
import packageJson from '../../package.json' with { type: 'json' };
import { SIXTH, withTimeout, monotonicMs, type Deadline } from '../deadline.js';
import type { Facts } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import { describeWay, findProxy, type Proxy } from '../proxy.js';
import { explainError } from './connection-error.js';
import { createDispatcher, type Progress } from './dispatcher.js';
import type { Response } from './response.js';
import { ProxyError } from './tunnel.js';
import { request } from './undici.js';

/** One call of Nomad's API; `secretId` authorizes it. */
interface Call {
  method: 'DELETE' | 'GET' | 'POST';
  path: string;
  secretId?: string;
  body?: unknown;
}

/** Nomad's HTTP API on one connection, which all calls share and which is reopened if it is lost. */
export class NomadApi {
  /** What is known about each failure of a call. */
  readonly facts: Pick<Facts, 'url' | 'region' | 'proxy' | 'caNames' | 'hasClientCertificate'>;
  readonly #connection: Connection;
  readonly #proxy: Proxy | undefined;
  readonly #place: string;
  readonly #connectMs: number;
  readonly #progress: Progress = { to: 'nomad', reached: 'nothing', hasResponded: false };
  #dispatcher: Dispatcher;

  /** Throws a Failure if the environment sets a malformed proxy. */
  constructor(connection: Connection, deadline: Deadline) {
    const { url, region, caCertificate, clientCertificate } = connection;
    this.#connection = connection;
    this.#proxy = findProxy(new URL(url), { withNetworks: true });
    const hasClientCertificate = clientCertificate !== undefined;
    this.facts = { url, region, proxy: this.#proxy, caNames: caCertificate?.names, hasClientCertificate };
    this.#place = `Nomad at ${new URL(url).origin}${describeWay(this.#proxy)}`;
    this.#connectMs = Math.min(deadline.totalMs * SIXTH, deadline.attemptMs);
    this.#dispatcher = this.#open();
    core.debug(`Connecting to ${this.#place}${this.#proxy ? '' : ' without a proxy'}`);
  }

  /** Makes a call and returns its response, whatever the status; throws a Failure if there is no response within `limitMs`. */
  async send(call: Call, limitMs: number): Promise<Response> {
    const startMs = monotonicMs();
    const what = `${call.method} ${this.#connection.url}${call.path}`;
    const log = (outcome: unknown): void =>
      core.debug(`${what}: ${String(outcome)} after ${(monotonicMs() - startMs).toFixed()} ms`);
    try {
      const response = await withTimeout(limitMs, this.#exchange(call));
      log(response.status);
      return response;
    } catch (error) {
      const failure = explainError(error as Error, this.#place, this.#progress, this.facts);
      const { code, status } = failure.facts;
      // This step itself has closed the connection.
      log(code === 'UND_ERR_DESTROYED' ? 'canceled' : code || status);
      if (code === 'NO_RESPONSE') {
        // Requests that wait on the same connection would not get a response either.
        this.close(error as Error);
        this.#dispatcher = this.#open();
      }
      throw failure;
    }
  }

  /** Closes the connection and ends the calls on it. */
  close(error: Error | null = null): void {
    void this.#dispatcher.destroy(error);
    this.#progress.socket?.destroy();
  }

  #open(): Dispatcher {
    return createDispatcher(this.#connection, this.#proxy, this.#connectMs, this.#progress);
  }

  async #exchange({ method, path, secretId, body }: Call): Promise<Response> {
    const { url, region, extraHeaders } = this.#connection;
    const { origin, pathname, protocol } = new URL(url + path);
    const { authorization } = this.#proxy ?? {};
    const isForwarded = this.#proxy !== undefined && protocol === 'http:';
    const response = await request.call(this.#dispatcher, {
      origin,
      path: isForwarded ? origin + pathname : pathname,
      query: region === undefined ? {} : { region },
      method,
      // Two GET requests at once take one round trip.
      blocking: method !== 'GET',
      headers: {
        'accept-encoding': 'identity',
        'user-agent': `${packageJson.name}/${packageJson.version}`,
        ...extraHeaders,
        ...(isForwarded && authorization !== undefined && { 'proxy-authorization': authorization }),
        ...(secretId !== undefined && { 'x-nomad-token': secretId }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const { statusCode: status, headers } = response;
    // What follows may be cut off.
    this.#progress.hasResponded ||= !isForwarded || status !== 407;
    const text = await response.body.text();
    if (isForwarded && status === 407) {
      throw new ProxyError(status);
    }
    const { 'content-encoding': encoding = 'identity' } = headers;
    return { status, headers, text: encoding === 'identity' ? text : `a body in the encoding ${String(encoding)}` };
  }
}
