import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { ConnectError } from './connect-error.js';

const CONNECTED = 'undici:client:connected';

/**
 * Watches the connections that undici opens to a server. undici itself does not say whether a request needed a new one, and reports
 * a connection that a TLS alert ended as closed by the other side, without the alert.
 * https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
 */
export class ConnectionWatch {
  /** How many connections have been opened, with TLS if the address uses it. */
  connections = 0;
  readonly #hosts: string[];
  #error: ConnectError | undefined;

  /** Watches connections to an address and to its proxy. */
  constructor(...addresses: (string | undefined)[]) {
    this.#hosts = addresses.flatMap((address) => (address === undefined ? [] : new URL(address).host));
    subscribe(CONNECTED, this.#onConnected);
  }

  /** Returns the TLS alert that ended a connection since the last call. */
  takeTlsAlert(): ConnectError | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error?.code?.startsWith('ERR_SSL') ? error : undefined;
  }

  close(): void {
    unsubscribe(CONNECTED, this.#onConnected);
  }

  readonly #onConnected = (message: unknown): void => {
    const { connectParams, socket } = message as { connectParams: { host: string }; socket: Socket };
    if (this.#hosts.includes(connectParams.host)) {
      this.connections += 1;
      socket.once('error', (error) => (this.#error = error));
    }
  };
}
