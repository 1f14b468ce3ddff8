import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Answer } from './answer.js';
import { createDispatcher, type DispatcherOptions } from './dispatcher.js';
import { CLOSED_AFTER_HANDSHAKE, NO_ANSWER, NOT_SENT, RequestFailure } from './failure.js';
import { findProxy, type Proxy } from './proxy.js';
import { quote } from './secrets.js';
import { formatSeconds, limit } from './time.js';
import type { Dispatcher } from './undici.js';

type Request = Omit<Dispatcher.RequestOptions, 'origin'>;

type NetworkError = Error & { code?: string; reason?: string; errors?: Error[] };

const MAX_ANSWER_BYTES = 1024 * 1024;
const UNCONNECTED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH)$/;

/** One connection to Nomad, which its requests share; opened anew where it was lost. */
export class Transport {
  readonly #options: DispatcherOptions;
  readonly #proxy: Proxy | undefined;
  #dispatcher: Dispatcher;
  readonly #origin: string;
  readonly #place: string;
  #hasAnswered = false;
  #socketError: NetworkError | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#origin = new URL(options.url).origin;
    this.#proxy = findProxy(new URL(options.url));
    const way = this.#proxy === undefined ? '' : ` through the proxy ${this.#proxy.origin} (${this.#proxy.variable})`;
    this.#place = `Nomad at ${this.#origin}${way}`;
    this.#dispatcher = createDispatcher(options, this.#proxy);
    // undici reports a connection that a TLS alert ended as closed by the other side, and not what the alert said.
    subscribe('undici:client:connected', (message) => {
      (message as { socket: Socket }).socket.once('error', (error) => (this.#socketError = error));
    });
  }

  /** Sends one request and reads its answer, whatever the status; throws a RequestFailure where none comes in time. */
  async send(request: Request, limitMs: number): Promise<Answer> {
    const silence = (): RequestFailure =>
      new RequestFailure(`${this.#place} gave no answer in ${formatSeconds(limitMs)}`, {
        peer: 'Nomad',
        code: NO_ANSWER,
      });
    try {
      return await limit(limitMs, this.#exchange(request), silence);
    } catch (error) {
      if (error instanceof RequestFailure && error.details.code === NO_ANSWER) {
        this.#reopen();
      }
      throw error;
    }
  }

  // What waits behind a request on the same connection would get no answer either.
  #reopen(): void {
    void this.#dispatcher.destroy(this.#describeUnsent());
    this.#dispatcher = createDispatcher(this.#options, this.#proxy);
  }

  #describeUnsent(): RequestFailure {
    const message = `${this.#place} gave no answer to an earlier request on the same connection`;
    return new RequestFailure(message, { peer: 'Nomad', code: NOT_SENT });
  }

  async #exchange(request: Request): Promise<Answer> {
    try {
      const answer = await this.#dispatcher.request({ ...request, origin: this.#origin });
      this.#hasAnswered = true;
      return { status: answer.statusCode, headers: answer.headers, text: await readText(answer.body) };
    } catch (error) {
      throw error instanceof RequestFailure ? error : this.#describe(this.#findCause(error as NetworkError));
    }
  }

  #describe(error: NetworkError): RequestFailure {
    // What undici makes, behind a proxy, of the failure that a connection is given up with.
    if (error.code === 'UND_ERR_DESTROYED') {
      return this.#describeUnsent();
    }
    // A host with several addresses fails with one error for each, and an empty message; OpenSSL has a shorter one.
    const reason = error.code?.startsWith('ERR_SSL') ? error.reason : undefined;
    const message = reason ?? (error.message || error.errors?.[0]?.message || String(error.code));
    const proxyStatus = /^Proxy.*\((\d{3})\)/.exec(message)?.[1];
    if (proxyStatus !== undefined) {
      return new RequestFailure(`Cannot reach ${this.#place}: the proxy answers ${proxyStatus}`, {
        peer: 'proxy',
        status: Number(proxyStatus),
        said: message,
      });
    }
    return new RequestFailure(`Cannot reach ${this.#place}: ${quote(message)}`, {
      // Whoever goes through a proxy connects to nothing else.
      peer: this.#proxy !== undefined && UNCONNECTED.test(String(error.code)) ? 'proxy' : 'Nomad',
      said: message,
      code: this.#findCode(error),
    });
  }

  #findCause(error: NetworkError): NetworkError {
    const alert = this.#socketError;
    this.#socketError = undefined;
    return alert?.code?.startsWith('ERR_SSL') ? alert : error;
  }

  #findCode({ code }: NetworkError): string {
    const isClosedAfterHandshake = code === 'UND_ERR_SOCKET' && this.#origin.startsWith('https:');
    return isClosedAfterHandshake && !this.#hasAnswered ? CLOSED_AFTER_HANDSHAKE : String(code);
  }
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) {
      throw Object.assign(new Error('the answer is longer than 1 MiB, as none of Nomad is'), { code: 'TOO_LONG' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
