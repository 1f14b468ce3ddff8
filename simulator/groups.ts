import { matchOneOf, type Choice } from '../nomad-rules/search.js';
import exampleClaims from '../jws-example.json' with { type: 'json' };
import { describeSubjects, GITHUB_CLAIMS, nameRepository, RENEWED, text, type Claims } from './identities.js';

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
  /** The claims in each situation; the parts between ‹ and › can be chosen. */
  situations: Claims[];
  /** Situations with more forms of a customized sub than there are. */
  doubtful: Claims[];
  /** The values of parts that this group cannot have. */
  excluded: Record<string, string[]>;
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
const BRANCH_EVENTS = 'push|workflow_dispatch|create|deployment|deployment_status';
// Events that people without write access cause. Their jobs run on the default branch.
const OPEN_EVENTS =
  'pull_request_target|workflow_run|issue_comment|issues|discussion|discussion_comment|fork|watch|gollum';
const PATH = '[^\\s~^:?*[\\]\\\\/.][^\\s~^:?*[\\]\\\\/]*';
const REF = `${PATH}(?:/${PATH})*`;
const NAME = '[A-Za-z0-9][A-Za-z0-9_-]*';
const FILE = '[^/@\\s]+[.]ya?ml';
const ID = '[1-9][0-9]*';
const COMMIT = '[0-9a-f]{40}';
// What a customized sub can contain, with values that everyone can choose, or else not.
const FREE_KEYS = ['context', ...GITHUB_CLAIMS.filter((name) => !/^(?:repository|enterprise)/.test(name))].join('|');
const OWN_KEYS = [
  'repository',
  'repository_owner',
  'repository_owner_id',
  'repository_id',
  'enterprise',
  'enterprise_id',
];

// The values of each part of a claim, as a regular expression, and those to try first. Other parts can be any text.
const VALUES: Record<string, [pattern: string, ...usual: string[]]> = {
  repository_owner: [NAME, 'other-org'],
  repository_owner_id: [ID, '66'],
  name: ['[A-Za-z0-9._-]+', 'other-repo'],
  repository_id: [ID, '76'],
  repository_visibility: ['public|private|internal'],
  other_value: ['other-value', 'other-value'],
  ref_protected: ['true|false'],
  branch: [REF, 'feature'],
  tag: [REF, 'v1.2.3'],
  number: [ID, '7'],
  head_branch: [REF, 'feature'],
  base_branch: [REF, 'main'],
  open_event: [OPEN_EVENTS, 'pull_request_target'],
  branch_event: [BRANCH_EVENTS, 'push'],
  tag_event: [`${BRANCH_EVENTS}|release`, 'push'],
  pull_event: ['pull_request_review|pull_request_review_comment', 'pull_request_review'],
  event: [
    `${BRANCH_EVENTS}|${OPEN_EVENTS}|schedule|repository_dispatch|merge_group|delete|check_run|check_suite|branch_protection_rule|label|milestone|page_build|public|registry_package|status`,
    'push',
  ],
  environment: ['.+', 'production'],
  workflow: ['.+', 'CI'],
  file: [FILE, 'ci.yml'],
  job_workflow_ref: [`${NAME}/[A-Za-z0-9._-]+/[.]github/workflows/${FILE}@[^@\\s]+`],
  runner_environment: ['github-hosted|self-hosted'],
  sub_key: [FREE_KEYS],
  actor: [`${NAME}(?:\\[bot\\])?`, 'mallory'],
  ...Object.fromEntries(['sha', 'workflow_sha', 'job_workflow_sha'].map((name) => [name, [COMMIT]])),
  ...Object.fromEntries(
    ['actor_id', 'run_id', 'run_number', 'run_attempt', 'check_run_id', 'enterprise_id'].map((name) => [
      name,
      [ID, '13'],
    ]),
  ),
};

/** The parts of claims that every job has. */
export const PARTS = [...Object.keys(VALUES), 'aud'];

/** Returns what can be chosen for a part of a claim; a part that is optional can also be missing. */
export function chooseFrom(part: string, base: Claims, audiences: string[]): Choice {
  if (part === 'aud') {
    // Everyone can request any audience.
    const usual = [...audiences, exampleClaims.aud];
    return { pattern: audiences.length > 0 ? matchOneOf(audiences) : /^.+$/u, usual };
  }
  const own: Claims = { ...base, name: nameRepository(base), branch: nameBranch(base), event: base['event_name'] };
  const [pattern, ...usual] = VALUES[part] ?? ['.+'];
  return {
    pattern: new RegExp(`^(?:${pattern})$`, 'u'),
    usual: [text(own[part]), ...usual].filter((value) => value !== ''),
  };
}

/** Tells whether a job can lack what a part stands for. */
export function isOptional(part: string): boolean {
  return /^(?:repo_property_.*|other_value|enterprise.*|environment_node_id|issuer_scope)$/.test(part);
}

/** What a search for strangers knows. */
interface Known {
  /** The claims that are tested. */
  tested: string[];
  /** Names and IDs of accounts and repositories that a stranger cannot have. */
  yours: string[];
  /** The accounts that rules name. */
  actors: string[];
  /** The example job, and the jobs that should get something. */
  bases: Claims[];
  subjects: string[];
  /** Whether a rule may match other forms of sub than those of `subjects`. */
  isSubjectOpen: boolean;
}

/**
 * Returns the groups of people other than those who deploy a job.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export function listGroups(base: Claims, known: Known): Group[] {
  const { tested, yours, bases, subjects } = known;
  const pulls = { head_ref: '‹head_branch›', base_ref: '‹base_branch›' };
  const merge = { ...pulls, ref: 'refs/pull/‹number›/merge', ref_type: 'branch' };
  const merges = ['pull_request', '‹pull_event›'].map((event_name) => ({ ...merge, event_name }));
  const heads = { ref: 'refs/heads/‹branch›', ref_type: 'branch', head_ref: '', base_ref: '' };
  const tag = { ...heads, ref: 'refs/tags/‹tag›', ref_type: 'tag', event_name: '‹tag_event›' };
  const everywhere = [
    { ...heads, event_name: '‹event›' },
    { ...heads, ...pulls, event_name: 'pull_request_target' },
    tag,
    ...merges,
  ];
  const properties = tested.filter((name) => name.startsWith('repo_property_'));
  const names = [...GITHUB_CLAIMS, ...properties].filter((name) => !RENEWED.includes(name));
  // Environments that do not exist are created at their first use, without protection.
  const anything: Claims = {
    ...Object.fromEntries(names.map((name) => [name, `‹${name}›`])),
    ...{ repository: '‹repository_owner›/‹name›', iss: base['iss'], environment: undefined },
  };
  // The issuer of an enterprise only signs for its members.
  const outside = { ...anything, iss: text(base['iss']).replace(/^(https:\/\/token\.actions\.[^/]+)\/.*/, '$1') };
  const pick = (...patterns: RegExp[]): Claims =>
    Object.fromEntries(
      names.filter((name) => patterns.some((pattern) => pattern.test(name))).map((name) => [name, base[name]]),
    );
  const [account, repository, code] = [
    /^repository_owner|^enterprise/,
    /^repo|^ref_protected/,
    /sha$|^ref|^head|^base/,
  ];
  const strange = {
    ...{ repository_owner_id: yours, repository_id: yours, enterprise: yours, enterprise_id: yours },
    ...{ actor: [...known.actors, text(base['actor'])], actor_id: [...yours, text(base['actor_id'])] },
  };
  const groups: [claims: Claims, events: Claims[], excluded: Group['excluded']][] = [
    [outside, everywhere, { ...strange, repository_owner: yours }],
    [
      { ...anything, ...pick(account, repository, code) },
      [
        { event_name: '‹open_event›', head_ref: '', base_ref: '' },
        { ...pulls, event_name: 'pull_request_target' },
      ],
      { actor: strange.actor, actor_id: strange.actor_id },
    ],
    [
      { ...anything, ...pick(account, repository), ref_protected: 'false' },
      [{ ...heads, event_name: '‹branch_event›' }, tag, ...merges],
      { branch: [...bases.slice(0, 1), base].map(nameBranch) },
    ],
    [
      { ...anything, ...pick(account), ...Object.fromEntries(properties.map((name) => [name, '‹other_value›'])) },
      everywhere,
      { repository_id: bases.map((job) => text(job['repository_id'])), name: bases.map(nameRepository) },
    ],
    [outside, everywhere, strange],
  ];
  return groups.map(([claims, events, excluded], index) => {
    const situations = events
      .map((event): Claims => ({ ...claims, ...event }))
      .flatMap((all) =>
        tested.includes('environment') || tested.includes('sub')
          ? [all, { ...all, environment: '‹environment›' }]
          : [all],
      )
      .map((all) => ({
        ...all,
        workflow_ref: `${text(all['repository'])}/.github/workflows/‹file›@${text(all['ref'])}`,
      }));
    const withSubjects = (list: (all: Claims) => string[]): Claims[] =>
      situations.flatMap((all) => list(all).map((sub) => ({ ...all, sub })));
    return {
      situations: tested.includes('sub') ? withSubjects((all) => describeSubjects(all, subjects)) : situations,
      // Only the owner of a repository can customize its sub.
      doubtful: known.isSubjectOpen ? withSubjects((all) => describeOpenSubjects(all, index !== 1 && index !== 2)) : [],
      excluded,
    };
  });
}

function describeOpenSubjects(claims: Claims, isOwner: boolean): string[] {
  const owned = OWN_KEYS.map((key) => `${key}:${text(claims[key])}`);
  const repository = [
    `repo:${text(claims['repository'])}`,
    `repo:${text(claims['repository_owner'])}@${text(claims['repository_owner_id'])}/${nameRepository(claims)}@${text(claims['repository_id'])}`,
  ];
  const starts = [...owned, ...(isOwner ? repository : [])];
  return [...starts, ...['‹sub_key›', ...starts].map((start) => `${start}:‹sub_rest›`)];
}

function nameBranch({ ref }: Claims): string {
  return text(ref).replace(/^refs\/heads\//, '');
}
