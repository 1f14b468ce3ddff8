import { setTimeout as sleep } from 'node:timers/promises';
import * as core from '@actions/core';
import { withTimeout, type Deadline } from '../deadline.js';
import { Failure, type AuthMethod, type Login } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import { isSuccess } from '../http/response.js';
import type { Jwt } from '../jwt.js';
import { NomadApi, type ApiOptions } from './api.js';
import { expectNames, parseToken, type NomadToken } from './token.js';

/** The inputs that a client uses. */
export interface ClientOptions extends ApiOptions {
  methodName: string;
  identityToken: string | undefined;
  isUrlDefault: boolean;
}

const MAX_LIST_MS = 5_000;
const MIN_LIST_MS = 1_000;
const MAX_PROPAGATION_MS = 10_000;
const FIRST_POLL_DELAY_MS = 20;
const MAX_POLL_DELAY_MS = 500;
const MIN_POLL_MS = 500;

/** Logs in to Nomad. */
export class NomadClient {
  readonly #options: ClientOptions;
  readonly #deadline: Deadline;
  readonly #api: NomadApi;
  #methods: Promise<AuthMethod[] | undefined> | undefined;

  constructor(options: ClientOptions, deadline: Deadline) {
    this.#options = options;
    this.#deadline = deadline;
    this.#api = new NomadApi(options);
  }

  /** Opens the connection by listing the auth methods, which needs no token; later requests report a failure. */
  connect(): void {
    this.#methods = this.#listMethods();
  }

  /**
   * Exchanges a JWT for an ACL token and masks it; throws a Failure with the details of the login.
   * https://developer.hashicorp.com/nomad/api-docs/acl/login
   */
  async login(jwt: Jwt): Promise<NomadToken> {
    const { methodName, region, identityToken, isUrlDefault } = this.#options;
    const login: Login = { methodName, region, jwt, isJwtSupplied: identityToken !== undefined };
    const unusedAddress = isUrlDefault ? { unusedAddress: describeAddress(process.env['NOMAD_ADDR']) } : {};
    const call = {
      method: 'POST',
      path: '/v1/acl/login',
      body: { AuthMethodName: methodName, LoginToken: jwt.token },
    } as const;
    let isLost = false;
    try {
      return await retry(this.#deadline, async (limitMs) => {
        const hadResponded = this.#api.hasResponded;
        try {
          const response = await this.#api.send(call, limitMs);
          this.#api.expectSuccess('Nomad refused the login', response);
          return parseToken(response.text);
        } catch (error) {
          if (hadResponded && !isLost && isLostResponse(error)) {
            isLost = true;
            core.info('Nomad may have created a token that this job never received; it expires by itself.');
          }
          throw error instanceof Failure ? error.with({ target: this.#api.target, login, ...unusedAddress }) : error;
        }
      });
    } catch (error) {
      const isRefusal = error instanceof Failure && error.details.response?.status === 400;
      throw isRefusal ? error.with({ login: { ...login, methods: await this.#findMethods() } }) : error;
    }
  }

  /**
   * Waits until Nomad knows a new token, which can take some milliseconds, and warns after 10 s. Returns the names of all
   * policies that the token has, including those of its roles, if Nomad lists them.
   * https://developer.hashicorp.com/nomad/api-docs/acl/policies#list-policies
   */
  async waitUntilUsable({ secretId, roles, type }: NomadToken): Promise<string[] | undefined> {
    const endMs = performance.now() + Math.min(MAX_PROPAGATION_MS, this.#deadline.leftMs);
    // Both calls show whether Nomad knows the token, and a gateway may allow only one of them.
    let path = type === 'client' && roles.length > 0 ? '/v1/acl/policies' : '/v1/acl/token/self';
    let delayMs = FIRST_POLL_DELAY_MS;
    do {
      const limitMs = Math.max(endMs - performance.now(), MIN_POLL_MS);
      const response = await this.#api.send({ method: 'GET', path, secretId }, limitMs).catch(() => undefined);
      if (response !== undefined && isSuccess(response)) {
        return path === '/v1/acl/policies' ? readNames(response.text) : undefined;
      }
      await sleep(delayMs);
      path = '/v1/acl/token/self';
      delayMs = Math.min(2 * delayMs, MAX_POLL_DELAY_MS);
    } while (performance.now() < endMs);
    core.warning(
      'Nomad has created the token but does not accept it yet, so it may refuse the first requests of the next step.',
    );
    return undefined;
  }

  /** Closes the connection. */
  close(): void {
    this.#api.close();
  }

  async #findMethods(): Promise<AuthMethod[] | undefined> {
    const limitMs = Math.max(MIN_LIST_MS, Math.min(MAX_LIST_MS, this.#deadline.leftMs));
    const methods = this.#methods?.then((listed) => listed ?? this.#listMethods(limitMs)) ?? this.#listMethods(limitMs);
    return withTimeout(limitMs, methods, () => new Error('too late')).catch(() => undefined);
  }

  // https://developer.hashicorp.com/nomad/api-docs/acl/auth-methods#list-auth-methods
  async #listMethods(limitMs = MAX_LIST_MS): Promise<AuthMethod[] | undefined> {
    try {
      const response = await this.#api.send({ method: 'GET', path: '/v1/acl/auth-methods' }, limitMs);
      const methods: unknown = isSuccess(response) ? JSON.parse(response.text) : undefined;
      const names = expectNames(methods);
      const types = (methods as { Type: unknown }[]).map(({ Type }) => Type);
      return names.map((name, index) => ({ name, type: String(types[index]) }));
    } catch {
      return undefined;
    }
  }
}

function isLostResponse(error: unknown): boolean {
  const { code, network } = error instanceof Failure ? error.details : {};
  return code === 'NO_RESPONSE' || /ECONNRESET|UND_ERR_SOCKET/.test(network?.code ?? '');
}

function readNames(text: string): string[] | undefined {
  try {
    return expectNames(JSON.parse(text));
  } catch {
    return undefined;
  }
}

// Without credentials and the like, which do not belong in a log.
function describeAddress(address = ''): string {
  const isValid = URL.canParse(address) && /^https?:/i.test(address);
  return isValid ? new URL(address).origin : address && 'which is malformed';
}
