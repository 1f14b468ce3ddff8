import { expect, test } from '@jest/globals';
import { readShown, type Shown } from '../../simulator/terraform.js';

const METHOD = 'nomad_acl_auth_method';
const RULE = 'nomad_acl_binding_rule';

/** Returns a resource as `terraform show -json` does, in a module if it has a name. */
const resource = (type: string, values: object, mode = 'managed'): object => ({
  address: `${type}.own`,
  mode,
  type,
  values,
});

const show = (root_module: object, rest: object = {}): Shown => ({ planned_values: { root_module }, ...rest });

test('a plan is read with the objects of all modules, as Nomad names them', () => {
  const config = { bound_audiences: ['a'], bound_issuer: null, claim_mappings: { ref: 'ref' }, jwks_url: 'https://x' };
  const method = { name: 'own', type: 'JWT', max_token_ttl: '1h0m0s', token_name_format: null, config: [config] };
  const rule = { auth_method: 'own', bind_type: 'management', bind_name: null, selector: '', description: 'x' };
  const child = { resources: [resource(RULE, rule), resource(RULE, {}, 'data')], child_modules: [] };
  const role = { name: 'repo-74', policy: [{ name: 'deploy' }] };
  const list = readShown(
    show({
      resources: [resource(METHOD, method)],
      child_modules: [child, { resources: [resource('nomad_acl_role', role)] }],
    }),
  );
  const Config = { BoundAudiences: ['a'], ClaimMappings: { ref: 'ref' } };
  expect(list(METHOD)).toEqual([{ Name: 'own', Type: 'JWT', MaxTokenTTL: '1h0m0s', Config }]);
  expect(list(RULE)).toEqual([{ AuthMethod: 'own', BindType: 'management', Selector: '' }]);
  expect(list('nomad_acl_role')).toEqual([{ Name: 'repo-74', Policies: [{ Name: 'deploy' }] }]);
  expect(list('nomad_acl_policy')).toEqual([]);
});

const unknown = {
  id: true,
  description: true,
  selector: true,
  bind_name: false,
  config: [{ claim_mappings: { a: true } }],
};
const change = { ...resource(RULE, {}), change: { after_unknown: unknown } };

test.each([
  [
    'values that are known only after apply',
    'apply: nomad_acl_binding_rule.own.selector, nomad_acl_binding_rule.own.config.claim_mappings.',
    show({}, { resource_changes: [change] }),
  ],
  ['a plan that failed', 'for a plan without errors', show({}, { errored: true })],
  ['a state file', 'must contain the output of "terraform show -json"', { version: 4 } as Shown],
  ['no object', 'must contain the output of "terraform show -json"', null],
])('%s is rejected', (_, message, shown) => expect(() => readShown(shown)).toThrow(message));
