import { describe, expect, test } from '@jest/globals';
import { changeClaims, EXAMPLE, nameJob, VARIATIONS } from '../../simulator/identities.js';
import { explainNoMatch } from '../../simulator/mismatch.js';
import { findProblems, findUnknownClaims } from '../../simulator/problems.js';
import type { Configuration } from '../../simulator/setup-folder.js';
import type { AuthMethod } from '../../testbed/nomad-api.js';

const METHOD: AuthMethod = {
  Name: 'own',
  Type: 'JWT',
  TokenLocality: 'global',
  MaxTokenTTL: '1h',
  Config: {
    ClaimMappings: { repository_owner: 'owner', ref: 'ref', environment: 'environment', run_id: 'run_id' },
    ListClaimMappings: { teams: 'teams' },
  },
};

describe('a rule that grants nothing', () => {
  const CLAIMS = { repository_owner: 'octo-org', ref: 'refs/heads/dev', teams: ['dev'] };

  test.each([
    ['value.ref == "refs/heads/main"', ['value.ref == "refs/heads/main", but value.ref is "refs/heads/dev"']],
    [
      'value.owner == "octo-org" and value.ref matches "^refs/tags/"',
      ['value.ref matches "^refs/tags/", but value.ref is "refs/heads/dev"'],
    ],
    [
      'value.ref == "a" or (value.owner == "octo-org" and value.ref == `b`)',
      ['value.ref == "a", but value.ref is "refs/heads/dev"', 'value.ref == `b`, but value.ref is "refs/heads/dev"'],
    ],
    [
      'value.owner == "Octo-Org"',
      ['value.owner == "Octo-Org", but value.owner is "octo-org" (values are case-sensitive)'],
    ],
    [
      'value.environment == "production"',
      ['value.environment == "production", but the JWT has no claim for value.environment'],
    ],
    [
      'not (value.ref == "x" or value.owner == "octo-org")',
      ['not value.owner == "octo-org", but value.owner is "octo-org"'],
    ],
    ['value.owner != "octo-org"', ['value.owner != "octo-org", but value.owner is "octo-org"']],
    ['"ops" in list.teams', ['"ops" in list.teams, but list.teams is ["dev"]']],
    [
      'owner == "octo-org" and value.nope == "octo-org"',
      [
        'owner == "octo-org", but owner is not an attribute of the auth method',
        'value.nope == "octo-org", but value.nope is not an attribute of the auth method',
      ],
    ],
    ['value.owner == "octo-org"', ['there is no role x-octo-org']],
    ['any list.teams as team { team == "ops" }', ['the selector does not match, or there is no such role']],
  ])('is explained: %s', (Selector, reasons) => {
    const rule = { AuthMethod: 'own', BindType: 'role', BindName: 'x-${value.owner}', Selector };
    expect(explainNoMatch(rule, CLAIMS, METHOD)).toEqual(reasons);
  });
});

describe('a configuration', () => {
  const config: Configuration = {
    method: METHOD,
    rules: [{ AuthMethod: 'own', BindType: 'role', BindName: 'repo', Selector: 'value.owner == "octo-org"' }],
    roles: [{ Name: 'repo', Policies: [{ Name: 'deploy' }] }],
    policies: [{ Name: 'deploy', Rules: '' }],
  };
  const withRule = (fields: object): Configuration => ({
    ...config,
    rules: [{ ...config.rules[0], ...fields } as never],
  });
  const onlyExcludes = (names: string): string =>
    `role repo: The selector only excludes values of ${names}, so it also matches JWTs without such a claim. Add a condition that lists the allowed values.`;
  const OTHERS = 'Add a claim mapping for it, or use one of value.owner, value.ref, value.environment, value.run_id';

  test.each<[what: string, mistaken: Configuration, problem: string]>([
    ['no mistake', config, ''],
    ['an empty selector', withRule({ Selector: '' }), ''],
    [
      'an excluded value beside a required one',
      withRule({ Selector: 'value.ref matches "^v" and value.ref != "v1"' }),
      '',
    ],
    ['a claim that must be empty', withRule({ Selector: 'value.environment is empty' }), ''],
    ['no rules', { ...config, rules: [] }, 'The auth method own has no binding rules, so no job can log in.'],
    [
      "a claim's name in a selector",
      withRule({ Selector: 'value.repository_owner == "octo-org"' }),
      'role repo: value.repository_owner is not an attribute of the auth method. Use value.owner.',
    ],
    [
      'an attribute without its scope',
      withRule({ Selector: 'owner == "octo-org"' }),
      'role repo: owner is not an attribute of the auth method. Use value.owner.',
    ],
    [
      'a list in the scope of values',
      withRule({ Selector: 'value.teams == "ops"' }),
      'role repo: value.teams is not an attribute of the auth method. Use list.teams.',
    ],
    [
      'a list in a bind name',
      withRule({ BindName: 'team-${list.teams}' }),
      `role team-\${list.teams}: list.teams is not an attribute of the auth method. ${OTHERS}.`,
    ],
    [
      'an unmapped claim in the token name',
      { ...config, method: { ...METHOD, TokenNameFormat: '${auth_method_name}-${value.runid}' } },
      `TokenNameFormat: value.runid is not an attribute of the auth method. ${OTHERS}, auth_method_type, auth_method_name. Until then, every login fails.`,
    ],
    ['an excluded value', withRule({ Selector: 'value.environment != "x"' }), onlyExcludes('value.environment')],
    [
      'two excluded values',
      withRule({ Selector: 'not value.ref == "x" and "ops" not in list.teams' }),
      onlyExcludes('value.ref and list.teams'),
    ],
    ['a missing role', { ...config, roles: [] }, 'role repo: There is no role repo, so the rule grants nothing.'],
    [
      'a missing policy',
      withRule({ BindType: 'policy' }),
      'policy repo: There is no policy repo, so the rule grants nothing.',
    ],
    [
      'a role with a missing policy',
      { ...config, policies: [] },
      'The role repo links to the policy deploy, which does not exist.',
    ],
    [
      'a role without policies',
      { ...config, roles: [{ Name: 'repo', Policies: [] }] },
      'The role repo links to no policies, so it grants no permissions.',
    ],
  ])('with %s has only that problem', (_, mistaken, problem) => {
    expect(findProblems(mistaken)).toEqual([problem].filter(Boolean));
  });

  test('does not know claims that neither GitHub nor a mapping has, and the nearest name is given', () => {
    const names = ['ref', 'environment', 'teams', 'enviroment', 'enviroment', 'repositry_id'];
    expect(findUnknownClaims(names, METHOD)).toEqual([
      "No claim mapping uses the claim enviroment, and it is not one of GitHub's. The nearest name is environment.",
      "No claim mapping uses the claim repositry_id, and it is not one of GitHub's. The nearest name is repository_id.",
    ]);
  });
});

describe('changing a claim', () => {
  const OWN = 'octo-org@65/octo-repo@74';

  test.each([
    [{ ref: 'refs/heads/dev' }, { sub: `repo:${OWN}:ref:refs/heads/dev`, ref_type: 'branch' }],
    [{ ref: 'refs/tags/v1' }, { ref_type: 'tag' }],
    [{ environment: 'eu:1' }, { sub: `repo:${OWN}:environment:eu%3A1` }],
    [{ event_name: 'pull_request' }, { sub: `repo:${OWN}:pull_request`, ref: 'refs/pull/7/merge', base_ref: 'main' }],
    [{ event_name: 'pull_request', ref: 'x' }, { ref: 'x' }],
    [{ event_name: 'merge_group' }, { ref: expect.stringMatching(/^refs\/heads\/gh-readonly-queue\/main\//) }],
    [{ event_name: 'release' }, { ref: 'refs/tags/v1.2.3', ref_type: 'tag' }],
    [{ event_name: 'workflow_dispatch' }, { ref: 'refs/heads/main' }],
    [
      { repository_owner: 'o', ref: 'x' },
      { repository: 'o/octo-repo', workflow_ref: 'o/octo-repo/.github/workflows/nomad-jwt-auth.yml@x' },
    ],
    [
      { repository: 'o/b', repository_id: '75' },
      { repository_owner: 'o', sub: 'repo:o@65/b@75:ref:refs/heads/main' },
    ],
    [{ ref: 'x', sub: 'own' }, { sub: 'own' }],
  ])('changes what GitHub derives from it: %j', (changes, changed) => {
    expect(changeClaims(EXAMPLE, changes)).toMatchObject({ ...changes, ...changed });
  });

  test.each([
    ['the older form', 'repo:octo-org/octo-repo:ref:refs/heads/main', 'repo:octo-org/octo-repo:ref:x'],
    ['a customized form', 'repository_owner_id:65', 'repository_owner_id:65'],
  ])('treats a subject of %s as GitHub does', (_, sub, changed) => {
    expect(changeClaims({ ...EXAMPLE, sub }, { ref: 'x' })).toMatchObject({ sub: changed });
  });

  test('keeps the reference to a reusable workflow in another repository', () => {
    const job_workflow_ref = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main';
    expect(changeClaims({ ...EXAMPLE, job_workflow_ref }, { ref: 'x' })).toMatchObject({ job_workflow_ref });
  });

  test('makes each job of the table differ from the first, which is the example job', () => {
    const [first, ...others] = Object.values(VARIATIONS).map((vary) => changeClaims(EXAMPLE, vary(EXAMPLE)));
    expect(first).toEqual(EXAMPLE);
    expect(others).not.toContainEqual(EXAMPLE);
  });

  test.each([
    [{ event_name: 'push', ref: 'refs/heads/main' }, 'a push to main'],
    [{ event_name: 'schedule', ref: 'refs/heads/dev' }, 'schedule on dev'],
    [{}, 'a job on no branch'],
  ])('names the job after its event: %j', (claims, name) => {
    expect(nameJob(claims)).toBe(name);
  });
});
