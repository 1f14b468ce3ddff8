import { describe, expect, test } from '@jest/globals';
import { STRANGERS } from '../../simulator/groups.js';
import { readSetup } from '../../simulator/setups.js';
import { withSimulation } from '../../simulator/simulation.js';
import { tryStrangers } from '../../simulator/strangers.js';
import type { Row } from '../../simulator/simulate.js';
import { EXAMPLE, type Claims } from '../../simulator/identities.js';
import { startFakeCluster } from '../../testbed/nomad/nomad.js';
import { NOMADS } from '../support/workspace.js';

const [ANYONE = '', OPENER = '', PUSHER = '', SIBLING = '', TAKER = ''] = STRANGERS;
const EVERYONE = STRANGERS;
type Start = (typeof NOMADS)[number][1];
const setup = await readSetup('github-adv');
const Config = {
  ...setup.method.Config,
  ClaimMappings: {
    ...setup.method.Config.ClaimMappings,
    ...{ head_ref: 'head', aud: 'aud', teams: 'teams', actor: 'actor', enterprise_id: 'enterprise' },
  },
  ListClaimMappings: { repository_owner: 'owners', repo_property_team: 'teams' },
};
// A token's name needs claims that no rule tests.
const method = { ...setup.method, Config, TokenNameFormat: '${value.team}-${value.run_id}' };
const Policies = [{ Name: 'deploy' }];
const roles = ['deploy', 'team-a', 'team-platform', 'repo-74', 'repo-75'].map((Name) => ({ Name, Policies }));

async function tryRules(rules: object[], claims?: Claims, start = startFakeCluster as Start): Promise<Row[]> {
  const all = rules.map((rule) => ({ AuthMethod: 'github-adv', BindType: 'role', BindName: 'deploy', ...rule }));
  const expectations = claims && [{ claims, gets: 'role deploy', file: 'expectations.yml', line: 1 }];
  const attempts = await withSimulation({ ...setup, method, rules: all, roles }, start, (simulation) =>
    tryStrangers(simulation, EXAMPLE, expectations),
  );
  return attempts.map(({ row }) => row);
}

const REUSED = 'octo-org/workflows/.github/workflows/deploy.yml@refs/heads/main';

test.each<[selector: string, granted: string[], claims?: Claims]>([
  ['value.owner_id == "65" and value.ref == "refs/heads/main" and value.event_name == "push"', [SIBLING]],
  ['value.owner == "octo-org" and value.ref == "refs/heads/main"', [OPENER, SIBLING, TAKER]],
  [`value.job_workflow_ref == "${REUSED}"`, EVERYONE],
  ['value.repo_id == "74" and value.environment == "production"', [OPENER, PUSHER]],
  ['', EVERYONE],
  ['value.ref != "refs/heads/main"', [ANYONE, PUSHER, SIBLING, TAKER]],
  ['value.ref matches "^refs/tags/v[0-9]+$" and value.repo_id == "74"', [PUSHER]],
  ['value.ref_protected == "true" and value.repo_id == "74"', [OPENER]],
  ['value.repo matches "octo-org/octo-repo$"', [ANYONE, OPENER, PUSHER, TAKER]],
  ['value.repo matches "^octo-org/octo-repo"', [OPENER, PUSHER, SIBLING, TAKER]],
  ['value.sub contains "octo-org/" and value.event_name == "push"', [ANYONE, PUSHER, SIBLING, TAKER]],
  ['value.sub == "repo:octo-org/octo-repo:ref:refs/heads/main"', [OPENER, TAKER]],
  ['value.sub == "repo:octo-org@65/octo-repo@74:environment:eu%3A1"', [OPENER, PUSHER]],
  ['value.sub == "repo:octo-org@65/octo-repo@74:pull_request"', [PUSHER]],
  [`value.sub == "repository_owner_id:65:job_workflow_ref:${REUSED}"`, [OPENER, PUSHER, SIBLING]],
  ['value.team in value.team or value.team is not empty and value.team != "platform"', [ANYONE, SIBLING, TAKER]],
  [
    'value.head is empty and value.environment is empty and not (value.owner_id != "65" or value.repo_id == "74")',
    [SIBLING],
  ],
  ['"octo-org" in list.owners and (any list.teams as team { team matches "^p" })', [OPENER, PUSHER, TAKER]],
  ['value.environment matches "[^ -~éλ中]"', EVERYONE],
  ['value.repo_id == "74" and value.event_name matches "^(fork|watch|gollum)$"', [OPENER]],
  ['value.repo_id == "74" and value.ref == "refs/heads/main" and value.actor == "renovate[bot]"', [OPENER]],
  ['list.owners == "octo-org" or value.owner_id == "65"', []],
  ['value.aud == "nomad.example.com" and value.owner_id == "66"', []],
  ['value.aud == "other.example.com"', []],
  ['value.teams == "x" or value.owner_id matches "^6"', EVERYONE],
  ['value.repo_id == "74" and value.ref == "refs/heads/master"', [OPENER, PUSHER], { ref: 'refs/heads/master' }],
  ['value.repo_id == "75" and value.ref == "refs/heads/main"', [OPENER], { repository_id: '75' }],
  ['value.enterprise == "123" and value.ref == "refs/heads/main"', [OPENER, SIBLING], { enterprise_id: '123' }],
  ['value.repo_id == "74" and value.ref matches "^refs/tags/"', [PUSHER], { ref: 'refs/tags/v1' }],
  ['value.owner_id == "65" or value.owner_id == "666"', EVERYONE, {}],
  [`value.repo_id == "${EXAMPLE['actor_id'] as string}"`, [ANYONE, SIBLING, TAKER], {}],
  ['value.repo_id == "74" and value.actor == "deploy-bot" and value.ref == "refs/heads/main"', [], {}],
])('the rule %s lets in %j if, for example, the job %j should get it', async (Selector, granted, ...[claims]) => {
  const rows = await tryRules([{ Selector }], claims);
  expect(rows.filter(({ grant }) => grant !== 'refused').map(({ name }) => name)).toEqual(granted);
});

test.each([
  ['value.sub not matches "^repo:"', EVERYONE],
  ['value.sub matches "^(?:repository_owner_id:65|repository_id:7[0-9]+)$"', EVERYONE],
  ['value.sub matches "^repository_owner_id:65:"', [OPENER, PUSHER, SIBLING]],
  ['value.sub matches "^repo:octo-org@65/octo-repo@74:ref:refs/heads/main$"', []],
])('the rule %s for a customized sub is not decided for %j', async (Selector, open) => {
  const rows = await tryRules([{ Selector }]);
  expect(rows.filter(({ grant }) => grant === 'not decided').map(({ name }) => name)).toEqual(open);
});

describe.each(NOMADS)('on %s', (_, start) => {
  test('strangers choose what a bind name needs, and a row says which claims and what would stop it', async () => {
    const rows = await tryRules(
      [
        { BindName: 'team-${value.team}', Selector: 'value.event_name == "push" and value.environment == "eu"' },
        { BindName: 'repo-${value.repo_id}', Selector: 'value.owner_id == "65" and value.ref matches "^refs/tags/"' },
      ],
      undefined,
      start,
    );
    expect(rows.map(({ summary, reasons: [reason] }) => reason ?? summary)).toEqual([
      'client token for 1h0m0s: role team-platform (deploy), with environment=eu repository_owner_id=66 repository_id=76, unless the environment eu is protected',
      'value.ref matches "^refs/tags/", but value.ref is "refs/heads/main"',
      'client token for 1h0m0s: role repo-74 (deploy), role team-platform (deploy), with environment=eu ref=refs/tags/v1.2.3, unless the environment eu or the tag v1.2.3 is protected',
      'client token for 1h0m0s: role repo-75 (deploy), with ref=refs/tags/v1.2.3 repo_property_team=other-value repository_id=75, unless the tag v1.2.3 is protected',
      'client token for 1h0m0s: role team-platform (deploy), with environment=eu repository_owner_id=66 repository_id=76, unless the environment eu is protected',
    ]);
  });
});
