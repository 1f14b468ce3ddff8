import { describe, expect, test } from '@jest/globals';
import { parseJwt } from '../../src/github/identity.js';

describe('a JWT', () => {
  const encode = (value: string): string => Buffer.from(value).toString('base64url');

  test('is decoded', () => {
    const token = `${encode('{"alg":"none"}')}.${encode('{"sub":"ü"}')}.`;
    expect(parseJwt(token)).toEqual({ token, header: { alg: 'none' }, claims: { sub: 'ü' } });
  });

  test.each([
    ...['e30.e30', 'e30.e30.x.y', 'e30.hunter2.x', 'hunter2.e30.x', 'e30. e30.x', 'e30.e30.!', 'e30.e30.x\n'],
    ...['[]', 'null', '7'].map((claims) => `e30.${encode(claims)}.x`),
  ])('is not %j', (token) => expect(parseJwt(token)).toBeUndefined());
});
