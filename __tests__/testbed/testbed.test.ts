import { expect, test } from '@jest/globals';
import { decodeJwt, type JWTPayload } from 'jose';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { omit, RENEWED } from '../../simulator/identities.js';
import { startIssuer } from '../../testbed/issuer.js';
import { LogView } from '../../testbed/log-view.js';

test('the fake GitHub issuer issues JWTs only to jobs, for the requested audience or the one of the owner', async () => {
  const issuer = await startIssuer();
  const request = async (job: Record<string, string>, query = ''): Promise<JWTPayload | number> => {
    const headers = { authorization: `Bearer ${job['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''}` };
    const response = await fetch(`${job['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''}${query}`, { headers });
    const { value } = (await response.json()) as { value?: string };
    return value === undefined ? response.status : decodeJwt(value);
  };
  const claims = omit(exampleClaims, RENEWED);
  expect(await request(issuer.environment, '&audience=a%26b')).toMatchObject({ ...claims, aud: 'a&b' });
  const other = { ...claims, repository_owner: 'other-org', aud: 'https://github.com/other-org' };
  expect(await request(issuer.startJob({ repository_owner: 'other-org' }))).toMatchObject(other);
  expect(await request({ ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'other' })).toBe(401);
  await issuer.close();
});

test('the log of a step executes commands, masks secrets from then on, and shows debug lines only for step debugging', () => {
  const output = `before hunter2
::add-mask::hunter2
after hunter2
::error title=x::first%0Asecond 100%25 hunter2
::debug::quiet
said ##[error]old form
::group::More
inside
::endgroup::
last
`;
  const start = ['before hunter2', 'after ***', 'Error: first', 'second 100% ***', 'Error: old form'];
  const { text, collapsedText, annotations, masks } = new LogView(output, false);
  expect(text.split('\n')).toEqual([...start, '▾ More', 'inside', 'last']);
  expect(collapsedText.split('\n')).toEqual([...start, '▸ More', 'last']);
  expect(annotations.map(({ level, message }) => [level, message])).toEqual([
    ['error', 'first\nsecond 100% ***'],
    ['error', 'old form'],
  ]);
  expect(masks).toEqual(['hunter2']);
  expect(new LogView(output, true).text).toContain('\n##[debug]quiet\n');
});
