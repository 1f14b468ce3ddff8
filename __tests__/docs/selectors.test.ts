import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Claims } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { readRows } from '../support/docs.js';
import { NOMADS, Workspace } from '../support/workspace.js';

const RULE = (await readSetup('github-adv')).rules[0]?.Selector ?? '';
const workflows = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads';

// For each row: a job that the selector allows, and one that differs only in this respect.
const RESTRICTIONS: Claims[][] = [
  [{ environment: 'production' }, { environment: 'staging' }],
  [{ job_workflow_ref: `${workflows}/main` }, { job_workflow_ref: `${workflows}/dev` }],
  [{}, { repository_id: '75' }],
  [{ repository_id: '75' }, { repository_id: '76' }],
  [{ repo_property_team: 'payments' }, { repo_property_team: 'payments-admin' }],
  [{ repo_property_team: 'search,payments' }, { repo_property_team: 'search,payments-admin' }],
  [{}, { workflow: 'CI' }],
  [{}, { ref_protected: 'false' }],
  [{ sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' }, { sub: 'repo:octo-org/octo-repo:environment:production' }],
];
const MAIN = { ref: 'refs/heads/main' };
const TAG = { ref: 'refs/tags/v1.2.3' };
const REPLACEMENTS: Claims[][] = [
  [{ event_name: 'workflow_dispatch' }, { event_name: 'schedule' }],
  [{ event_name: 'schedule' }, { event_name: 'workflow_dispatch' }],
  [{ event_name: 'repository_dispatch' }, {}],
  [{ ref: 'refs/heads/release/1.2' }, { ref: 'refs/heads/release/x' }],
  [TAG, { ref: 'refs/tags/v1.2.3-rc' }],
  [{ event_name: 'merge_group' }, { event_name: 'merge_group', ref: 'refs/heads/gh-readonly-queue/dev/pr-7' }],
];
const replacements = readRows('docs/nomad-setup.md', 'Other events, branches and tags');
const restrictions = readRows('docs/nomad-setup.md', 'Restrict further').slice(0, -replacements.length);
const SELECTORS = [
  ...restrictions.map(([, condition = '']) => [`${RULE} and ${condition}`]),
  ...replacements.map(([, conditions = '', who]) => [RULE.replace(/value\.ref .*/, () => conditions), who]),
].map(([selector = '', who = ''], index): [string, boolean, Claims[]] => [
  selector,
  who.startsWith('Anyone who can push'),
  [...RESTRICTIONS, ...REPLACEMENTS][index] ?? [],
]);

// Jobs that only selectors which match too much allow.
const STRANGERS: Claims[] = [
  { ref: 'refs/heads/not-main', environment: 'staging' },
  { ref: 'refs/heads/main-2', environment: 'staging' },
  { ref: 'refs/heads/dev' },
];

describe.each(NOMADS)('on %s', (_, start) => {
  let workspace: Workspace;

  beforeAll(async () => {
    workspace = await Workspace.start(start);
  }, 60_000);

  afterAll(() => workspace.close());

  test.each(SELECTORS)('%s allows only the jobs for which it is meant', async (selector, allowsPush, [fits, other]) => {
    const starts = ['pull_request_target', 'workflow_run', 'issue_comment'].map((event_name) => ({
      event_name,
      ...MAIN,
    }));
    const strangers = [...starts, { repository_owner_id: '66' }].map((change) => ({ ...fits, ...change }));
    const answers = await workspace.allow(selector, [fits ?? {}, other ?? {}, ...strangers]);
    expect(answers).toEqual([true, false, ...strangers.map(() => false)]);
    const refs = ['refs/heads/dev', 'refs/heads/release/1.2', 'refs/tags/v1.2.3'];
    const pushes = refs.map((ref) => ({ ...fits, ref, event_name: 'push', ref_protected: 'false' }));
    expect((await workspace.allow(selector, pushes)).includes(true)).toBe(allowsPush);
  });

  test.each(readRows('docs/claims-and-selectors.md', 'Common mistakes'))(
    'the mistake %s has the effect that the page says, and the correct selector works',
    async (wrong = '', what = '', right = '') => {
      const job = { environment: 'production' };
      expect(await workspace.allow(right, [job])).toEqual([true]);
      if (what.startsWith('Rejected')) {
        await expect(workspace.allow(wrong, [])).rejects.toThrow('selector is invalid');
      } else if (what.startsWith('Never matches')) {
        expect(await workspace.allow(wrong, [job, ...STRANGERS])).not.toContain(true);
      } else {
        expect(what).toMatch(/^Also matches/);
        expect(await workspace.allow(wrong, STRANGERS)).toContain(true);
        expect(await workspace.allow(right, STRANGERS)).not.toContain(true);
      }
    },
  );
});
