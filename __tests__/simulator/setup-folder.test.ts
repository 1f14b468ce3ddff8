import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readConfiguration } from '../../simulator/setup-folder.js';
import { writeFiles } from '../support/files.js';

const METHOD = { Name: 'own', Type: 'JWT', TokenLocality: 'local', MaxTokenTTL: '10m0s', Config: { JWKSURL: 'x' } };
const RULE = { ID: 'b8f1c9c2', AuthMethod: 'own', BindType: 'policy', BindName: 'deploy', Selector: '' };
const ROLE = { Name: 'repo-74', Policies: [{ Name: 'deploy' }] };
const CHOICE = 'must have one auth method of type JWT, or one with the name in --method. It has:';

/** Reads a folder of these files. */
async function read(files: Record<string, unknown>, methodName?: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'setup-folder-'));
  await writeFiles(folder, files);
  return readConfiguration(folder, methodName).finally(() => rm(folder, { recursive: true }));
}

test('a folder is read with one object or a list in each file, and with the rules of the chosen method', async () => {
  const management = { ...RULE, BindType: 'management', BindName: '' };
  const files = {
    'auth-methods.json': [METHOD, { ...METHOD, Name: 'b' }, { ...METHOD, Name: 'people', Type: 'OIDC' }],
    'binding-rule-1.json': RULE,
    'binding-rules.json': [management, { ...RULE, AuthMethod: 'b' }, { ...RULE, AuthMethod: 'c' }],
    'role-1.json': ROLE,
    'role-2.json': { Name: 'emptied', Policies: null },
    'policies.json': 'null',
    'deploy.policy.hcl': 'namespace "default" { policy = "read" }',
  };
  const configuration = JSON.stringify(await read(files, 'own')).replace(
    /,"file":"[^"]*\/(auth-method|binding-rule|role|deploy)[^"]*"/g,
    '',
  );
  expect(JSON.parse(configuration)).toEqual({
    method: METHOD,
    rules: [RULE, management],
    roles: [ROLE, { Name: 'emptied', Policies: [] }],
    policies: [{ Name: 'deploy' }],
    others: [{ method: { ...METHOD, Name: 'b' }, rules: [{ ...RULE, AuthMethod: 'b' }] }],
    untested: [{ ...RULE, AuthMethod: 'c' }],
  });
});

test.each<[what: string, files: Record<string, unknown>, message: string, method?: string]>([
  ['no method of that name', {}, `${CHOICE} own.`, 'b'],
  ['only an OIDC method', { 'auth-method.json': { ...METHOD, Type: 'OIDC' } }, `${CHOICE} none.`],
  ['several methods', { 'auth-method-b.json': { ...METHOD, Name: 'b' } }, `${CHOICE} b, own.`],
  ['a method that is not JSON', { 'auth-method.json': '{' }, 'auth-method.json is not JSON. It begins: {'],
  ['a method of a list', { 'auth-method.json': { Name: 'x', Type: 'JWT' } }, 'auth-method.json has no Config.'],
  ['a method without a Config', { 'auth-method.json': { ...METHOD, Config: null } }, 'auth-method.json has no Config.'],
  ['a folder with the name of a policy', { 'x.hcl/README.md': '' }, 'x.hcl cannot be read (EISDIR).'],
  ['a list of text', { 'auth-method.json': ['text'] }, 'auth-method.json must be an object or a list of objects.'],
  ['a rule without a type', { 'binding-rule.json': { ...RULE, BindType: '' } }, 'binding-rule.json has no BindType.'],
  ['a role without policies', { 'role.json': { Name: 'a' } }, 'role.json has no Policies.'],
  ['a mistyped key', { 'binding-rule.json': { ...RULE, Selecter: '' } }, 'unknown key Selecter.'],
  ['a mistyped Config', { 'auth-method-b.json': { Config: { BoundAudience: [] } } }, 'key BoundAudience.'],
  ['a file with another name', { 'rules.json': RULE }, 'rules.json has an unknown name. Name it auth-method*.json,'],
  ['a hidden rule', { '.binding-rule.json': RULE }, '.binding-rule.json has an unknown name.'],
  ['a policy without a name', { 'policies.json': [{}] }, 'policies.json has no Name.'],
])('a folder is rejected if it has %s', async (_, files, message, ...[methodName]) => {
  await expect(read({ 'auth-method.json': METHOD, ...files }, methodName)).rejects.toThrow(message);
});
