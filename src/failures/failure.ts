import type { Jwt } from '../jwt.js';

/** What failed, where neither an HTTP status nor an error code of Node or undici says so. */
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

/** A complete HTTP response that is not what was asked for; of its body only what patterns and people read. */
export interface FailedResponse {
  status: number;
  body: string;
  /** How many milliseconds the response asks to wait. */
  retryAfterMs?: number | undefined;
}

/** Why no complete response came. */
export interface NetworkError {
  /** The error code of Node or undici; empty where they have none. */
  code: string;
  /** The status of the proxy that refused the request. */
  proxyStatus?: number;
  /** Whether the server had answered any request before. */
  hasResponded: boolean;
  /** The names in the server's certificate, where they were the reason. */
  certificateNames?: string[];
}

/** What the login was about. */
export interface Login {
  methodName: string;
  jwt: Jwt;
  /** Whether the JWT comes from the input identityToken. */
  isJwtSupplied: boolean;
  region?: string | undefined;
  /** The cluster's auth methods, where it could list them. */
  methods?: AuthMethod[] | undefined;
}

/** An auth method as Nomad lists it without a token. */
export interface AuthMethod {
  name: string;
  type: string;
}

/** What the stage that failed knew. */
export interface FailureDetails {
  code?: FailureCode;
  /** The input that is malformed. */
  input?: string;
  target?: Target;
  response?: FailedResponse;
  network?: NetworkError;
  login?: Login;
  /** The address in NOMAD_ADDR, where the input url is not given. */
  unusedAddress?: string | undefined;
  cause?: unknown;
}

/** A failure that the catalogue knows; its message says in one sentence, without a full stop and secrets, what failed. */
export class Failure extends Error {
  readonly details: FailureDetails;

  constructor(message: string, { cause, ...details }: FailureDetails) {
    super(message, cause === undefined ? {} : { cause });
    this.details = details;
  }

  /** Returns the same failure with what another stage knows, or with more to its message. */
  with(details: FailureDetails, addition = ''): Failure {
    return new Failure(this.message + addition, { ...this.details, cause: this.cause, ...details });
  }
}
