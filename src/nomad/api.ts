import * as core from '@actions/core';
import type Dispatcher from 'undici/types/dispatcher.js';
import packageJson from '../../package.json' with { type: 'json' };
import type { Facts } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import { describeServer, findProxy } from '../proxy.js';
import { SIXTH, withTimeout, monotonicMs, type Deadline } from '../time.js';
import { explainError, ProxyError, type Response } from './explain.js';
import { openSocket, type Progress } from './socket.js';
import { Agent, request } from './undici.js';

/** One call of Nomad's API; `secretId` authorizes it. */
interface Call {
  method: 'DELETE' | 'GET' | 'POST';
  path: string;
  secretId?: string;
  body?: object;
}

/** Nomad's HTTP API on one connection, which all calls share and which is reopened if it is lost. */
export class NomadApi {
  /** What is known about each failure of a call. */
  readonly facts: Pick<Facts, 'url' | 'region' | 'proxy' | 'caCertificate' | 'clientCertificate'>;
  readonly #connection: Connection;
  readonly #connectMs: number;
  readonly #progress: Progress = { to: 'nomad', reached: 'nothing', hasResponded: false };
  #dispatcher: Dispatcher;

  /** Throws a Failure if the environment sets a malformed proxy. */
  constructor(connection: Connection, deadline: Deadline) {
    const { url, region, caCertificate, clientCertificate } = connection;
    this.#connection = connection;
    const proxy = findProxy(new URL(url), { withNetworks: true });
    this.facts = { url, region, proxy, caCertificate, clientCertificate };
    this.#connectMs = Math.min(deadline.totalMs * SIXTH, deadline.attemptMs);
    this.#dispatcher = this.#open();
    core.debug(`Connecting to ${describeServer('Nomad', this.facts)}${proxy ? '' : ' without a proxy'}`);
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
      const failure = explainError(error as Error, this.#progress, this.facts);
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
    return new Agent({
      connections: 1,
      pipelining: 2,
      // GitHub can take a while to issue a JWT, and the connection to Nomad is idle until then.
      keepAliveTimeout: 60_000,
      // Far more than any response from Nomad.
      maxResponseSize: 1024 * 1024,
      connect: (_, callback) =>
        void openSocket(this.#connection, this.facts.proxy, this.#connectMs, this.#progress).then(
          (socket) => callback(null, socket),
          (error: unknown) => callback(error as Error, null),
        ),
    });
  }

  async #exchange({ method, path, secretId, body }: Call): Promise<Response> {
    const { url, region, extraHeaders } = this.#connection;
    const { origin, pathname, protocol } = new URL(url + path);
    const proxy = protocol === 'http:' ? this.facts.proxy : undefined;
    const response = await request.call(this.#dispatcher, {
      origin,
      path: proxy ? origin + pathname : pathname,
      query: region === undefined ? {} : { region },
      method,
      // Two GET requests at once take one round trip.
      blocking: method !== 'GET',
      headers: {
        'accept-encoding': 'identity',
        'user-agent': `${packageJson.name}/${packageJson.version}`,
        ...extraHeaders,
        'proxy-authorization': proxy?.authorization,
        'x-nomad-token': secretId,
        'content-type': body && 'application/json',
      },
      body: body ? JSON.stringify(body) : null,
    });
    // What follows may be cut off.
    this.#progress.hasResponded = true;
    const text = await response.body.text();
    if (proxy && response.statusCode === 407) {
      throw new ProxyError(407);
    }
    return { status: response.statusCode, headers: response.headers, text };
  }
}
