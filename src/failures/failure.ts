import type { Jwt } from '../jwt.js';

/** What failed, if neither an HTTP status nor an error code of Node or undici says so. */
export type FailureCode =
  | 'FORK_PULL_REQUEST'
  | 'INVALID_INPUT'
  | 'INVALID_ISSUED_JWT'
  | 'INVALID_PROXY'
  | 'INVALID_SUPPLIED_JWT'
  | 'INVALID_TOKEN'
  | 'MISSING_PERMISSION'
  | 'NO_RESPONSE'
  | 'NOT_IN_ACTIONS'
  | 'NOT_REVOKED'
  | 'NOT_SENT'
  | 'RESPONSE_TOO_LONG';

/** The server that a request was for. */
export interface Target {
  peer: 'GitHub' | 'Nomad';
  /** The address without credentials, query and trailing slash. */
  url: string;
  /** The address of the proxy on the way, and the environment variable that sets it. */
  proxy?: { origin: string; variable: string } | undefined;
}

/** Describes a server and the proxy on the way to it, for messages. */
export function describeTarget({ peer, url, proxy }: Target): string {
  const way = proxy === undefined ? '' : ` through the proxy ${proxy.origin} (${proxy.variable})`;
  return `${peer} at ${new URL(url).origin}${way}`;
}

/** A complete HTTP response that is not what was expected, with the beginning of its body. */
export interface FailedResponse {
  status: number;
  body: string;
  /** How many milliseconds the response asks to wait. */
  retryAfterMs?: number | undefined;
}

/** Why there was no complete response. */
export interface NetworkError {
  /** The error code of Node or undici; empty if there is none. */
  code: string;
  /** The status of the proxy that refused the request. */
  proxyStatus?: number;
  /** Whether the server has answered any request. */
  hasResponded: boolean;
  /** Whether an earlier request got as far as a connection, with TLS if the url asks for it. */
  hadConnected: boolean;
  /** Whether this request did. */
  isConnected: boolean;
  /** The names in the server's certificate, if they are the reason. */
  certificateNames?: string[];
}

/** What was known about a login. */
export interface Login {
  methodName: string;
  jwt: Jwt;
  /** Whether the JWT comes from the input identityToken. */
  isJwtSupplied: boolean;
  region?: string | undefined;
  /** The cluster's auth methods, if it has listed them. */
  methods?: AuthMethod[] | undefined;
}

/** An auth method as Nomad lists it without a token. */
export interface AuthMethod {
  name: string;
  type: string;
}

/** What the stage that threw the failure knew. */
export interface FailureDetails {
  code?: FailureCode;
  /** The input that is malformed. */
  input?: string;
  target?: Target;
  response?: FailedResponse;
  network?: NetworkError;
  login?: Login;
  /** The address in NOMAD_ADDR, if the input url is not set. */
  unusedAddress?: string | undefined;
  cause?: unknown;
}

/** A failure that the catalogue can explain; the message is one sentence without a full stop that says what failed, and contains no secret. */
export class Failure extends Error {
  readonly details: FailureDetails;

  constructor(message: string, { cause, ...details }: FailureDetails) {
    super(message, cause === undefined ? {} : { cause });
    this.details = details;
  }

  /** Returns the same failure with details that another stage knows, or with an addition to its message. */
  with(details: FailureDetails, addition = ''): Failure {
    return new Failure(this.message + addition, { ...this.details, cause: this.cause, ...details });
  }
}
