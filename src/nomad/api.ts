import packageJson from '../../package.json' with { type: 'json' };
import type { Target } from '../failures/failure.js';
import { Connection } from '../http/connection.js';
import type { TlsOptions } from '../http/dispatcher.js';
import { describeResponse, isSuccess, type Response } from '../http/response.js';

/** How to reach Nomad's API, and what each request carries. */
export interface ApiOptions extends TlsOptions {
  url: string;
  extraHeaders: Record<string, string>;
  region: string | undefined;
}

/** One call of Nomad's API. */
export interface Call {
  method: 'DELETE' | 'GET' | 'POST';
  path: string;
  /** The SecretID that authorizes the call. */
  secretId?: string;
  body?: unknown;
}

/** Nomad's HTTP API on one connection. */
export class NomadApi {
  readonly #options: ApiOptions;
  readonly #connection: Connection;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#connection = new Connection('Nomad', options.url, options);
  }

  /** The server, as failures describe it. */
  get target(): Target {
    return this.#connection.target;
  }

  /** Whether the server has responded to a request. */
  get hasResponded(): boolean {
    return this.#connection.hasResponded;
  }

  /** Makes a call and returns its response, whatever the status; throws a Failure if there is no response within `limitMs`. */
  send({ method, path, secretId, body }: Call, limitMs: number): Promise<Response> {
    const { url, region, extraHeaders } = this.#options;
    const request = {
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
    return this.#connection.send(request, limitMs);
  }

  /** Throws a Failure that begins with `summary` unless the status of a response is 200. */
  expectSuccess(summary: string, response: Response): void {
    if (!isSuccess(response)) {
      throw describeResponse(summary, this.#connection.target, response);
    }
  }

  /** Closes the connection. */
  close(): void {
    this.#connection.close();
  }
}
