import { describe, expect, test } from '@jest/globals';
import { changeClaims, EXAMPLE, VARIATIONS } from '../../simulator/identities.js';

describe('changing a claim', () => {
  test.each([
    [{ ref: 'refs/heads/dev' }, 'repo:octo-org@65/octo-repo@74:ref:refs/heads/dev'],
    [{ environment: 'production' }, 'repo:octo-org@65/octo-repo@74:environment:production'],
    [{ environment: 'eu:1' }, 'repo:octo-org@65/octo-repo@74:environment:eu%3A1'],
    [{ event_name: 'pull_request' }, 'repo:octo-org@65/octo-repo@74:pull_request'],
    [{ repository_owner: 'other-org' }, 'repo:other-org@65/octo-repo@74:ref:refs/heads/main'],
    [{ repository: 'octo-org/b', repository_id: '75' }, 'repo:octo-org@65/b@75:ref:refs/heads/main'],
    [{ ref: 'refs/heads/dev', sub: 'own' }, 'own'],
  ])('changes the subject as GitHub does: %j', (changes, sub) => {
    expect(changeClaims(EXAMPLE, changes)).toMatchObject({ ...changes, sub });
  });

  test('changes a subject of the older form', () => {
    const older = { ...EXAMPLE, sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' };
    expect(changeClaims(older, { ref: 'x' })).toMatchObject({ sub: 'repo:octo-org/octo-repo:ref:x' });
  });

  test('keeps a customized subject', () => {
    const customized = { ...EXAMPLE, sub: 'repository_owner_id:65' };
    expect(changeClaims(customized, { ref: 'x' })).toMatchObject({ sub: 'repository_owner_id:65' });
  });

  test('changes the references to the workflow, except that of a reusable workflow in another repository', () => {
    const job_workflow_ref = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main';
    expect(changeClaims({ ...EXAMPLE, job_workflow_ref }, { repository_owner: 'o', ref: 'x' })).toMatchObject({
      repository: 'o/octo-repo',
      workflow_ref: 'o/octo-repo/.github/workflows/nomad-jwt-auth.yml@x',
      job_workflow_ref,
    });
  });
});

describe('the jobs of a table', () => {
  test.each([
    [
      'a merge queue',
      { event_name: 'merge_group', ref: expect.stringMatching(/^refs\/heads\/gh-readonly-queue\/main\//) },
    ],
    [
      'a release tag',
      { ref: 'refs/tags/v1.2.3', ref_type: 'tag', sub: expect.stringMatching(/:ref:refs\/tags\/v1\.2\.3$/) },
    ],
    ['an environment', { environment: 'production', sub: expect.stringMatching(/:environment:production$/) }],
    ['another team', { repo_property_team: 'other-team' }],
    ['no team', { repo_property_team: undefined }],
    ['another owner', { repository: 'other-org/octo-repo', repository_id: '76' }],
  ])('include %s', (name, claims) => {
    const changed = changeClaims(EXAMPLE, VARIATIONS[name]?.(EXAMPLE) ?? {});
    expect(changed).toMatchObject(claims);
  });

  test('all differ from the example job, except the first', () => {
    const [first, ...others] = Object.values(VARIATIONS).map((vary) => changeClaims(EXAMPLE, vary(EXAMPLE)));
    expect(first).toEqual(EXAMPLE);
    others.forEach((claims) => {
      expect(claims).not.toEqual(EXAMPLE);
    });
  });
});
