import type { Jwt } from '../jwt.js';

const NO_JWT: Jwt = { token: '', header: {}, claims: {} };

const UNKNOWN = {
  /** The input that is malformed. */
  input: '',
  /** The address of the server, without credentials, query and trailing slash. */
  url: '',
  /** The address of the proxy on the way to the server, and the environment variable that sets it. */
  proxy: undefined as { origin: string; variable: string } | undefined,
  /** The names in the server's certificate, the CA that signed the last one of its chain, and which of them is not valid now. */
  certificate: undefined as { names: string[]; issuer: string; validity: string } | undefined,
  /** The common names in the input caCertificate. */
  caNames: undefined as string | undefined,
  methodName: '',
  /** The auth methods of type JWT that the cluster has, if they are known. */
  methods: undefined as string[] | undefined,
  jwt: NO_JWT,
  /** Whether the JWT comes from the input identityToken. */
  isJwtSupplied: false,
  /** The wait in milliseconds that the response asks for. */
  retryAfterMs: 0,
};

/** What the advice on a failure uses; `now` is when it happened, in milliseconds. */
export type Facts = typeof UNKNOWN & { now: number };

/** A failure that the catalogue can explain. */
export class Failure extends Error {
  readonly facts: Facts;

  /** `sign` is what the catalogue recognizes: the source (action, github, proxy, network or nomad), then the id of the kind, an error code, or a status and its text. `message` says what failed, without a period and without secrets. */
  constructor(
    readonly sign: string,
    message: string,
    facts: Partial<Facts> = {},
    cause?: unknown,
  ) {
    super(message, { cause });
    this.facts = { ...UNKNOWN, now: Date.now(), ...facts };
  }
}
