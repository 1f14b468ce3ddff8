import { ACTION_KINDS } from './catalogue-action.js';
import { JWT_KINDS } from './catalogue-jwt.js';
import { NETWORK_KINDS } from './catalogue-network.js';
import { NOMAD_KINDS } from './catalogue-nomad.js';
import type { Failure, Kind, Kinds } from './failure.js';

const OTHER_KINDS = {
  // Everything that no other kind describes, such as a full disk.
  unexpected: {
    match: /(?:)/,
    advice:
      'This action has no advice for this failure. Run the job again with step debugging (the secret ACTIONS_STEP_DEBUG set to true), and open an issue with the log if it persists.',
  },
} as const satisfies Kinds;

/** All kinds; the first that matches decides, and the last of each source describes whatever is not listed. */
export const CATALOGUE = {
  "Inputs and GitHub's OIDC token": ACTION_KINDS,
  Connections: NETWORK_KINDS,
  "Nomad's verdict on the JWT": JWT_KINDS,
  'Other responses': NOMAD_KINDS,
  'Other errors': OTHER_KINDS,
} as const;

/** The ids of all kinds. */
export type KindId = { [Group in keyof typeof CATALOGUE]: keyof (typeof CATALOGUE)[Group] }[keyof typeof CATALOGUE];

const KINDS: [id: string, kind: Kind][] = Object.values(CATALOGUE).flatMap((kinds) => Object.entries<Kind>(kinds));

/** Returns the first kind that describes a failure, with its id and its advice. */
export function findKind({ sign, facts }: Failure): { id: string; retry: number; advice: string } {
  for (const [id, { match, retry = 0, advice }] of KINDS) {
    const found = match.exec(sign);
    if (found !== null) {
      return { id, retry, advice: typeof advice === 'string' ? advice : advice(facts, found) };
    }
  }
  throw new Error(`No kind describes ${sign}`);
}
