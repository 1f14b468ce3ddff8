import { expect, test } from '@jest/globals';
import { changeClaims, EXAMPLE, VARIATIONS, type Claims } from '../../simulator/identities.js';
import { findProblems } from '../../simulator/problems.js';
import type { Configuration } from '../../simulator/setup-folder.js';
import { predict } from '../../simulator/verdicts.js';
import type { AuthMethod } from '../../nomad-rules/api.js';

const Config = {
  BoundIssuer: ['https://gitlab.example.com'],
  BoundAudiences: ['nomad.example.com'],
  ClaimMappings: { repository_owner: 'owner', ref: 'ref', environment: 'environment', run_id: 'run_id' },
  ListClaimMappings: { teams: 'teams' },
};
const METHOD: AuthMethod = { Name: 'own', Type: 'JWT', TokenLocality: 'global', MaxTokenTTL: '1h', Config };

const CLAIMS = { repository_owner: 'octo-org', ref: 'refs/heads/dev', teams: ['dev'] };
const explain = (Selector: string): string[] => {
  const rules = [{ AuthMethod: 'own', BindType: 'role', BindName: 'x', Selector }];
  return predict({ method: METHOD, rules, roles: [], policies: [] }, CLAIMS).verdicts.flatMap((verdict) =>
    verdict.explain(),
  );
};

test.each([
  ['value.ref matches "^refs/tags/"', 'value.ref is "refs/heads/dev"'],
  ['value.owner == "Octo-Org"', 'value.owner is "octo-org" (values are case-sensitive)'],
  ['value.environment == "production"', 'the JWT has no claim for value.environment'],
  ['"ops" in list.teams', 'list.teams is ["dev"]'],
  ['list.teams.0 == "ops"', 'list.teams is ["dev"]'],
  ['any list.teams as team { team == "ops" }', 'list.teams is ["dev"]'],
  ['list.teams == "ops"', 'list.teams is a list, for which ==, != and matches do not work: write "ops" in list.teams'],
])('a rule that grants nothing is explained by its condition and the value: %s', (condition, reason) => {
  expect(explain(condition)).toEqual([`${condition}, but ${reason}`]);
  expect(explain(`value.owner == "octo-org" and (${condition})`)).toEqual([`${condition}, but ${reason}`]);
});

test('a rule that grants nothing is explained by all conditions that would have to differ', () => {
  expect(explain('value.ref == "a" or (value.owner == "octo-org" and not (value.ref != `b`))')).toEqual([
    'value.ref == "a", but value.ref is "refs/heads/dev"',
    'not value.ref != `b`, but value.ref is "refs/heads/dev"',
  ]);
});

test('a rule is not judged if only Nomad knows its selector', () => {
  expect(explain('value.ref matches "[[:digit:]]"')).toEqual(['only Nomad can judge this rule']);
});

const config: Configuration = {
  method: METHOD,
  rules: [{ AuthMethod: 'own', BindType: 'role', BindName: 'repo', Selector: 'value.owner == "octo-org"' }],
  roles: [{ Name: 'repo', Policies: [{ Name: 'deploy' }] }],
  policies: [{ Name: 'deploy' }],
};
const rule = (fields: object): object => ({ rules: [{ ...config.rules[0], ...fields }] });
const selects = (Selector: string): object => rule({ Selector });
const ADD = 'Add a claim mapping for it, or use one of value.owner, value.ref, value.environment, value.run_id';
const UNKNOWN = 'is not an attribute of the auth method.';
const ADD_NAME = ADD.replace('value.owner', 'auth_method_type, auth_method_name, value.owner');
const unnamed = { ...METHOD, TokenNameFormat: '${auth_method_name}-${value.runid}' };

const configured = (fields: object): object => ({ method: { ...METHOD, Config: { ...Config, ...fields } } });
const forGithub = (claims: object): object =>
  configured({ BoundIssuer: ['https://token.actions.githubusercontent.com'], ListClaimMappings: claims });
const NO_ISSUER = 'The auth method own has no BoundIssuer, so it accepts JWTs of any issuer if one of the keys fits.';
const NO_AUDIENCES =
  'The auth method own has no BoundAudiences, so it also accepts JWTs that a job requested for another service.';
const NOT_GITHUB = "The claim repository_owner_ID is not one of GitHub's. The nearest name is repository_owner_id.";
const TWICE = 'The claim mappings map ref and head_ref to ref. Nomad uses one of them at random in each login.';
const MAPPED_TWICE = { repository_owner: 'owner', ref: 'ref', head_ref: 'ref' };

test.each<[what: string, change: object, problem?: string]>([
  ['custom properties and JSON pointers', forGithub({ repo_property_team: 'team', '/repository': 'repo' })],
  ['a mistyped claim of GitHub', forGithub({ repository_owner_ID: 'x' }), NOT_GITHUB],
  ['two claims for an attribute', configured({ ClaimMappings: MAPPED_TWICE }), TWICE],
  ['two claims for a list', configured({ ListClaimMappings: { ref: 'ref', head_ref: 'ref' } }), TWICE],
  ['no issuer', configured({ BoundIssuer: null, ListClaimMappings: {} }), NO_ISSUER],
  ['no audiences', configured({ BoundAudiences: [] }), NO_AUDIENCES],
  ['an empty selector', selects(''), 'role repo: The rule has no selector, so it matches every JWT.'],
  ['a list as a value', selects('value.teams == "ops"'), `role repo: value.teams ${UNKNOWN} ${ADD}, list.teams.`],
  ['a list in a name', rule({ BindName: '${list.teams}' }), `role \${list.teams}: list.teams ${UNKNOWN} ${ADD}.`],
  [
    'an unmapped claim in the token name',
    { method: unnamed },
    `TokenNameFormat: value.runid ${UNKNOWN} ${ADD_NAME}. Until then, every login fails.`,
  ],
  ['no rules', { rules: [] }, 'The auth method own has no binding rules, so no job can log in.'],
  ['a missing link', { policies: [] }, 'The role repo links to the policy deploy, which does not exist.'],
])('a configuration with %s has only that problem', (_, change, ...problems) =>
  expect(findProblems({ ...config, ...change }).map(({ text }) => text)).toEqual(problems),
);

const OWN = 'octo-org@65/octo-repo@74';
const OLD_SUBJECT = 'repo:octo-org/octo-repo:ref:';
const REUSED = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main';
const renamed = { repository: 'o/b', repository_id: '7' };
const moved = { repository: 'o/octo-repo', workflow_ref: 'o/octo-repo/.github/workflows/nomad-jwt-auth.yml@x' };

test.each<[changes: Claims, changed: Claims, base?: Claims]>([
  [{ ref: 'refs/heads/dev' }, { sub: `repo:${OWN}:ref:refs/heads/dev`, ref_type: 'branch' }],
  [{ ref: 'refs/tags/v1' }, { ref_type: 'tag' }],
  [{ environment: 'eu:1' }, { sub: `repo:${OWN}:environment:eu%3A1` }],
  [{ event_name: 'pull_request' }, { sub: `repo:${OWN}:pull_request`, ref: 'refs/pull/7/merge', base_ref: 'main' }],
  [{ event_name: 'pull_request', ref: 'x', sub: 'own' }, {}],
  [{ repository_owner: 'o', ref: 'x' }, moved],
  [renamed, { repository_owner: 'o', sub: 'repo:o@65/b@7:ref:refs/heads/main' }],
  [{ ref: 'x' }, { sub: `${OLD_SUBJECT}x` }, { sub: `${OLD_SUBJECT}refs/heads/main` }],
  [{ ref: 'x' }, { sub: 'repository_owner_id:65' }, { sub: 'repository_owner_id:65' }],
  [{ ref: 'x' }, { job_workflow_ref: REUSED }, { job_workflow_ref: REUSED }],
])('a changed claim changes what GitHub derives from it: %j gives %j', (changes, changed, base = {}) =>
  expect(changeClaims({ ...EXAMPLE, ...base }, changes)).toMatchObject({ ...changes, ...changed }),
);

test('each job of the table differs from the first, which is the example job', () => {
  const [first, ...others] = Object.values(VARIATIONS).map((vary) => changeClaims(EXAMPLE, vary(EXAMPLE)));
  expect(first).toEqual(EXAMPLE);
  expect(others).not.toContainEqual(EXAMPLE);
});
