import { beforeEach, describe, expect, test } from '@jest/globals';
import { revokeToken } from '../../src/nomad/revoke.js';
import { meetNomad, skipWaits, useProcess, type Meeting } from '../support/in-process.js';
import { answer, hang, inTurn, TOKEN, type Respond } from '../support/servers.js';

const output = useProcess();
beforeEach(skipWaits);

describe('a revocation', () => {
  /** Returns the log without debug lines and masks. */
  const revoke = (revoke: Respond, self = answer(200, TOKEN), timeout = 60): Promise<string> => {
    const use = async ({ inputs: { connection } }: Meeting): Promise<string> => {
      await revokeToken(TOKEN.AccessorID, TOKEN.SecretID, connection);
      return output.text.replace(/^::(debug|add-mask)::.*\n/gm, '').trim();
    };
    return meetNomad({ revoke, self }, use, { timeout });
  };

  test.each<[string, Respond]>([
    ['since 1.10', answer(403, 'Permission denied\n')],
    ['up to 1.8', answer(404, 'ACL token not found')],
    ['of a follower', answer(403, 'rpc error: Permission denied')],
    ['since 1.11', answer(500, 'ACL token expired')],
  ])('is not needed after these words of Nomad %s', async (_, gone) =>
    expect(await revoke(gone, gone)).toBe(
      `The management token ${TOKEN.AccessorID} had already expired or been revoked.`,
    ),
  );

  test('is retried if the server is busy', async () => {
    expect(await revoke(inTurn(answer(503), answer(200)))).toMatch(/\nThe management token \S+ is revoked\.$/);
  });

  test.each<[string, Respond, RegExp, timeout?: number]>([
    ['refuses it', answer(403, 'Forbidden'), /Nomad refused to revoke the token \(403\): Forbidden\./],
    ['only quotes Nomad', answer(403, '<title>Permission denied</title>'), /\(403\): a web page \(Permission denied\)/],
    ['responds with a web page', answer(200, '<title>Log in</title>'), /\(200\): a web page \(Log in\)/],
    ['knows the token in other requests', answer(403, 'Permission denied'), /\(403\): Permission denied\./],
    ['is busy for 5 seconds', answer(503, '', { 'retry-after': '5' }), /\(1 attempt in .* a wait of 5\.0 s\)\./],
    ['never responds', hang, /no response within 0\.1 s/, 0.3],
  ])('causes one warning if the server %s', async (_, respond, reason, timeout = 60) => {
    const log = await revoke(respond, undefined, timeout);
    const warnings = log.split('\n').filter((line) => line.startsWith('::'));
    expect(warnings).toEqual([
      expect.stringMatching(/^::warning::The management token \S+ could not be revoked and stays/),
    ]);
    expect(log).toMatch(reason);
  });
});
