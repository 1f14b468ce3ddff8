import type { Event, Facts } from './failure.js';
import { CONNECTION_KINDS } from './kinds/connection.js';
import { JOB_KINDS } from './kinds/job.js';
import { JWT_KINDS } from './kinds/jwt.js';
import { NOMAD_KINDS } from './kinds/nomad.js';
import { TLS_KINDS } from './kinds/tls.js';

/** A kind of failures: those whose advice sends the reader to the same place. */
export interface Kind {
  /** The responses of this kind. */
  from?: [peer: RegExp, status?: RegExp, text?: RegExp];
  /** The errors of this kind without a response. */
  to?: [peer: RegExp, code?: RegExp, reached?: RegExp];
  /** How long to retry, as a share of the timeout: 1 for until the deadline; never if it is left out. */
  retry?: number;
  /** What to change and where. */
  advice: string | ((facts: Facts) => string);
  /** The root certificates of the operating system may verify the server. */
  useSystemTrust?: true;
}

// The first kind that matches decides, so the last for each peer describes whatever is not listed.
const CATALOGUE = {
  ...TLS_KINDS,
  ...CONNECTION_KINDS,
  ...JOB_KINDS,
  ...JWT_KINDS,
  ...NOMAD_KINDS,
};

/** The ids of the kinds, which docs/troubleshooting.md describes. */
export type KindId = keyof typeof CATALOGUE;

/** All kinds, in the order in which they are tried. */
export const KINDS: Record<KindId, Kind> = CATALOGUE;

/** Returns the id of the kind of an event. */
export function findKind(event: Event): KindId {
  if (typeof event === 'string') {
    return event;
  }
  const [way, ...values] =
    'from' in event
      ? (['from', event.from, String(event.status), withoutNames(event.text)] as const)
      : (['to', event.to, event.code, event.reached] as const);
  const ids = Object.keys(KINDS) as KindId[];
  return (
    ids.find((id) => KINDS[id][way]?.every((pattern, index) => pattern?.test(values[index] ?? '') !== false)) ??
    'unexpected'
  );
}

// The names of roles, policies, hosts and so on, which Nomad writes in quotes, say nothing about the kind.
function withoutNames(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/"[^"]*"/g, '""');
}
