import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import type { Claims } from '../../simulator/identities.js';
import { readSetup } from '../../simulator/setups.js';
import { isSince, startFakeCluster } from '../../testbed/nomad/nomad.js';
import { readBlocks, readDocument } from '../support/docs.js';
import { describeReal, Workspace } from '../support/workspace.js';

// A job that gets the role, and jobs that do not.
type Recipe = [heading: string, role: string, job: Claims, others: Claims[]];

const DEV = { ref: 'refs/heads/dev' };
const PULL_REQUEST = { event_name: 'pull_request' };
const TARGET = { event_name: 'pull_request_target', ref: 'refs/heads/main' };
const PUSH = { event_name: 'push' };
const RELEASE = { event_name: 'release', ref: 'refs/tags/v1.2.3' };
const PRODUCTION = { environment: 'production' };
const WORKFLOW = { job_workflow_ref: 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main' };
const RECIPES: Recipe[] = [
  ['Release event', 'repo-74', RELEASE, [{ ref: 'refs/tags/x' }, PUSH].map((job) => ({ ...RELEASE, ...job }))],
  ['Reusable workflows', 'repo-74', WORKFLOW, [{}, ...[DEV, TARGET].map((job) => ({ ...WORKFLOW, ...job }))]],
  ['Staging and production', 'repo-74', PRODUCTION, [{}, { ...PRODUCTION, ...TARGET }]],
  ['Read-only plan on pull requests', 'plan', PULL_REQUEST, [{}, { ...PULL_REQUEST, repository_id: '75' }]],
];
const readCommands = (heading: string): string => readBlocks('docs/examples.md', heading, 'sh')[0] ?? '';

test('the quick start has the auth method, the policy and the rule of nomad-config', async () => {
  const [, setUp = ''] = readBlocks('README.md', '1. Set up Nomad', 'sh');
  const [policy = '', method = ''] = [...setUp.matchAll(/<<'?EOF'?\n(.*?)^EOF/gms)].map(([, document]) => document);
  const { rules } = await readSetup('github-adv');
  expect(JSON.parse(method)).toEqual({ ...adv, BoundAudiences: ['$audience'] });
  expect(policy.replace(/#.*$|\s/gm, '')).toBe(readDocument('nomad-config/policy.hcl').replace(/#.*$|\s/gm, ''));
  expect(setUp.replaceAll("'$owner_id'", '65')).toContain(`-selector='${rules[0]?.Selector ?? ''}'`);
});

test('the recipes of docs/examples.md have selectors that fit their jobs', async () => {
  const workspace = await Workspace.start(startFakeCluster);
  for (const [heading, , job, others] of RECIPES) {
    const [, selector = ''] = /-selector='(.*)'/.exec(readCommands(heading)) ?? [];
    const answers = await workspace.allow(selector, [job, ...others]);
    expect({ heading, answers }).toEqual({ heading, answers: [true, ...others.map(() => false)] });
  }
  await workspace.close();
});

describeReal('on a real Nomad', () => {
  let workspace: Workspace;

  beforeAll(async () => {
    workspace = await Workspace.start();
    await workspace.pasteQuickStart();
  }, 60_000);

  afterAll(() => workspace.close());

  test('"Plan before you run" runs a new job, and nothing if the job has changed since the plan', async () => {
    const job = 'job "app" {\n group "app" {\n task "app" {\n driver = "exec"\n}\n}\n}';
    await writeFile(join(workspace.folder, 'app.nomad.hcl'), job);
    const [steps = ''] = readBlocks('docs/examples.md', 'Plan before you run', 'yaml');
    const [plan = '', run = ''] = (parse(steps) as { run: string }[]).map(
      (step) => `{ ${step.run.replace('job run', 'job run -detach')} } 2>&1`,
    );
    await workspace.paste(plan);
    await workspace.paste(run);
    expect(await workspace.paste(`${run} || true`)).toContain('Job not updated');
  });

  test('the quick start can be pasted again, and adds another repository or owner', async () => {
    await workspace.pasteQuickStart();
    await workspace.pasteQuickStart('repo_id=75');
    await workspace.pasteQuickStart('owner_id=66 repo_id=76');
    const jobs = [{ repository_id: '75' }, { repository_owner_id: '66', repository_id: '76' }];
    expect(await workspace.readRoles(jobs)).toEqual([['repo-75'], ['repo-76']]);
    const rules = await workspace.paste('nomad acl binding-rule list');
    expect(rules.match(/Pushes to main, owner \d+/g)).toHaveLength(2);
  });

  test('the recipes of docs/examples.md give their jobs the roles that they promise', async () => {
    for (const [heading, role, job] of RECIPES) {
      // The capability plan-job is new in Nomad 1.11.2.
      if (role !== 'plan' || isSince(workspace.nomad.version, '1.11.2')) {
        await workspace.pasteForRule(readCommands(heading));
        expect({ heading, roles: await workspace.readRoles([job]) }).toEqual({ heading, roles: [[role]] });
      }
    }
  });
});
