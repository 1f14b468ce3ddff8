import { CONNECTION_KINDS } from './catalogue-connection.js';
import { Failure } from './failure.js';
import { IDENTITY_KINDS } from './catalogue-identity.js';
import { defineKind, type Kind } from './match.js';
import { NOMAD_KINDS } from './catalogue-nomad.js';

/** Everything that no other kind describes, such as a full disk. */
const UNEXPECTED = defineKind({
  id: 'unexpected',
  match: () => ({}),
  example: () => new Failure('ENOSPC: no space left on device, write', {}),
  advice: () =>
    'This action has no advice for this failure. Run the job again with step debugging (the secret ACTIONS_STEP_DEBUG set to true), and open an issue with the log if it persists.',
});

/** All kinds of failures; the first that matches decides. */
export const KINDS: Kind[] = [...IDENTITY_KINDS, ...CONNECTION_KINDS, ...NOMAD_KINDS, UNEXPECTED];

/** Returns the first kind that describes a failure, with its advice at a time in milliseconds. */
export function findKind(failure: Failure): Kind & { advice: (now: number) => string } {
  for (const kind of KINDS) {
    const advice = kind.diagnose(failure);
    if (advice !== undefined) {
      return { ...kind, advice };
    }
  }
  throw failure;
}
