import type { Socket } from 'node:net';
import * as core from '@actions/core';
import { formatSeconds, withTimeout } from '../deadline.js';
import { describeTarget, Failure, type FailureCode, type Target } from '../failures/failure.js';
import { describeError, type ConnectError, type Progress } from './connect-error.js';
import { ConnectionWatch } from './connection-watch.js';
import { createDispatcher, type TlsOptions } from './dispatcher.js';
import { findProxy, type Proxy } from './proxy.js';
import { readBody, type Response } from './response.js';
import { isUntrusted, readSystemRoots } from './trust.js';
import type { Dispatcher } from './undici.js';

/** A request to the server of a connection. */
export type Request = Omit<Dispatcher.RequestOptions, 'origin'>;

/** One connection to a server, which its requests share and which is reopened if it is lost. */
export class Connection {
  /** The server, for failures. */
  readonly target: Target;
  /** Whether the server has responded to a request. */
  hasResponded = false;
  readonly #tls: TlsOptions;
  readonly #proxy: Proxy | undefined;
  readonly #origin: string;
  readonly #opening = new Set<Socket>();
  readonly #watch: ConnectionWatch;
  #roots: string[] | undefined;
  #dispatcher: Dispatcher;

  /** Throws a Failure if the environment sets a malformed proxy. */
  constructor(peer: Target['peer'], url: string, tls: TlsOptions = {}) {
    this.#tls = tls;
    this.#origin = new URL(url).origin;
    this.#proxy = findProxy(new URL(url));
    this.target = { peer, url, proxy: this.#proxy };
    core.debug(`Connecting to ${this.#place}${this.#proxy === undefined ? ' without a proxy' : ''}`);
    this.#dispatcher = this.#createDispatcher();
    this.#watch = new ConnectionWatch(this.#origin, this.#proxy?.origin);
  }

  /** Sends one request and reads the whole response, whatever its status; throws a Failure if there is no response within `limitMs`. */
  async send(request: Request, limitMs: number): Promise<Response> {
    const startMs = performance.now();
    const connections = this.#watch.connections;
    const log = (outcome: string): void => {
      const kind = this.#watch.connections > connections ? 'new connection' : 'no new connection';
      const duration = (performance.now() - startMs).toFixed();
      core.debug(`${request.method} ${this.#origin}${request.path}: ${outcome} after ${duration} ms, ${kind}`);
    };
    try {
      const onTimeout = (): Failure =>
        this.#fail(`${this.#place} did not respond within ${formatSeconds(limitMs)}`, 'NO_RESPONSE');
      const response = await withTimeout(limitMs, this.#exchange(request), onTimeout);
      log(String(response.status));
      return response;
    } catch (error) {
      const { code, network } = (error as Failure).details;
      log(code ?? (network?.code || 'failed'));
      if (code === 'NO_RESPONSE') {
        this.#reopen();
      }
      throw error;
    }
  }

  /** Closes the connection and ends the requests on it. */
  close(): void {
    this.#watch.close();
    void this.#dispatcher.destroy(this.#describeUnsent());
    this.#opening.forEach((socket) => socket.destroy());
  }

  get #place(): string {
    return describeTarget(this.target);
  }

  #createDispatcher(): Dispatcher {
    return createDispatcher(this.#origin, this.#tls, this.#proxy, this.#roots, this.#opening);
  }

  // Requests that wait on the same connection would not get a response either.
  #reopen(): void {
    void this.#dispatcher.destroy(this.#describeUnsent());
    this.#dispatcher = this.#createDispatcher();
  }

  #describeUnsent(): Failure {
    return this.#fail(`${this.#place} did not respond`, 'NOT_SENT');
  }

  async #exchange(request: Request): Promise<Response> {
    const roots = this.#roots;
    const connections = this.#watch.connections;
    try {
      const { statusCode, headers, body } = await this.#dispatcher.request({ ...request, origin: this.#origin });
      this.hasResponded = true;
      const text = await readBody(body);
      if (text === undefined) {
        throw this.#fail(`${this.#place} sent a response of more than 1 MiB`, 'RESPONSE_TOO_LONG');
      }
      return { status: statusCode, headers, text };
    } catch (error) {
      if (error instanceof Failure) {
        throw error;
      }
      if (roots === undefined && this.#canTrustMore(error as ConnectError)) {
        return this.#exchange(request);
      }
      throw this.#describe(error as ConnectError, connections);
    }
  }

  // Reading the system's store takes longer than failing once, so it is only read if Node's own roots are not enough.
  #canTrustMore({ code = '' }: ConnectError): boolean {
    if (!isUntrusted(code) || this.#tls.caCertificate !== undefined) {
      return false;
    }
    if (this.#roots === undefined) {
      this.#roots = readSystemRoots();
      if (this.#roots !== undefined) {
        core.debug("Node's root certificates cannot verify the server: adding those of the operating system");
        this.#reopen();
      }
    }
    return this.#roots !== undefined;
  }

  #describe(error: ConnectError, connections: number): Failure {
    // Behind a proxy, undici throws this error instead of the failure that the connection was destroyed with.
    if (error.code === 'UND_ERR_DESTROYED') {
      return this.#describeUnsent();
    }
    const reason = this.#watch.takeTlsAlert() ?? error;
    return describeError(`Cannot reach ${this.#place}`, this.target, reason, this.#readProgress(connections));
  }

  #readProgress(connections: number): Progress {
    const isConnected = this.#watch.connections > connections;
    return { hasResponded: this.hasResponded, hadConnected: connections > 0, isConnected };
  }

  #fail(message: string, code: FailureCode): Failure {
    return new Failure(message, { code, target: this.target, network: { code: '', ...this.#readProgress(0) } });
  }
}
