import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readSetup } from '../../simulator/setups.js';
import { createConfig, createRule, METHOD } from './simulator-run.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'setup-folder-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('a folder of configuration', () => {
  test('is read with one object or a list in each file, and with the rules of the chosen method', async () => {
    await createConfig(folder, {
      'auth-method.json': METHOD,
      'binding-rule-1.json': createRule('policy', 'deploy'),
      'binding-rules.json': [createRule('management', ''), { ...createRule('policy', 'x'), AuthMethod: 'another' }],
      'roles.json': [
        { Name: 'repo-74', Policies: [{ Name: 'deploy' }] },
        { Name: 'emptied', Policies: null },
      ],
      'policies.json': 'null',
      'deploy.policy.hcl': 'namespace "default" { policy = "read" }',
    });
    expect(await readSetup(folder)).toMatchObject({
      method: { Name: 'own' },
      rules: [{ BindName: 'deploy' }, { BindType: 'management' }],
      roles: [
        { Name: 'repo-74', Policies: [{ Name: 'deploy' }] },
        { Name: 'emptied', Policies: [] },
      ],
      policies: [{ Name: 'deploy', Rules: 'namespace "default" { policy = "read" }' }],
      others: [],
    });
  });

  test('without policies is read with the policies that its roles link to', async () => {
    const roles = [{ Name: 'a', Policies: [{ Name: 'x' }, { Name: 'y' }] }];
    await createConfig(folder, { 'auth-method.json': METHOD, 'roles.json': roles });
    expect((await readSetup(folder)).policies).toMatchObject([{ Name: 'x' }, { Name: 'y' }]);
  });

  test('with several methods of type JWT requires a choice, and includes the other methods with their rules', async () => {
    await createConfig(folder, {
      'auth-methods.json': [METHOD, { ...METHOD, Name: 'b' }, { ...METHOD, Name: 'people', Type: 'OIDC' }],
      'binding-rule.json': createRule('management', ''),
    });
    await expect(readSetup(folder)).rejects.toThrow(
      `--config ${folder} has several auth methods of type JWT: own, b. Choose one with --method NAME.`,
    );
    expect(await readSetup(folder, 'b')).toMatchObject({
      method: { Name: 'b' },
      rules: [],
      others: [{ method: { Name: 'own' }, rules: [{ BindType: 'management' }] }],
    });
    await expect(readSetup(folder, 'people')).rejects.toThrow('of type JWT, which jobs need to log in. Methods of');
  });

  test.each<[what: string, files: Record<string, unknown>, message: string]>([
    ['no auth method', {}, ' has no file auth-method*.json.'],
    ['a method that is not JSON', { 'auth-method.json': '{' }, '/auth-method.json is not JSON. It begins: {'],
    [
      'the Config alone',
      { 'auth-method.json': METHOD.Config },
      'auth-method.json lacks Name, Config, TokenLocality or MaxTokenTTL. Save the output of:',
    ],
    [
      'an OIDC method alone',
      { 'auth-method.json': { ...METHOD, Type: 'OIDC' } },
      'has no auth method of type JWT, which jobs need to log in. Methods of this type: none.',
    ],
    ['a list of text', { 'auth-method.json': ['text'] }, 'auth-method.json must be an object or a list of objects.'],
    [
      'a rule without a method',
      { 'auth-method.json': METHOD, 'binding-rule.json': { BindType: 'role' } },
      'binding-rule.json has no AuthMethod. Save the output of: nomad acl binding-rule info -json ID',
    ],
    [
      'a rule without a type',
      { 'auth-method.json': METHOD, 'binding-rule.json': createRule('', 'x') },
      'binding-rule.json has no BindType, as in a list of rules.',
    ],
    [
      'a rule of an unknown type',
      { 'auth-method.json': METHOD, 'binding-rule.json': createRule('group', 'x') },
      'binding-rule.json has the BindType "group". It must be role, policy or management.',
    ],
    [
      'a rule for a role without a name',
      { 'auth-method.json': METHOD, 'binding-rule.json': createRule('role', '') },
      'binding-rule.json has no BindName, which the BindType role needs.',
    ],
    [
      'a management rule with a name',
      { 'auth-method.json': METHOD, 'binding-rule.json': createRule('management', 'x') },
      'binding-rule.json has a BindName, which the BindType management cannot have.',
    ],
    [
      'a role without policies',
      { 'auth-method.json': METHOD, 'role.json': { Name: 'a' } },
      'role.json has no Name or no Policies.',
    ],
    [
      'the same role twice',
      { 'auth-method.json': METHOD, 'roles.json': [1, 2].map(() => ({ Name: 'a', Policies: [{ Name: 'x' }] })) },
      'has the role a more than once.',
    ],
    [
      'a policy without a name',
      { 'auth-method.json': METHOD, 'policies.json': [{}] },
      'policies.json has no Name. Save the output of: nomad acl policy list -json',
    ],
  ])('is rejected if it has %s', async (_, files, message) => {
    await createConfig(folder, files);
    await expect(readSetup(folder)).rejects.toThrow(message);
  });
});

describe('a setup of the documentation', () => {
  test('cannot be combined with --method', async () => {
    await expect(readSetup('adv', 'github')).rejects.toThrow('--method github needs --config DIR.');
  });
});
