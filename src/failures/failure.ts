import type { Jwt } from '../github/identity.js';
import type { Proxy } from '../proxy.js';
import { findKind, KINDS, type Kind, type KindId } from './catalogue.js';

/** Whom the step talks to. */
export type Peer = 'github' | 'proxy' | 'nomad';

/** How far a connection came; `response` means that the server has responded before. */
export type Reached = 'nothing' | 'TCP' | 'TLS' | 'response';

/** What happened: the id of a kind that is known where it happens, a response, or an error without a response. */
export type Event =
  KindId | { from: Peer; status: number; text: string } | { to: Peer; code: string; reached: Reached };

const UNKNOWN = {
  /** The address of the server, without credentials, query and trailing slash. */
  url: '',
  /** The proxy on the way to the server. */
  proxy: undefined as Proxy | undefined,
  /** The names in the server's certificate, the CA that signed the last one of its chain, and when it is valid. */
  certificate: undefined as { names: string[]; issuer: string; validity: string } | undefined,
  /** The input, with the common names. */
  caCertificate: undefined as { names: string[] } | undefined,
  /** The input. */
  clientCertificate: undefined as object | undefined,
  /** The target of a redirect: its origin, or its path on the same server. */
  target: '',
  methodName: '',
  /** The region that was asked for. */
  region: undefined as string | undefined,
  jwt: { token: '', header: {}, claims: {} } as Jwt,
  /** The wait in milliseconds that the response asks for. */
  retryAfterMs: 0,
  status: 0,
  text: '',
  code: '',
  reached: 'nothing' as Reached,
  to: 'nomad' as Peer,
};

/** What the advice on a failure uses, the fields of its event included; `now` is when it happened, in milliseconds. */
export type Facts = typeof UNKNOWN & { now: number };

/** A failure, and its kind and advice, which are found when it is made. */
export class Failure extends Error {
  readonly id: KindId;
  readonly kind: Kind;
  readonly facts: Facts;
  /** What to change and where. */
  readonly advice: string;

  /** `message` says what failed, without a period and without secrets. */
  constructor(
    readonly event: Event,
    message: string,
    facts: Partial<Facts> = {},
    cause?: unknown,
  ) {
    super(message, { cause });
    this.id = findKind(event);
    this.kind = KINDS[this.id];
    this.facts = { ...UNKNOWN, now: Date.now(), ...facts, ...(typeof event === 'object' && event) };
    const { advice } = this.kind;
    this.advice = typeof advice === 'string' ? advice : advice(this.facts);
  }
}
