import exampleClaims from '../jws-example.json' with { type: 'json' };

/** The claims of a JWT. */
export type Claims = Record<string, unknown>;

/** The claims that are new in every JWT: its ID and its times. */
export const RENEWED = ['exp', 'iat', 'jti', 'nbf'];

/** The issuers of github.com, GHE.com and GitHub Enterprise Server. */
export const GITHUB_ISSUERS = /^https:\/\/token\.actions\.[^/]+(?:\/[^/]+)?$|\/_services\/token$/;

/** All claims of GitHub's JWTs but custom properties, which begin with `repo_property_`. */
export const GITHUB_CLAIMS = [
  ...Object.keys(exampleClaims),
  ...['environment', 'environment_node_id', 'enterprise', 'enterprise_id', 'issuer_scope'],
];

/**
 * The claims of the example job: those of jws-example.json, and the custom property `team` of its repository.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export const EXAMPLE: Claims = omit({ ...exampleClaims, repo_property_team: 'platform' }, [...RENEWED, 'aud']);

// The claims of events other than a push to a branch.
const EVENTS: Record<string, (base: Claims) => Claims> = {
  pull_request: () => ({ ref: 'refs/pull/7/merge', head_ref: 'feature', base_ref: 'main', ref_protected: 'false' }),
  merge_group: ({ sha }) => ({
    ref: `refs/heads/gh-readonly-queue/main/pr-7-${text(sha)}`,
    ref_protected: 'false',
  }),
  release: () => ({ ref: 'refs/tags/v1.2.3', ref_protected: 'false' }),
};

/** The jobs of a table: the example job, and others that differ from it in one respect. */
export const VARIATIONS: Record<string, (base: Claims) => Claims> = {
  'a push to main': () => ({}),
  'a push to another branch': () => ({ event_name: 'push', ref: 'refs/heads/feature', ref_protected: 'false' }),
  'a pull request': () => ({ event_name: 'pull_request' }),
  'a merge queue': () => ({ event_name: 'merge_group' }),
  'a release': () => ({ event_name: 'release' }),
  'an environment': () => ({ environment: 'production' }),
  'another workflow': () => ({ workflow: 'CI' }),
  'another team': () => ({ repo_property_team: 'other-team' }),
  'no team': () => ({ repo_property_team: undefined }),
  'another repository': ({ repository_owner, repository_id }) => ({
    repository: `${text(repository_owner)}/other-repo`,
    repository_id: String(Number(repository_id) + 1),
  }),
  'another owner': ({ repository_id, repository_owner_id, job_workflow_ref }) => ({
    repository_owner: 'other-org',
    repository_owner_id: String(Number(repository_owner_id) + 1),
    repository_id: String(Number(repository_id) + 2),
    // A public reusable workflow can be called by every account.
    job_workflow_ref,
  }),
  'a JWT for another service': ({ repository_owner }) => ({ aud: `https://github.com/${text(repository_owner)}` }),
  'a JWT of another issuer': () => ({ iss: 'https://gitlab.example.com' }),
};

/**
 * Returns the forms that sub has for claims: the immutable one of repositories that were created, renamed or transferred since
 * July 2026, the old one, and those that have the keys of a customized one.
 * https://docs.github.com/en/actions/reference/security/oidc#customizing-the-token-claims
 */
export function describeSubjects(claims: Claims, customized: string[] = []): string[] {
  const custom = customized.map((subject) =>
    [...subject.matchAll(/(?<![\w./-])\w+(?=:)/g)]
      .filter(([key]) => key === 'repo' || key in claims)
      .map(([key]) => `${key}:${text(claims[key === 'repo' ? 'repository' : key])}`)
      .join(':'),
  );
  const forms = describeRepository(claims).map((repository) => `${repository}:${describeContext(claims)}`);
  return [...new Set([...forms, ...custom.filter((form) => form !== '')])];
}

/** Returns how the immutable and the old sub of a repository begin. */
export function describeRepository(claims: Claims): string[] {
  const owner = `${text(claims['repository_owner'])}@${text(claims['repository_owner_id'])}`;
  const repository = `${nameRepository(claims)}@${text(claims['repository_id'])}`;
  return [`repo:${owner}/${repository}`, `repo:${text(claims['repository'])}`];
}

/** Names a job after its event, such as "a push to main". */
export function nameJob({ event_name, ref }: Claims): string {
  const place = text(ref).replace(/^refs\/(?:heads|tags)\//, '');
  return event_name === 'push' ? `a push to ${place}` : `${text(event_name) || 'a job'} on ${place || 'no branch'}`;
}

/** Returns claims without some of them, and without those that are undefined. */
export function omit(claims: object, names: string[]): Claims {
  return Object.fromEntries(
    Object.entries(claims).filter(([name, claim]) => claim !== undefined && !names.includes(name)),
  );
}

/** Changes claims, and also the claims that GitHub derives from them, such as sub and those of another event. */
export function changeClaims(base: Claims, changes: Claims): Claims {
  const isOtherEvent = 'event_name' in changes && changes['event_name'] !== base['event_name'];
  const event = isOtherEvent ? EVENTS[text(changes['event_name'])]?.(base) : {};
  const changed: Claims = { ...base, ...event, ...changes };
  if (changed['ref'] !== base['ref']) {
    changed['ref_type'] = text(changed['ref']).startsWith('refs/tags/') ? 'tag' : 'branch';
  }
  if ('repository_owner' in changes) {
    changed['repository'] = `${text(changes['repository_owner'])}/${nameRepository(base)}`;
  } else if ('repository' in changes) {
    changed['repository_owner'] = text(changes['repository']).split('/')[0];
  }
  changed['sub'] = describeSubjects(changed)[describeSubjects(base).indexOf(text(base['sub']))] ?? base['sub'];
  for (const name of ['workflow_ref', 'job_workflow_ref']) {
    changed[name] = follow(base[name], base, changed);
  }
  return { ...changed, ...changes };
}

/** Escapes a value in sub. */
export function escapeInSubject(value: string): string {
  return value.replaceAll(':', '%3A');
}

function describeContext({ environment, event_name, ref }: Claims): string {
  if (environment !== undefined && environment !== '') {
    return `environment:${escapeInSubject(text(environment))}`;
  }
  return event_name === 'pull_request' ? 'pull_request' : `ref:${text(ref)}`;
}

function follow(value: unknown, base: Claims, changed: Claims): unknown {
  const [repository, ref] = [text(base['repository']), text(base['ref'])];
  return typeof value === 'string' && value.startsWith(`${repository}/`) && value.endsWith(`@${ref}`)
    ? text(changed['repository']) + value.slice(repository.length, -ref.length) + text(changed['ref'])
    : value;
}

/** Returns the name of a repository without its owner. */
export function nameRepository(claims: Claims): string {
  return text(claims['repository']).split('/').at(-1) ?? '';
}

/** Converts a claim to text; one that is missing is empty. */
export function text(claim: unknown): string {
  return typeof claim === 'string' ? claim : claim == null ? '' : JSON.stringify(claim);
}
