import type { Jwt } from '../jwt.js';

/** What failed, if there is no HTTP status and no error code of Node or undici. */
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

/** The server that a request is for. */
export interface Target {
  peer: 'GitHub' | 'Nomad';
  /** The address without credentials, query and trailing slash. */
  url: string;
  /** The address of the proxy, and the environment variable that sets it. */
  proxy?: { origin: string; variable: string } | undefined;
}

/** Describes a server and its proxy for messages. */
export function describeTarget({ peer, url, proxy }: Target): string {
  const way = proxy === undefined ? '' : ` through the proxy ${proxy.origin} (${proxy.variable})`;
  return `${peer} at ${new URL(url).origin}${way}`;
}

/** A complete but unexpected HTTP response, with the beginning of its body. */
export interface FailedResponse {
  status: number;
  body: string;
  /** The wait in milliseconds that the response asks for. */
  retryAfterMs?: number | undefined;
}

/** Why there was no complete response. */
export interface NetworkError {
  /** The error code of Node or undici; empty if there is none. */
  code: string;
  /** The status of the proxy that refused the request. */
  proxyStatus?: number;
  /** Whether the server has responded to any request. */
  hasResponded: boolean;
  /** Whether an earlier request opened a connection, with TLS if the url uses it. */
  hadConnected: boolean;
  /** Whether this request opened a connection. */
  isConnected: boolean;
  /** The names in the server's certificate, if the certificate is the reason. */
  certificateNames?: string[];
}

/** What was known about a login. */
export interface Login {
  methodName: string;
  jwt: Jwt;
  /** Whether the JWT comes from the input identityToken. */
  isJwtSupplied: boolean;
  region?: string | undefined;
  /** The auth methods of the cluster, if they are known. */
  methods?: AuthMethod[] | undefined;
}

/** An auth method in the list that Nomad returns without a token. */
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

/** A failure that the catalogue can explain; the message is one sentence without a period that says what failed and does not contain secrets. */
export class Failure extends Error {
  readonly details: FailureDetails;

  constructor(message: string, { cause, ...details }: FailureDetails) {
    super(message, cause === undefined ? {} : { cause });
    this.details = details;
  }

  /** Returns the same failure with more details, or with an addition to its message. */
  with(details: FailureDetails, addition = ''): Failure {
    return new Failure(this.message + addition, { ...this.details, cause: this.cause, ...details });
  }
}
