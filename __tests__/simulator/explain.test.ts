import { describe, expect, test } from '@jest/globals';
import { findOnlyExcluded } from '../../simulator/explain.js';
import { explainNoMatch } from '../../simulator/rules.js';
import { findProblems } from '../../simulator/problems.js';
import type { Setup } from '../../simulator/setups.js';
import { parseSelector } from '../../testbed/fake-nomad/selector.js';
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
const CLAIMS = { repository_owner: 'octo-org', ref: 'refs/heads/dev', teams: ['dev'] };

describe('a rule that does not match', () => {
  test.each([
    ['value.ref == "refs/heads/main"', ['value.ref == "refs/heads/main" is false: value.ref is "refs/heads/dev"']],
    [
      'value.owner == "octo-org" and value.ref matches "^refs/tags/"',
      ['value.ref matches "^refs/tags/" is false: value.ref is "refs/heads/dev"'],
    ],
    [
      'value.ref == "a" or (value.owner == "octo-org" and value.ref == `b`)',
      [
        'value.ref == "a" is false: value.ref is "refs/heads/dev"',
        'value.ref == `b` is false: value.ref is "refs/heads/dev"',
      ],
    ],
    [
      'value.owner == "Octo-Org"',
      ['value.owner == "Octo-Org" is false: value.owner is "octo-org" (values are case-sensitive)'],
    ],
    [
      'value.environment == "production"',
      ['value.environment == "production" is false: the JWT has no claim for value.environment'],
    ],
    [
      'not (value.ref == "x" or value.owner == "octo-org")',
      ['value.owner == "octo-org" is true, but negated: value.owner is "octo-org"'],
    ],
    ['"ops" in list.teams', ['"ops" in list.teams is false: list.teams is ["dev"]']],
    [
      'any list.teams as team { team == "ops" }',
      ['any list.teams as team { team == "ops" } is false: list.teams is ["dev"]'],
    ],
    [
      'value.repository_owner == "octo-org"',
      ['value.repository_owner == "octo-org" is false: value.repository_owner is not an attribute of the auth method'],
    ],
    [
      'owner == "octo-org" and value.owner == "octo-org"',
      ['owner == "octo-org" cannot be evaluated: owner is not an attribute of the auth method'],
    ],
    ['value.ref.name == "x"', ['value.ref.name == "x" cannot be evaluated: ref.name is not an attribute']],
  ])('is explained by its failed conditions: %s', (Selector, failed) => {
    expect(explainNoMatch({ AuthMethod: 'own', BindType: 'management', Selector }, CLAIMS, METHOD)).toEqual(failed);
  });

  test('is not explained if Nomad cannot map the claims', () => {
    const rule = { AuthMethod: 'own', BindType: 'management', Selector: 'value.ref == "x"' };
    expect(explainNoMatch(rule, { ref: {} }, METHOD)).toEqual([]);
  });
});

describe('a selector that only excludes values', () => {
  test.each([
    ['value.ref != "x"', ['value.ref']],
    ['value.owner == "octo-org" and value.environment != "production"', ['value.environment']],
    ['not value.ref == "x" and "ops" not in list.teams', ['value.ref', 'list.teams']],
    ['all list.teams as team { team == "dev" }', ['list.teams']],
    ['value.ref matches "^refs/heads/" and value.ref != "refs/heads/dev"', []],
    ['value.environment is empty', []],
    ['value.owner == "octo-org"', []],
    ['owner != "octo-org"', []],
  ])('is found: %s', (selector, attributes) => {
    expect(findOnlyExcluded(parseSelector(selector))).toEqual(attributes);
  });
});

describe('a setup', () => {
  const setup: Omit<Setup, 'claims' | 'name'> = {
    method: METHOD,
    rules: [{ AuthMethod: 'own', BindType: 'role', BindName: 'repo', Selector: 'value.owner == "octo-org"' }],
    roles: [{ Name: 'repo', Policies: [{ Name: 'deploy' }] }],
    policies: [{ Name: 'deploy', Rules: '' }],
  };
  const withRule = (fields: object): typeof setup => ({ ...setup, rules: [{ ...setup.rules[0], ...fields } as never] });

  test('without mistakes has no problems', () => {
    expect(findProblems(setup)).toEqual([]);
  });

  test.each<[what: string, mistaken: typeof setup, problem: string]>([
    ['no rules', { ...setup, rules: [] }, 'The auth method own has no binding rules, so no job can log in.'],
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
      'an unmapped claim in a bind name',
      withRule({ BindType: 'policy', BindName: 'a-${value.actor}' }),
      'policy a-${value.actor}: value.actor is not an attribute of the auth method. Add a claim mapping for it, or use one of value.owner, value.ref, value.environment, value.run_id.',
    ],
    [
      'a list in a bind name',
      withRule({ BindName: 'team-${list.teams}' }),
      'role team-${list.teams}: list.teams is not an attribute of the auth method. Add a claim mapping for it, or use one of value.owner, value.ref, value.environment, value.run_id.',
    ],
    [
      'an unmapped claim in the token name',
      { ...setup, method: { ...METHOD, TokenNameFormat: '${auth_method_name}-${value.runid}' } },
      'TokenNameFormat: value.runid is not an attribute of the auth method. Add a claim mapping for it, or use one of value.owner, value.ref, value.environment, value.run_id, auth_method_type, auth_method_name. Until then, every login fails.',
    ],
    [
      'a selector that only excludes values',
      withRule({ Selector: 'value.environment != "staging"' }),
      'role repo: The selector only excludes values of value.environment, so it also matches JWTs without such a claim. Add a condition that lists the allowed values.',
    ],
    ['a missing role', { ...setup, roles: [] }, 'role repo: There is no role repo, so the rule grants nothing.'],
    [
      'a missing policy',
      withRule({ BindType: 'policy', BindName: 'repo' }),
      'policy repo: There is no policy repo, so the rule grants nothing.',
    ],
    [
      'a role that links to a missing policy',
      { ...setup, policies: [] },
      'The role repo links to the policy deploy, which does not exist.',
    ],
    [
      'a role without policies',
      { ...setup, roles: [{ Name: 'repo', Policies: [] }] },
      'The role repo links to no policies, so it grants no permissions.',
    ],
  ])('with %s has that problem', (_, mistaken, problem) => {
    expect(findProblems(mistaken)).toEqual([problem]);
  });
});
