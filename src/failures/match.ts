import type { Failure, FailedResponse, FailureCode, FailureDetails, Login, NetworkError, Target } from './failure.js';

/** A kind of failure: how to recognize it, how long to retry it, and what to advise. */
export interface Kind {
  /** Stable, in kebab-case; the anchor of its entry in docs/troubleshooting.md. */
  id: string;
  /** How many seconds to retry: 0 for never, Infinity for until the deadline. */
  retryS: number;
  /** A typical failure of this kind, for the documentation and the tests. */
  example: () => Failure;
  /** Other log lines of this kind, for the documentation. */
  variants: string[];
  /** Whether Nomad judged the claims of the JWT, so that the log should list them. */
  isAboutClaims: boolean;
  /** Returns the advice for a failure of this kind, given the time in milliseconds; undefined for other failures. */
  diagnose: (failure: Failure) => ((now: number) => string) | undefined;
}

interface Definition<Facts> {
  id: string;
  retryS?: number;
  variants?: string[];
  isAboutClaims?: boolean;
  /** Returns the facts that the advice uses; undefined for a failure of another kind. */
  match: (details: FailureDetails) => Facts | undefined;
  example: () => Failure;
  advice: (facts: Facts, now: number) => string;
}

/** Defines a kind of failure; its advice can only use the facts that its match returns, so none of them can be missing. */
export function defineKind<Facts>({ match, advice, ...given }: Definition<Facts>): Kind {
  return {
    retryS: 0,
    variants: [],
    isAboutClaims: false,
    ...given,
    diagnose: ({ details }) => {
      const facts = match(details);
      return facts === undefined ? undefined : (now) => advice(facts, now);
    },
  };
}

/** Matches failures with a code of this project. */
export function code(...codes: FailureCode[]) {
  return ({ code: actual }: FailureDetails): object | undefined =>
    actual !== undefined && codes.includes(actual) ? {} : undefined;
}

/** What is known about a request without a complete response. */
export type Unreached = NetworkError & Target & { host: string; unusedAddress?: string | undefined };

/** Matches requests without a complete response by their failure code or the error code of Node or undici. */
export function network(codes: RegExp, test: (facts: Unreached) => boolean = () => true) {
  return (details: FailureDetails): Unreached | undefined => {
    const { target, network: error, unusedAddress } = details;
    if (target === undefined || error === undefined || !codes.test(details.code ?? error.code)) {
      return undefined;
    }
    const facts = { ...target, ...error, host: new URL(target.url).hostname, unusedAddress };
    return test(facts) ? facts : undefined;
  };
}

/** What is known about an unexpected response. */
export type Answered = FailedResponse & Target & { found: (string | undefined)[] };

/** Matches responses of Nomad, or of another peer if it is given; `found` has the groups of the pattern. */
export function response(status: RegExp, body = /(?:)/, peer = 'Nomad') {
  return ({ target, response: actual }: FailureDetails): Answered | undefined => {
    const match = body.exec(actual?.body ?? '');
    return actual !== undefined && target?.peer === peer && status.test(String(actual.status)) && match !== null
      ? { ...actual, ...target, found: match.slice(1) }
      : undefined;
  };
}

/** Matches Nomad's refusals of a login. */
export function refusal(body: RegExp, status = /^(400|401|500)$/) {
  return (details: FailureDetails): (Answered & Login) | undefined => {
    const answered = response(status, body)(details);
    return answered && details.login && { ...answered, ...details.login };
  };
}
