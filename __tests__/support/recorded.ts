import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The response of a real Nomad in a situation. */
export interface RecordedLogin {
  name: string;
  response: { status: number; contentType: string | null; body: string };
}

/** The results of selectors on a real Nomad, with the claims and mappings that were used. */
export interface RecordedSelectors {
  claims: Record<string, unknown>;
  claimMappings: Record<string, string>;
  listClaimMappings: Record<string, string>;
  selectors: { selector: string; saved: true | string; login: string | null }[];
}

const FOLDER = join(import.meta.dirname, '../testbed/recordings');

/** The versions of Nomad whose responses are recorded. */
export const VERSIONS = readdirSync(FOLDER);

export function readLogins(version: string): RecordedLogin[] {
  return (read(version, 'logins.json') as { logins: RecordedLogin[] }).logins;
}

export function readSelectors(version: string): RecordedSelectors {
  return read(version, 'selectors.json') as RecordedSelectors;
}

function read(version: string, file: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, version, file), 'utf8'));
}
