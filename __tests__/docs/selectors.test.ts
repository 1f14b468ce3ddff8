import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Claims } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { readRows } from '../support/docs.js';
import { NOMADS, Workspace } from '../support/workspace.js';

const RULE = (await readSetup('github-adv')).rules[0]?.Selector ?? '';
const workflows = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads';
const queue = 'refs/heads/gh-readonly-queue';

// For each row: a job that the condition allows, and one that differs only in this respect.
const EXAMPLES: Claims[][] = [
  [{ environment: 'production' }, { environment: 'staging' }],
  [{ job_workflow_ref: `${workflows}/main` }, { job_workflow_ref: `${workflows}/dev` }],
  [{}, { repository_owner_id: '66' }],
  [{}, { repository_id: '75' }],
  [{ repository_id: '75' }, { repository_id: '76' }],
  [{ repo_property_team: 'payments' }, { repo_property_team: 'payments-admin' }],
  [{ repo_property_team: 'search,payments' }, { repo_property_team: 'search,payments-admin' }],
  [{}, { event_name: 'workflow_dispatch' }],
  [{ event_name: 'workflow_dispatch' }, { event_name: 'schedule' }],
  [{}, { ref_protected: 'false' }],
  [{ sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' }, { sub: 'repo:octo-org/octo-repo:environment:production' }],
  [{ ref: 'refs/tags/v1.2.3' }, { ref: 'refs/tags/v1.2.3-rc' }],
  [{ ref: 'refs/heads/release/1.2' }, { ref: 'refs/heads/release/x' }],
  [{ ref: 'refs/tags/v1.2.3' }, { ref: 'refs/tags/v1.2.3-rc' }],
  [{ ref: `${queue}/main/pr-7` }, { ref: `${queue}/dev/pr-7` }],
];
const replacements = readRows('docs/nomad-setup.md', 'Other branches and tags');
const additions = readRows('docs/nomad-setup.md', 'Restrict further').slice(0, -replacements.length);
const selectors = [
  ...additions.map(([, condition = '']) => `${RULE} and ${condition}`),
  ...replacements.map(([, condition = '']) => RULE.replace('value.ref == "refs/heads/main"', condition)),
].map((selector, index): [string, Claims[]] => [selector, EXAMPLES[index] ?? []]);

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

  test.each(selectors)('%s allows only the jobs for which it is meant', async (selector, [fits = {}, other = {}]) => {
    const changes = [{ workflow: 'CI' }, { ref: 'refs/heads/dev' }];
    const strangers = [fits, other].flatMap((job) => changes.map((change) => ({ ...job, ...change })));
    const answers = await workspace.allow(selector, [fits, other, ...strangers]);
    expect(answers).toEqual([true, false, ...strangers.map(() => false)]);
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
