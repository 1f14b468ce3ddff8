import { readFile } from 'node:fs/promises';
import exampleClaims from '../jws-example.json' with { type: 'json' };

/** What the JWT of a job says. */
export type Claims = Record<string, unknown>;

/** Jobs that every operator should have tried, by what sets them apart from the one that is let in. */
export const VARIATIONS: Record<string, (base: Claims) => Claims> = {
  'the job itself': () => ({}),
  'another branch': () => ({ ref: 'refs/heads/feature', ref_protected: 'false' }),
  'a pull request': () => ({
    event_name: 'pull_request',
    ref: 'refs/pull/7/merge',
    head_ref: 'feature',
    base_ref: 'main',
    ref_protected: 'false',
  }),
  'another workflow': () => ({ workflow: 'CI' }),
  'another repository': ({ repository_owner, repository_id }) => ({
    repository: `${text(repository_owner)}/other-repo`,
    repository_id: String(Number(repository_id) + 1),
  }),
  'another owner': ({ repository_id, repository_owner_id }) => ({
    repository_owner: 'other-org',
    repository_owner_id: String(Number(repository_owner_id) + 1),
    repository_id: String(Number(repository_id) + 2),
  }),
  'a JWT for another service': ({ repository_owner }) => ({ aud: `https://github.com/${text(repository_owner)}` }),
  'a JWT of another issuer': () => ({ iss: 'https://gitlab.example.com' }),
};

// Each JWT is issued with an id and times of its own.
const RENEWED = ['exp', 'iat', 'jti', 'nbf'];

/** The claims of jws-example.json, but for those that each JWT has anew, and for aud, which the job asks for. */
export const EXAMPLE = withoutRenewed({ ...exampleClaims, aud: undefined });

/** Reads a file of claims, such as a decoded JWT, in the place of those of jws-example.json; throws where it is none. */
export async function readClaims(file: string): Promise<Claims> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`--claims ${file}: ${(error as Error).message}`);
  });
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    const isJwt = /^[\w-]+\.[\w-]+\.[\w-]*\s*$/.test(text);
    throw new Error(`--claims ${file}: ${isJwt ? 'is a JWT; it must hold its decoded claims' : 'is not JSON'}.`);
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new Error(`--claims ${file}: is not a JSON object of claims.`);
  }
  // Jobs have the example's claims unless these are said to be absent.
  return { ...Object.fromEntries(Object.keys(EXAMPLE).map((name) => [name, undefined])), ...withoutRenewed(claims) };
}

function withoutRenewed(claims: object): Claims {
  return Object.fromEntries(
    Object.entries(claims).filter(([name, claim]) => claim !== undefined && !RENEWED.includes(name)),
  );
}

/** Reads one claim as an argument gives it, `name=value`: a list or an object as JSON, anything else as text. */
export function parseClaim(argument: string): Claims {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(argument) ?? [];
  if (name === undefined) {
    throw new Error(`--claim ${argument}: must be name=value, such as ref=refs/heads/dev.`);
  }
  if (!/^[[{]/.test(value)) {
    return { [name]: value };
  }
  try {
    return { [name]: JSON.parse(value) as unknown };
  } catch {
    throw new Error(`--claim ${argument}: begins like JSON, but is none.`);
  }
}

/** Changes claims, and with them those that GitHub makes of them: sub, workflow_ref and job_workflow_ref. */
export function changeClaims(base: Claims, changes: Claims): Claims {
  const changed: Claims = { ...base, ...changes };
  if ('repository_owner' in changes && !('repository' in changes)) {
    changed['repository'] = `${text(changes['repository_owner'])}/${nameRepository(base)}`;
  }
  const describe = [describeSubject, describeOldSubject].find((form) => form(base) === base['sub']);
  if (describe !== undefined) {
    changed['sub'] = describe(changed);
  }
  for (const name of ['workflow_ref', 'job_workflow_ref']) {
    changed[name] = follow(base[name], base, changed);
  }
  return { ...changed, ...changes };
}

// Of repositories that were made or renamed since July 2026.
// https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
function describeSubject(claims: Claims): string {
  const owner = `${text(claims['repository_owner'])}@${text(claims['repository_owner_id'])}`;
  const repository = `${nameRepository(claims)}@${text(claims['repository_id'])}`;
  return `repo:${owner}/${repository}:${describeContext(claims)}`;
}

function describeOldSubject(claims: Claims): string {
  return `repo:${text(claims['repository'])}:${describeContext(claims)}`;
}

function describeContext({ environment, event_name, ref }: Claims): string {
  if (environment !== undefined && environment !== '') {
    return `environment:${text(environment)}`;
  }
  return event_name === 'pull_request' ? 'pull_request' : `ref:${text(ref)}`;
}

function follow(value: unknown, base: Claims, changed: Claims): unknown {
  const [repository, ref] = [text(base['repository']), text(base['ref'])];
  return typeof value === 'string' && value.startsWith(`${repository}/`) && value.endsWith(`@${ref}`)
    ? text(changed['repository']) + value.slice(repository.length, -ref.length) + text(changed['ref'])
    : value;
}

function nameRepository(claims: Claims): string {
  return text(claims['repository']).split('/').at(-1) ?? '';
}

function text(claim: unknown): string {
  return typeof claim === 'string' ? claim : JSON.stringify(claim ?? '');
}
