/** What is known of a request that failed. */
export interface FailureDetails {
  peer: 'GitHub' | 'Nomad' | 'proxy';
  /** The HTTP status, where an answer came. */
  status?: number | undefined;
  /** The text of the answer or, where none came, of the error. */
  said?: string;
  /** How many milliseconds the answer asks to wait. */
  retryAfterMs?: number | undefined;
  /** The error code of Node, of undici, or one of this project's own, where no answer came. */
  code?: string | undefined;
}

/** What failures have in common; what is left out can be anything. */
export interface FailurePattern {
  peer?: FailureDetails['peer'];
  status?: RegExp;
  said?: RegExp;
  code?: RegExp;
}

/** What to change after a failure. Words in braces stand for what is known when it happens, named groups included. */
export interface Remedy extends FailurePattern {
  /** What a user sees, for the README. */
  example: string;
  advice: string;
}

/** Tells whether a failure is one of those that a pattern describes. */
export function fits(pattern: FailurePattern, { peer, status, said = '', code = '' }: FailureDetails): boolean {
  return (
    (pattern.peer ?? peer) === peer &&
    (pattern.status?.test(String(status ?? '')) ?? true) &&
    (pattern.said?.test(said) ?? true) &&
    (pattern.code?.test(code) ?? true)
  );
}

/** A request that failed; the message tells a person so in one sentence, without a full stop and without a secret. */
export class RequestFailure extends Error {
  readonly details: FailureDetails;

  constructor(message: string, details: FailureDetails) {
    super(message);
    this.details = details;
  }
}

/** No answer came in the time of one attempt. */
export const NO_ANSWER = 'NO_ANSWER';

/** The request waited for one on the same connection that got no answer, and never left. */
export const NOT_SENT = 'NOT_SENT';

/** The server closed a TLS connection after the handshake, as it may for want of the right client certificate. */
export const CLOSED_AFTER_HANDSHAKE = 'CLOSED_AFTER_HANDSHAKE';
