/** What is known of a request that came to nothing. */
export interface FailureDetails {
  peer: 'GitHub' | 'Nomad' | 'proxy';
  /** The HTTP status, where an answer came. */
  status?: number | undefined;
  /** The text of the answer, where one came. */
  said?: string;
  /** How many milliseconds the answer asks to wait. */
  retryAfterMs?: number | undefined;
  /** The error code of Node, of undici, or one of those below, where no answer came. */
  code?: string | undefined;
}

/** A request that came to nothing; the message tells a person so in one sentence without a full stop or a secret. */
export class RequestFailure extends Error {
  readonly details: FailureDetails;

  constructor(message: string, details: FailureDetails) {
    super(message);
    this.details = details;
  }
}

/** No answer came in the time of one attempt. */
export const NO_ANSWER = 'NO_ANSWER';

/** The server closed a TLS connection after the handshake, as it may for want of the right client certificate. */
export const CLOSED_AFTER_HANDSHAKE = 'CLOSED_AFTER_HANDSHAKE';
