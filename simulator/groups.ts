import { matchOneOf, type Choice } from '../nomad-rules/search.js';
import exampleClaims from '../jws-example.json' with { type: 'json' };
import {
  describeRepository,
  describeSubjects,
  GITHUB_CLAIMS,
  nameRepository,
  RENEWED,
  text,
  type Claims,
} from './identities.js';

/** The groups of people who can get a JWT, besides those who deploy. */
export const STRANGERS = [
  'anyone on GitHub',
  'anyone who opens a pull request or comments',
  'anyone who can push a branch or a tag',
  'another repository of the owner',
  'an account that takes over the name',
];

/** The claims that name an account or a repository. */
export const ACCOUNT = [
  ...['repository', 'repository_owner', 'repository_owner_id', 'repository_id', 'enterprise', 'enterprise_id'],
];

/** A job that a group can run. */
export interface Situation {
  /** Its claims; the parts between ‹ and › can be chosen. */
  claims: Claims;
  /** The values that parts cannot have. */
  excluded: Record<string, string[]>;
  /** Whether its sub has more forms than there are. */
  isDoubtful: boolean;
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
const BRANCH_EVENTS = 'push|workflow_dispatch|create|deployment|deployment_status';
// Events that people without write access cause. Their jobs run on the default branch.
const OPEN_EVENTS =
  'pull_request_target|workflow_run|issue_comment|issues|discussion|discussion_comment|fork|watch|gollum';
const OTHER_EVENTS =
  'schedule|repository_dispatch|merge_group|delete|check_run|check_suite|branch_protection_rule|label|milestone|page_build|public|registry_package|status';
const NAME = '[A-Za-z0-9][A-Za-z0-9_-]*';
const ID = '[1-9][0-9]*';
const PATH = '[^\\s~^:?*[\\]\\\\/.][^\\s~^:?*[\\]\\\\/]*';
const REF = `${PATH}(?:/${PATH})*`;
const FILE = '[^/@\\s]+[.]ya?ml';

// The values of each part of a claim, as a regular expression, and one to try first. Other parts can be any text.
const VALUES: Record<string, [pattern: string, usual?: string]> = {
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
  event: [`${BRANCH_EVENTS}|${OPEN_EVENTS}|${OTHER_EVENTS}`, 'push'],
  environment: ['.+', 'production'],
  workflow: ['.+', 'CI'],
  file: [FILE, 'ci.yml'],
  job_workflow_ref: [`${NAME}/[A-Za-z0-9._-]+/[.]github/workflows/${FILE}@[^@\\s]+`],
  runner_environment: ['github-hosted|self-hosted'],
  actor: [`${NAME}(?:\\[bot\\])?`, 'mallory'],
  sub_key: ['[a-z_]+'],
};

/** Returns what can be chosen for a part of a claim, beginning with the value that it has in a job. */
export function chooseFrom(part: string, job: Claims, audiences: string[]): Choice {
  if (part === 'aud') {
    // Everyone can request any audience.
    const usual = [...audiences, exampleClaims.aud];
    return { pattern: audiences.length > 0 ? matchOneOf(audiences) : /^.+$/u, usual };
  }
  const own: Claims = { ...job, name: nameRepository(job), branch: nameBranch(job), event: job['event_name'] };
  const [pattern, usual = ''] = VALUES[part] ?? (/_(?:id|number|attempt)$/.test(part) ? [ID, '13'] : ['.+', 'x']);
  return {
    pattern: new RegExp(`^(?:${pattern})$`, 'u'),
    usual: [text(own[part]), usual].filter((value) => value !== ''),
  };
}

/** Tells whether a job can lack what a part stands for. */
export function isOptional(part: string): boolean {
  return /^(?:repo_property_.*|other_value|enterprise.*|environment_node_id|issuer_scope)$/.test(part);
}

/** What a search for strangers knows. */
interface Known {
  /** The claims that decide what a job gets. */
  tested: string[];
  /** Names and IDs of accounts and repositories that no stranger has. */
  yours: string[];
  /** Names and IDs of people that no stranger is. */
  actors: string[];
  /** The jobs that should get something. */
  jobs: Claims[];
  /** The forms of `sub` that the rules know. */
  subjects: string[];
  /** Whether a rule may match other forms of sub, too. */
  isSubjectOpen: boolean;
}

/**
 * Returns the jobs of each group of people other than those who deploy a job.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export function listSituations(job: Claims, known: Known): Situation[][] {
  const { tested, yours, actors, jobs, subjects, isSubjectOpen } = known;
  const pulls = { head_ref: '‹head_branch›', base_ref: '‹base_branch›' };
  const merge = { ...pulls, ref: 'refs/pull/‹number›/merge', ref_type: 'branch' };
  const merges = ['pull_request', '‹pull_event›'].map((event_name) => ({ ...merge, event_name }));
  const heads = { ref: 'refs/heads/‹branch›', ref_type: 'branch', head_ref: '', base_ref: '' };
  const tag = { ...heads, ref: 'refs/tags/‹tag›', ref_type: 'tag', event_name: '‹tag_event›' };
  const target = { ...pulls, event_name: 'pull_request_target' };
  const everywhere = [{ ...heads, event_name: '‹event›' }, { ...heads, ...target }, tag, ...merges];
  const properties = tested.filter((name) => name.startsWith('repo_property_'));
  const names = [...GITHUB_CLAIMS, ...properties].filter((name) => !RENEWED.includes(name));
  // Environments that do not exist are created at their first use, without protection.
  const anything: Claims = {
    ...Object.fromEntries(names.map((name) => [name, `‹${name}›`])),
    ...{ repository: '‹repository_owner›/‹name›', iss: job['iss'], environment: undefined },
  };
  // The issuer of an enterprise only signs for its members.
  const outside = { ...anything, iss: text(job['iss']).replace(/^(https:\/\/token\.actions\.[^/]+)\/.*/, '$1') };
  const pick = (pattern: RegExp): Claims =>
    Object.fromEntries(names.filter((name) => pattern.test(name)).map((name) => [name, job[name]]));
  const exclude = (values: string[], ...parts: string[]): Situation['excluded'] =>
    Object.fromEntries(parts.map((part) => [part, values]));
  const actor = exclude([...yours, ...actors], 'actor', 'actor_id');
  const ids = exclude(yours, 'repository_owner_id', 'repository_id', 'enterprise', 'enterprise_id');
  const groups: [claims: Claims, events: Claims[], excluded: Situation['excluded']][] = [
    [outside, everywhere, { ...actor, ...ids, ...exclude(yours, 'repository_owner') }],
    [
      { ...anything, ...pick(/^repo|^enterprise|^ref|sha$/) },
      [{ event_name: '‹open_event›', head_ref: '', base_ref: '' }, target],
      actor,
    ],
    [
      { ...anything, ...pick(/^repo|^enterprise/), ref_protected: 'false' },
      [{ ...heads, event_name: '‹branch_event›' }, tag, ...merges],
      { branch: jobs.slice(0, 1).concat(job).map(nameBranch) },
    ],
    [
      {
        ...{ ...anything, ...pick(/^repository_owner|^enterprise/) },
        ...Object.fromEntries(properties.map((name) => [name, '‹other_value›'])),
      },
      everywhere,
      { repository_id: jobs.map((each) => text(each['repository_id'])), name: jobs.map(nameRepository) },
    ],
    [outside, everywhere, { ...actor, ...ids }],
  ];
  const environments = tested.some((name) => /^(?:environment|sub)$/.test(name)) ? [{}, ENVIRONMENT] : [{}];
  return groups.map(([claims, events, excluded], index) =>
    events
      .flatMap((event) => environments.map((environment): Claims => ({ ...claims, ...event, ...environment })))
      .flatMap((all) => {
        const workflow_ref = `${text(all['repository'])}/.github/workflows/‹file›@${text(all['ref'])}`;
        const forms = describeSubjects(all, subjects).slice(0, tested.includes('sub') ? undefined : 1);
        // Only the owner of a repository can customize its sub.
        const owned = ACCOUNT.map((key) => `${key}:${text(all[key])}`);
        const starts = ['‹sub_key›', ...owned, ...(index === 1 || index === 2 ? [] : describeRepository(all))];
        const doubtful = isSubjectOpen ? [...owned, ...starts.map((start) => `${start}:‹sub_rest›`)] : [];
        return [...forms, ...doubtful].map((sub) => ({
          claims: { ...all, workflow_ref, sub },
          excluded: { ...excluded, sub_key: ['repo', ...ACCOUNT] },
          isDoubtful: doubtful.includes(sub),
        }));
      }),
  );
}

const ENVIRONMENT = { environment: '‹environment›' };

function nameBranch({ ref }: Claims): string {
  return text(ref).replace(/^refs\/heads\//, '');
}
