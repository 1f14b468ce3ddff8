import type { KindId } from '../../src/failures/catalogue.js';
import { Failure, type Facts } from '../../src/failures/failure.js';
import type { Jwt } from '../../src/jwt.js';
import { describeResponse } from '../../src/nomad/response.js';

/** What docs/troubleshooting.md shows for a kind of failure. */
export interface Entry {
  sample: Failure;
  /** Other lines that the log can contain for this kind. */
  variants?: string[];
  why: string;
  check?: string[];
  fix?: string;
  /** Links to other pages, as Markdown. */
  links?: string[];
}

/** The entries of some kinds. */
export type Entries = Partial<Record<KindId, Entry>>;

/** The address of Nomad in the samples. */
export const URL_OF_NOMAD = 'https://nomad.example.com:4646';

// 46 seconds after the JWT has expired.
const NOW = Date.parse('2026-09-21T14:19:06Z');
const JWT: Jwt = {
  token: '',
  header: { alg: 'RS256', kid: '38826b17-6a30-5f9b-b169-8beb8202f723' },
  claims: {
    iss: 'https://token.actions.githubusercontent.com',
    aud: 'https://github.com/octo-org',
    repository: 'octo-org/octo-repo',
    ref: 'refs/pull/7/merge',
    event_name: 'pull_request',
    workflow: 'Deploy',
    iat: 1_790_000_000,
    nbf: 1_789_999_700,
    exp: 1_790_000_300,
  },
};
const FACTS: Partial<Facts> = { url: URL_OF_NOMAD, methodName: 'github-adv', jwt: JWT, now: NOW };

/** Builds a failure whose facts are those of the samples, unless others are given. */
export function fail(sign: string, message: string, facts: Partial<Facts> = {}): Failure {
  return new Failure(sign, message, { ...FACTS, ...facts });
}

/** Builds the failure for a response to a login. */
export function refuse(status: number, text: string, facts: Partial<Facts> = {}, location?: string): Failure {
  const { sign, message } = describeResponse(facts.url ?? URL_OF_NOMAD, { status, headers: { location }, text });
  return fail(sign, `Nomad refused the login ${message}`, facts);
}

/** Builds the failure for a refusal whose JWT has other claims or another header. */
export function refuseJwt(text: string, claims: Jwt['claims'], header: Jwt['header'] = {}): Failure {
  const jwt = { token: '', header: { ...JWT.header, ...header }, claims: { ...JWT.claims, ...claims } };
  return refuse(401, `unable to validate provided token: ${text}`, { jwt, isJwtSupplied: true });
}
