import { expect, test } from '@jest/globals';
import { startIssuer } from '../../testbed/issuer.js';
import { LogView } from '../../testbed/log-view.js';

test('the fake GitHub issuer issues JWTs only to its own jobs', async () => {
  const issuer = await startIssuer();
  const headers = { authorization: 'Bearer another' };
  const response = await fetch(issuer.environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '', { headers });
  expect(response.status).toBe(401);
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
