import { isSince } from '../nomad/nomad.js';
import logins from './logins.json' with { type: 'json' };
import selectors from './selectors.json' with { type: 'json' };

/** The response of a real Nomad in a situation. */
export interface RecordedLogin {
  name: string;
  response: { status: number; body: string };
}

/** The versions of Nomad whose responses are recorded, from the oldest to the newest. */
export const VERSIONS: string[] = logins.versions;

/** Returns the responses of a version of Nomad. */
export function readLogins(version: string): RecordedLogin[] {
  const responses = Object.entries(select<RecordedLogin['response']>(logins, version));
  return responses.map(([name, response]) => ({ name, response }));
}

/** Returns the outcomes of selectors on a version of Nomad: match, no match or invalid. */
export function readSelectors(version: string): [selector: string, outcome: string][] {
  return Object.entries(select<string>(selectors, version));
}

// What differs from the newest version is listed by the last version that differed. Null means that it did not exist.
function select<T>(
  { newest, until }: { newest: Record<string, T>; until: Record<string, Record<string, T | null>> },
  version: string,
): Record<string, T> {
  const exceptions = Object.entries(until).filter(([last]) => isSince(last, version));
  const all = Object.assign({}, newest, ...exceptions.map(([, recorded]) => recorded)) as Record<string, T | null>;
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, T] => entry[1] !== null));
}
