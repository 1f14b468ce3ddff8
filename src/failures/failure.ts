import type { Jwt } from '../jwt.js';

/** What is known about the certificates that a server presents. */
export interface ServerCertificate {
  /** The DNS names and IP addresses for which it is valid. */
  names: string[];
  /** The common name of the CA that signed the last certificate of the chain. */
  issuer: string;
  /** Which certificate of the chain is not valid now, and when it is; empty if all are valid. */
  validity: string;
}

const NO_JWT: Jwt = { token: '', header: {}, claims: {} };

const UNKNOWN = {
  /** The input that is malformed. */
  input: '',
  /** The address of the server, without credentials, query and trailing slash. */
  url: '',
  /** The address of the proxy on the way to the server, and the environment variable that sets it. */
  proxy: undefined as { origin: string; variable: string } | undefined,
  certificate: undefined as ServerCertificate | undefined,
  /** The common names in the input caCertificate; empty if it is not set. */
  caNames: '',
  methodName: '',
  /** The auth methods of type JWT that the cluster has, if they are known. */
  methods: undefined as string[] | undefined,
  jwt: NO_JWT,
  /** Whether the JWT comes from the input identityToken. */
  isJwtSupplied: false,
  region: undefined as string | undefined,
  /** The wait in milliseconds that the response asks for. */
  retryAfterMs: undefined as number | undefined,
};

/** What the advice on a failure uses; `now` is when it happened, in milliseconds. */
export type Facts = typeof UNKNOWN & { now: number };

/** A failure that the catalogue can explain. */
export class Failure extends Error {
  readonly facts: Facts;

  /**
   * `sign` is what the catalogue recognizes, such as "network ECONNREFUSED": the source (action, github, proxy, network or nomad), then
   * the id of the kind, the error code, or the status and the text. `message` says what failed, without a period and without secrets.
   */
  constructor(
    readonly sign: string,
    message: string,
    facts: Partial<Facts> = {},
    cause?: unknown,
  ) {
    super(message, { cause });
    this.facts = { ...UNKNOWN, now: Date.now(), ...facts };
  }

  /** Returns the same failure with an addition to its message. */
  with(addition: string): Failure {
    return new Failure(this.sign, this.message + addition, this.facts, this.cause);
  }
}

/** The share of the timeout for which a server that cannot be reached is tried. */
export const SIXTH = 1 / 6;

/** A kind of failure: how to recognize it, how long to retry it, and what to advise. */
export interface Kind {
  /** Matches the sign of a failure. */
  match: RegExp;
  /** How long to retry, as a share of the timeout: 1 for until the deadline; never if it is left out. */
  retry?: number;
  /** What to change and where; `found` is what `match` found. */
  advice: string | ((facts: Facts, found: string[]) => string);
}

/** Kinds by their ids, which are the anchors in docs/troubleshooting.md and do not change. */
export type Kinds = Record<string, Kind>;
