import { matchOneOf, type Choice } from '../nomad-rules/search.js';
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

/** The groups of people who can get a JWT, besides those who deploy. */
export const STRANGERS = [
  'anyone on GitHub',
  'anyone who opens a pull request or comments',
  'anyone who can push a branch or a tag',
  'another repository of the owner',
  'an account that takes over the name',
];

/** People who can get a JWT, with the claims that they can get. */
export interface Group {
  name: string;
  /** The claims in each situation; the parts between ‹ and › can be chosen. */
  situations: Claims[];
  /** The values of parts that this group cannot have. */
  excluded: Record<string, string[]>;
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
const PULL_EVENTS = 'pull_request|pull_request_review|pull_request_review_comment';
const BRANCH_EVENTS = 'push|workflow_dispatch|create|deployment|deployment_status';
const TAG_EVENTS = `${BRANCH_EVENTS}|release`;
// Events that people without write access cause. Their jobs run on the default branch.
const OPEN_EVENTS = 'pull_request_target|workflow_run|issue_comment|issues|discussion|discussion_comment';
const DEFAULT_EVENTS = `${BRANCH_EVENTS}|${OPEN_EVENTS}|schedule|repository_dispatch|merge_group|delete|fork|watch|check_run|check_suite|branch_protection_rule|gollum|label|milestone|page_build|public|registry_package|status`;

const PATH = '[^\\s~^:?*[\\]\\\\/.][^\\s~^:?*[\\]\\\\/]*';
const REF = `${PATH}(?:/${PATH})*`;
const NAME = '[A-Za-z0-9][A-Za-z0-9_-]*';
const FILE = '[^/@\\s]+[.]ya?ml';
const ID = '[1-9][0-9]*';

/** Returns which values each part of a group's claims can have, and which of them to try first. */
export function listParts(base: Claims, tested: string[], audiences: string[]): Record<string, Choice> {
  const own = (name: string): string => text(base[name]);
  const branch = own('ref').replace(/^refs\/heads\//, '');
  const list: Record<string, [pattern: string, ...usual: string[]]> = {
    owner: [NAME, own('repository_owner'), 'other-org'],
    owner_id: [ID, own('repository_owner_id'), '66'],
    name: ['[A-Za-z0-9._-]+', nameRepository(base), 'other-repo'],
    repository_id: [ID, own('repository_id'), '76'],
    visibility: ['public|private|internal', own('repository_visibility'), 'public'],
    protected: ['true|false', 'true'],
    branch: [REF, branch, 'feature'],
    tag: [REF, 'v1.2.3'],
    number: [ID, '7'],
    head_branch: [REF, 'feature'],
    base_branch: [REF, branch, 'main'],
    event: [DEFAULT_EVENTS, own('event_name'), 'push'],
    open_event: [OPEN_EVENTS, 'pull_request_target'],
    branch_event: [BRANCH_EVENTS, own('event_name'), 'push'],
    tag_event: [TAG_EVENTS, own('event_name'), 'push'],
    pull_event: [PULL_EVENTS, 'pull_request'],
    environment: ['.+', own('environment'), 'production'],
    workflow: ['.+', own('workflow'), 'CI'],
    file: [FILE, 'ci.yml'],
    reusable: [`${NAME}/[A-Za-z0-9._-]+/[.]github/workflows/${FILE}@[^@\\s]+`, own('job_workflow_ref')],
    runner: ['github-hosted|self-hosted', own('runner_environment'), 'github-hosted'],
    actor: [`${NAME}(?:\\[bot\\])?`, own('actor'), 'mallory'],
    actor_id: [ID, own('actor_id'), '13'],
    count: [ID, '1'],
    commit: ['[0-9a-f]{40}', own('sha')],
    ...Object.fromEntries(listProperties(tested).map((name) => [name, ['.+', own(name)] as const])),
  };
  const choices = Object.entries(list).map(([name, [pattern, ...usual]]) => [
    name,
    { pattern: new RegExp(`^(?:${pattern})$`, 'u'), usual: usual.filter((value) => value !== '') },
  ]);
  // Everyone can request any audience.
  const aud = {
    pattern: audiences.length > 0 ? matchOneOf(audiences) : /./u,
    usual: [...audiences, exampleClaims.aud],
  };
  return { ...(Object.fromEntries(choices) as Record<string, Choice>), aud };
}

/**
 * Returns the groups of people other than those who deploy, with the claims that are tested. `yours` are names and IDs of accounts
 * and repositories that a stranger cannot have.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export function listGroups(base: Claims, tested: string[], yours: string[], subjects: string[]): Group[] {
  const ref = text(base['ref']);
  const branch = ref.replace(/^refs\/heads\//, '');
  const pulls = { head_ref: '‹head_branch›', base_ref: '‹base_branch›' };
  const merge = { ...pulls, ref: 'refs/pull/‹number›/merge', ref_type: 'branch' };
  const merges = ['pull_request', '‹pull_event›'].map((event_name) => ({ ...merge, event_name }));
  const tag = { ref: 'refs/tags/‹tag›', ref_type: 'tag', head_ref: '', base_ref: '' };
  const heads = { ref: 'refs/heads/‹branch›', ref_type: 'branch', head_ref: '', base_ref: '' };
  const setProperties = (value: (name: string) => string): Claims =>
    Object.fromEntries(listProperties(tested).map((name) => [name, [undefined, value(name)]]));

  // Environments that do not exist are created at their first use, without protection.
  const job = {
    aud: '‹aud›',
    environment: [undefined, '‹environment›'],
    workflow: '‹workflow›',
    job_workflow_ref: '‹reusable›',
    runner_environment: '‹runner›',
    actor: '‹actor›',
    actor_id: '‹actor_id›',
    run_id: '99999999999',
    check_run_id: '99999999999',
    run_number: '‹count›',
    run_attempt: '‹count›',
  };
  const code = { sha: '‹commit›', workflow_sha: '‹commit›', job_workflow_sha: '‹commit›' };
  const repository = {
    ...{ repository: '‹owner›/‹name›', repository_id: '‹repository_id›', repository_visibility: '‹visibility›' },
    ref_protected: '‹protected›',
  };
  const account = {
    ...{ repository_owner: '‹owner›', repository_owner_id: '‹owner_id›', iss: base['iss'] },
    ...setProperties((name) => `‹${name}›`),
  };
  const everywhere = [
    { ...heads, event_name: '‹event›' },
    { ...heads, ...pulls, event_name: 'pull_request_target' },
    { ...tag, event_name: '‹tag_event›' },
    ...merges,
  ];
  const strange = {
    owner_id: yours,
    repository_id: yours,
    actor: [text(base['actor'])],
    actor_id: [...yours, text(base['actor_id'])],
  };
  const groups: [name: string, claims: Claims, events: Claims[], excluded: Group['excluded']][] = [
    ['anyone on GitHub', { ...job, ...code, ...repository, ...account }, everywhere, { ...strange, owner: yours }],
    [
      'anyone who opens a pull request or comments',
      { ...base, ...job },
      [
        { event_name: '‹open_event›', head_ref: '', base_ref: '' },
        { ...pulls, event_name: 'pull_request_target' },
      ],
      { actor: strange.actor, actor_id: strange.actor_id },
    ],
    [
      'anyone who can push a branch or a tag',
      { ...base, ...job, ...code, ref_protected: 'false' },
      [{ ...heads, event_name: '‹branch_event›' }, { ...tag, event_name: '‹tag_event›' }, ...merges],
      { branch: [branch] },
    ],
    [
      'another repository of the owner',
      { ...base, ...job, ...code, ...setProperties(() => 'other-value'), ...repository },
      everywhere,
      { repository_id: [text(base['repository_id'])], name: [nameRepository(base)] },
    ],
    ['an account that takes over the name', { ...job, ...code, ...repository, ...account }, everywhere, strange],
  ];
  return groups.map(([name, claims, events, excluded]) => ({
    name,
    situations: events
      .flatMap((event) => combine({ ...claims, ...event }, tested))
      .flatMap((situation) => describeSubjects(situation, tested, [text(base['sub']), ...subjects])),
    excluded,
  }));
}

function listProperties(claims: string[]): string[] {
  return claims.filter((name) => name.startsWith('repo_property_'));
}

// All combinations of the claims that have several values.
function combine(claims: Claims, tested: string[]): Claims[] {
  const open = Object.entries(claims).find(([, value]) => Array.isArray(value));
  if (open === undefined) {
    return [claims];
  }
  const [name, values] = open as [string, unknown[]];
  const isTested = tested.includes(name) || (name === 'environment' && tested.includes('sub'));
  return (isTested ? values : values.slice(0, 1)).flatMap((value) => combine({ ...claims, [name]: value }, tested));
}

// A repository has one form of sub: https://docs.github.com/en/actions/reference/security/oidc#customizing-the-token-claims
function describeSubjects(claims: Claims, tested: string[], subjects: string[]): Claims[] {
  const workflow_ref = `${text(claims['repository'])}/.github/workflows/‹file›@${text(claims['ref'])}`;
  const all: Claims = { ...claims, workflow_ref };
  if (!tested.includes('sub')) {
    return [all];
  }
  const custom = subjects.map((subject) =>
    [...subject.matchAll(/(?<![\w./-])\w+(?=:)/g)]
      .filter(([key]) => key === 'repo' || key in all)
      .map(([key]) => (key === 'repo' ? `repo:${text(all['repository'])}` : `${key}:${text(all[key])}`))
      .join(':'),
  );
  const forms = new Set([describeSubject(all), describeOldSubject(all), ...custom.filter((form) => form !== '')]);
  return [...forms].map((sub) => ({ ...all, sub }));
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
  const describe = [describeSubject, describeOldSubject].find((form) => form(base) === base['sub']);
  if (describe !== undefined) {
    changed['sub'] = describe(changed);
  }
  for (const name of ['workflow_ref', 'job_workflow_ref']) {
    changed[name] = follow(base[name], base, changed);
  }
  return { ...changed, ...changes };
}

// The immutable subject of repositories that were created, renamed or transferred since July 2026.
// https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
function describeSubject(claims: Claims): string {
  const owner = `${text(claims['repository_owner'])}@${text(claims['repository_owner_id'])}`;
  const repository = `${nameRepository(claims)}@${text(claims['repository_id'])}`;
  return `repo:${owner}/${repository}:${describeContext(claims)}`;
}

function describeOldSubject(claims: Claims): string {
  return `repo:${text(claims['repository'])}:${describeContext(claims)}`;
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

function nameRepository(claims: Claims): string {
  return text(claims['repository']).split('/').at(-1) ?? '';
}

/** Converts a claim to text; one that is missing is empty. */
export function text(claim: unknown): string {
  return typeof claim === 'string' ? claim : claim == null ? '' : JSON.stringify(claim);
}
