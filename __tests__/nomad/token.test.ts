import { describe, expect, test } from '@jest/globals';
import { parseToken } from '../../src/nomad/token.js';
import { useProcess } from '../support/in-process.js';
import { TOKEN } from '../support/servers.js';

const output = useProcess();

describe('a token', () => {
  test('is read and masked', () => {
    const expirationTime = '2030-01-01T02:00:00.123456789+02:00';
    const body = { ...TOKEN, Roles: [{ ID: 'x', Name: 'repo-74' }], ExpirationTime: expirationTime };
    expect(parseToken(JSON.stringify(body))).toEqual({
      secretId: TOKEN.SecretID,
      accessorId: TOKEN.AccessorID,
      type: 'client',
      policies: ['deploy'],
      roles: ['repo-74'],
      expirationTime,
    });
    expect(output.text).toBe(`::add-mask::${TOKEN.SecretID}\n`);
  });

  test('has empty lists and no expiration where Nomad sends null', () => {
    const body = { ...TOKEN, Type: 'management', Policies: null, Roles: null, ExpirationTime: null };
    expect(parseToken(JSON.stringify(body))).toMatchObject({ policies: [], roles: [], expirationTime: '' });
  });

  test.each<[string, string | object]>([
    ['a web page', '<!doctype html><title>Sign in</title>'],
    ['truncated JSON', JSON.stringify(TOKEN).slice(0, -20)],
    ['a SecretID with more around it', { SecretID: `${TOKEN.SecretID}\n` }],
    ['no AccessorID', { AccessorID: undefined }],
    ['two types', { Type: 'client\nmanagement' }],
    ['policies that are not a list', { Policies: 'deploy' }],
    ['a policy that is a command', { Policies: ['a\n::warning::b'] }],
    ['a policy whose name is too long', { Policies: ['x'.repeat(129)] }],
    ['roles without names', { Roles: [{ ID: 'x' }] }],
    ['an expiration with more after it', { ExpirationTime: '2030-01-01T00:00:00Z ##[x]' }],
    ['an expiration without a zone', { ExpirationTime: '2030-01-01T00:00:00' }],
  ])('is not read from %s', (_, body) =>
    expect(() => parseToken(typeof body === 'string' ? body : JSON.stringify({ ...TOKEN, ...body }))).toThrow(),
  );
});
