import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import * as core from '@actions/core';
import { formatSeconds, withTimeout } from '../deadline.js';
import { Failure, type FailureCode, type Target } from '../failures/failure.js';
import { describeError, type ConnectError } from './connect-error.js';
import { createDispatcher, type TlsOptions } from './dispatcher.js';
import { findProxy, type Proxy } from './proxy.js';
import { readBody, type Response } from './response.js';
import { isUntrusted, readSystemRoots } from './trust.js';
import type { Dispatcher } from './undici.js';

/** A request to the server of a connection. */
export type Request = Omit<Dispatcher.RequestOptions, 'origin'>;

const CONNECTED = 'undici:client:connected';

/** One connection to a server, which its requests share and which is opened again when it is lost. */
export class Connection {
  /** The server, as failures name it. */
  readonly target: Target;
  /** Whether the server has answered a request. */
  hasResponded = false;
  readonly #tls: TlsOptions;
  readonly #proxy: Proxy | undefined;
  readonly #origin: string;
  readonly #place: string;
  #roots: string[] | undefined;
  #dispatcher: Dispatcher;
  #connections = 0;
  #tlsAlert: ConnectError | undefined;

  /** Throws a Failure where the environment sets a proxy that cannot be one. */
  constructor(peer: Target['peer'], url: string, tls: TlsOptions = {}) {
    this.#tls = tls;
    this.#proxy = findProxy(new URL(url));
    this.#origin = new URL(url).origin;
    this.target = { peer, url, proxy: this.#proxy };
    const way = this.#proxy === undefined ? '' : ` through the proxy ${this.#proxy.origin} (${this.#proxy.variable})`;
    this.#place = `${peer} at ${this.#origin}${way}`;
    core.debug(`${peer} at ${this.#origin}: ${this.#proxy === undefined ? 'no proxy' : way.trim()}`);
    this.#dispatcher = createDispatcher(url, tls, this.#proxy);
    subscribe(CONNECTED, this.#onConnected);
  }

  /** Sends one request and reads the whole response, whatever its status; throws a Failure where none comes within `limitMs`. */
  async send(request: Request, limitMs: number): Promise<Response> {
    const startMs = performance.now();
    const connections = this.#connections;
    const log = (outcome: string): void => {
      const kind = this.#connections > connections ? 'new connection' : 'no new connection';
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

  /** Ends the connection and whatever is still under way on it. */
  close(): void {
    unsubscribe(CONNECTED, this.#onConnected);
    void this.#dispatcher.destroy(this.#describeUnsent());
  }

  // undici reports a connection that a TLS alert has ended as closed by the other side, without what the alert said.
  readonly #onConnected = (message: unknown): void => {
    const { connectParams, socket } = message as { connectParams: { host: string }; socket: Socket };
    if ([new URL(this.#origin).host, this.#proxy && new URL(this.#proxy.origin).host].includes(connectParams.host)) {
      this.#connections += 1;
      socket.once('error', (error) => (this.#tlsAlert = error));
    }
  };

  // What waits behind a request on the same connection would get no response either.
  #reopen(): void {
    void this.#dispatcher.destroy(this.#describeUnsent());
    this.#dispatcher = createDispatcher(this.#origin, this.#tls, this.#proxy, this.#roots);
  }

  #describeUnsent(): Failure {
    return this.#fail(`${this.#place} did not respond to an earlier request on the same connection`, 'NOT_SENT');
  }

  async #exchange(request: Request): Promise<Response> {
    const roots = this.#roots;
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
      throw this.#describe(error as ConnectError);
    }
  }

  // Reading the system's store takes longer than failing once, so it is only read where Node's own roots do not suffice.
  #canTrustMore({ code = '' }: ConnectError): boolean {
    if (!isUntrusted(code) || this.#tls.caCertificate !== undefined) {
      return false;
    }
    if (this.#roots === undefined) {
      this.#roots = readSystemRoots();
      if (this.#roots !== undefined) {
        core.debug("Node's root certificates do not vouch for the server: adding those of the operating system");
        this.#reopen();
      }
    }
    return this.#roots !== undefined;
  }

  #describe(error: ConnectError): Failure {
    // What undici makes, behind a proxy, of the failure that a connection is destroyed with.
    if (error.code === 'UND_ERR_DESTROYED') {
      return this.#describeUnsent();
    }
    const alert = this.#tlsAlert;
    this.#tlsAlert = undefined;
    const reason = alert?.code?.startsWith('ERR_SSL') ? alert : error;
    return describeError(`Cannot reach ${this.#place}`, this.target, reason, this.hasResponded);
  }

  #fail(message: string, code: FailureCode): Failure {
    const network = { code: '', hasResponded: this.hasResponded };
    return new Failure(message, { code, target: this.target, network });
  }
}
