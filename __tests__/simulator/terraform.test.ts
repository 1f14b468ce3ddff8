import { expect, test } from '@jest/globals';
import { readShown, type Shown } from '../../simulator/terraform.js';

const resource = (type: string, values: object, mode = 'managed') => ({ address: `${type}.own`, mode, type, values });
const show = (root_module: object, rest: object = {}): Shown => ({ planned_values: { root_module }, ...rest });

test('a plan is read with the objects of all modules, as Nomad names them', () => {
  const config = { bound_audiences: ['a'], bound_issuer: null, claim_mappings: { ref: 'ref' }, jwks_url: 'https://x' };
  const method = resource('nomad_acl_auth_method', { name: 'own', max_token_ttl: '1h0m0s', config: [config] });
  const rule = { bind_type: 'management', bind_name: null, selector: '', description: 'x' };
  const rules = [rule, {}].map((values, index) =>
    resource('nomad_acl_binding_rule', values, ['managed', 'data'][index]),
  );
  const role = resource('nomad_acl_role', { name: 'repo-74', policy: [{ name: 'deploy' }] });
  const shown = show({
    resources: [method],
    child_modules: [{ child_modules: [{ resources: [role] }] }, { resources: rules }],
  });
  const Config = { BoundAudiences: ['a'], ClaimMappings: { ref: 'ref' } };
  expect(readShown(shown)).toEqual([
    { type: 'nomad_acl_auth_method', item: { Name: 'own', MaxTokenTTL: '1h0m0s', Config } },
    { type: 'nomad_acl_role', item: { Name: 'repo-74', Policies: [{ Name: 'deploy' }] } },
    { type: 'nomad_acl_binding_rule', item: { BindType: 'management', Selector: '' } },
  ]);
});

const after_unknown = {
  ...{ id: true, description: true, selector: true, bind_name: false },
  config: [{ claim_mappings: { a: true } }],
};
const resource_changes = [{ ...resource('nomad_acl_role', {}), change: { after_unknown } }];
const left = ['nomad_acl_role', 'nomad_acl_policy'].map((type) => resource(type, {}));
const partial = {
  prior_state: { values: { root_module: { resources: left } } },
  resource_changes: [{ ...resource('nomad_acl_policy', {}), change: { actions: ['forget'] } }],
};
const UNKNOWN = 'after apply: nomad_acl_role.own.selector, nomad_acl_role.own.config.claim_mappings.';

test.each([
  ['a plan with unknown values', UNKNOWN, show({}, { resource_changes })],
  ['a plan that failed', 'for a plan without errors', show({}, { errored: true })],
  [
    'a plan that leaves objects',
    'that it does not contain: nomad_acl_role.own, nomad_acl_policy.own.',
    show({}, partial),
  ],
  ['an incomplete plan', 'is incomplete.', show({}, { complete: false })],
  ['a state file', 'must contain the output of "terraform show -json"', { version: 4 } as Shown],
  ['no object', 'must contain the output of "terraform show -json"', null],
])('%s is rejected', (_, message, shown) => expect(() => readShown(shown)).toThrow(message));
