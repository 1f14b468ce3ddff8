import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import { summarize } from '../../simulator/summary.js';
import { ROOT } from '../../testbed/root.js';
import { runMain } from '../../testbed/runner.js';
import { readBlocks } from '../support/docs.js';
import { writeFiles } from '../support/files.js';
import { createTestFolder } from '../support/in-process.js';

const PAGE = 'docs/simulator.md';
const folder = createTestFolder();
const JOB = { GITHUB_REPOSITORY: 'octo-org/octo-repo', GITHUB_REPOSITORY_ID: '74', GITHUB_REPOSITORY_OWNER_ID: '65' };

/** Runs the action in the test's folder, on the fake Nomad. */
async function simulate(inputs: Record<string, string>, more: Record<string, string> = {}) {
  const env = { ...JOB, PATH: '', ...more };
  const result = await runMain({ action: join(ROOT, 'simulate'), workspace: folder, inputs, env });
  const annotations = result.annotations.map(({ level, message, place = '' }) => [level, place, message]);
  return { ...result, annotations, summary: result.summary.replaceAll('<wbr>', '') };
}

// The files that docs/simulator.md tells you to write.
const [rule = '', role = ''] = readBlocks(PAGE, 'Test your rules', 'json');
const [expectations = ''] = readBlocks(PAGE, 'Test your rules', 'yaml');
await writeFiles(folder, {
  'nomad/auth-method.json': adv,
  'nomad/binding-rule.json': rule,
  'nomad/role.json': role,
  'nomad/expectations.yml': expectations,
  'github/README.md': '',
  'event.json': { repository: { default_branch: 'trunk', visibility: 'private' } },
  'good.yml': '- { name: main, ref: refs/heads/main, gets: role repo-74 }',
  'empty/README.md': '',
  'invalid.yml': '- gets: refused\n- "x',
  'unclear.yml': '- gets: refused\n- ref: x',
  'typo.yml': '- gets: refused\n- { reff: x, gets: refused }',
  'open/auth-method.json': adv,
  'open/binding-rule.json': { BindType: 'management' },
  'plan.json': { planned_values: { root_module: { resources: [] } } },
});

test('the workflow in docs/simulator.md fails with an annotation at the line of the job that gets something else', async () => {
  const [workflow = ''] = readBlocks(PAGE, 'In a pull request', 'yaml');
  const { jobs } = parse(workflow) as { jobs: { simulate: { steps: { with?: Record<string, string> }[] } } };
  const { exitCode, annotations, log, outputs, summary } = await simulate(jobs.simulate.steps.at(-1)?.with ?? {});
  const [table = ''] = readBlocks(PAGE, 'Test your rules', 'text');
  expect({ exitCode, log }).toEqual({ exitCode: 1, log: expect.stringContaining(table.trim()) });
  const message = 'environment=staging: client token for 1h0m0s: role repo-74 (deploy) (expected: refused)';
  expect(annotations).toEqual([['error', 'nomad/expectations.yml:5', message]]);
  expect(outputs).toEqual({
    unexpected: '1',
    result: expect.stringMatching(/^{"methodName":"github-adv","nomadName":/),
  });
  expect(summary).toMatch(
    /^<h3>❌ Not as expected: 1 of 10 rows<\/h3>\n.*<\/th><\/tr><tr><td>❌ environment=staging</s,
  );
});

test('a step succeeds with a summary and without annotations if everyone gets what is expected', async () => {
  const { exitCode, annotations, summary } = await simulate({ config: 'nomad', expect: 'good.yml' });
  expect({ exitCode, annotations }).toEqual({ exitCode: 0, annotations: [] });
  expect(summary).toMatch(/^<h3>✅ Everyone gets what is expected\.<.*<td>main<\/td><td>client token/s);
});

test('the example job is on the default branch of the event, also where there are no summaries', async () => {
  const event = { GITHUB_EVENT_PATH: join(folder, 'event.json'), GITHUB_STEP_SUMMARY: '' };
  const { exitCode, log } = await simulate({ config: 'nomad' }, event);
  expect({ exitCode, log }).toEqual({ exitCode: 0, log: expect.stringMatching(/^ {2}a push to trunk +refused: /m) });
});

test('a rule for everyone has an annotation for each group that gets a token, and one for the warning', async () => {
  const { annotations } = await simulate({ config: 'open', expect: 'good.yml' });
  expect(annotations.slice(1)).toEqual([
    ['error', 'open/binding-rule.json', expect.stringMatching(/^anyone on GitHub: management token .*: refused\)$/)],
    ['error', 'open/binding-rule.json', expect.stringMatching(/^anyone who opens a pull request .*: refused\)$/)],
    ['warning', 'open/binding-rule.json', 'management: The rule has no selector, so it matches every JWT.'],
  ]);
});

test.each([
  [{ config: 'nowhere' }, '', /^nowhere is neither github, github-adv, a folder nor a file/],
  [{ config: 'empty' }, '', /^empty must have one auth method of type JWT.* It has: none\.$/],
  [{ config: 'github' }, '', /^\.\/github must have one auth method of type JWT.* It has: none\.$/],
  [{ config: 'plan.json' }, '', /^plan\.json must have one auth method of type JWT.* It has: none\.$/],
  [{ config: 'good.yml' }, 'good.yml', /^good\.yml must contain the output of "terraform show -json"/],
  [{ config: 'nomad', expect: 'nowhere.yml' }, 'nowhere.yml', /^nowhere\.yml cannot be read \(ENOENT\)\.$/],
  [{ config: 'nomad', expect: 'invalid.yml' }, 'invalid.yml:2', /^invalid\.yml is not YAML: Missing closing/],
  [{ config: 'nomad', expect: 'unclear.yml' }, 'unclear.yml:2', /^unclear\.yml has a job without "gets: refused"/],
  [
    { config: 'nomad', expect: 'typo.yml' },
    'typo.yml:2',
    /^typo\.yml has an unknown claim\. .* nearest name is ref\.$/,
  ],
])('invalid inputs fail with one annotation and a summary that says so: %j', async (inputs, place, message) => {
  const { exitCode, annotations, summary } = await simulate(inputs);
  expect({ exitCode, annotations }).toEqual({
    exitCode: 2,
    annotations: [['error', place, expect.stringMatching(message)]],
  });
  expect(summary).toMatch(/^<h3>❌ Nothing was tested<\/h3>\n<p>/);
});

test('a summary shows claims as text, without Markdown, HTML or mentions', () => {
  const row = { name: '<b>|`*\n\n@octocat', group: 'job' as const, claims: {}, grant: 'refused', summary: '' };
  const rows = [{ ...row, reasons: ['a "<i>"', 'b', 'c'], isExpected: true }];
  const warnings = [{ text: '<u>' }];
  const html = summarize({ methodName: 'own', nomadName: 'Nomad', rows, warnings, status: 0 }).stringify();
  expect(html).toContain('<td>&#60;b&#62;|`* @<wbr>octocat</td>');
  expect(html).toContain('<td>refused: a &#34;&#60;i&#62;&#34;<details><summary>and 2 more</summary>');
  expect(html).toContain('<li>&#60;u&#62;</li>');
  expect(html).not.toMatch(/\n\n|<[biu]>/);
});
