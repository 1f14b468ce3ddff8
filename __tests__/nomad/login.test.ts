import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Failure } from '../../src/failures/failure.js';
import type { Jwt } from '../../src/github/identity.js';
import { logIn, waitUntilUsable } from '../../src/nomad/login.js';
import { parseToken, type NomadToken } from '../../src/nomad/token.js';
import { catchFailure, jwtWith, meetNomad, skipWaits, useProcess, type Meeting } from '../support/in-process.js';
import { answer, drop, hang, inTurn, TOKEN, type Nomad, type Respond } from '../support/servers.js';

const GZIP = { 'content-encoding': 'gzip' };
const denied = answer(403, 'Permission denied\n');
const lost = answer(404, 'ACL token not found');
const busy = answer(503);
const ok = answer(200, TOKEN);
const ROLE = { ...TOKEN, Policies: null, Roles: [{ Name: 'repo-74' }] };

const output = useProcess();
beforeEach(skipWaits);

const login = ({ api, inputs, deadline }: Meeting): Promise<NomadToken> =>
  logIn(api, jwtWith({ sub: 'x' }), inputs.methodName, deadline);
/** Returns the failure of a login, and the calls until then. */
const fail = (nomad: Nomad, timeout = 60): Promise<Failure & { calls: string[] }> => {
  const use = async (meeting: Meeting): Promise<Failure & { calls: string[] }> =>
    Object.assign(await catchFailure(login(meeting)), { calls: meeting.requests.map(({ call }) => call) });
  return meetNomad(nomad, use, { timeout });
};

describe('a login', () => {
  test('is repeated with the same method and JWT while Nomad is busy or closes the connection', async () => {
    await meetNomad({ login: inTurn(busy, drop, ok) }, async (meeting) => {
      expect((await login(meeting)).accessorId).toBe(TOKEN.AccessorID);
      const body = { AuthMethodName: 'github', LoginToken: jwtWith().token };
      expect(meeting.requests.map((request) => JSON.parse(request.body) as unknown)).toEqual([body, body, body]);
    });
  });

  test.each<[string, Respond, id: string, message: RegExp]>([
    ['status 201', answer(201, 'So it is'), 'not-nomad', /^Nomad refused the login \(201\): So it is$/],
    ['status 500', answer(500, 'So it is'), 'nomad-refused', /^Nomad refused the login \(500\): So it is$/],
    ['a web page', answer(200, '<title>Log in</title>'), 'not-nomad', /valid token \(200\): a web page \(Log in\)$/],
    ['gzip', answer(200, '\x1f\x8b', GZIP), 'not-nomad', /valid token \(200\): a body in the encoding gzip$/],
    ['a short token', answer(200, { SecretID: 'hunter2' }), 'not-nomad', /token \(200\): \{"SecretID":"\*{3}"\}$/],
  ])('fails without a retry after %s', async (_, respond, id, expected) => {
    const failure = await fail({ login: respond });
    expect([failure.id, failure.calls]).toEqual([id, ['POST /v1/acl/login']]);
    expect(failure.message).toMatch(expected);
  });
});

describe('the JWT of a login', () => {
  const expired = answer(401, 'invalid expiration time (exp) claim: token is expired');
  const renewed = { ...jwtWith(), token: 'again' };

  test.each<[string, Respond, dueMs: number, sent: string[]]>([
    ['is sent as it is', ok, Infinity, ['first']],
    ['is renewed before an attempt if it is due', inTurn(busy, ok), 0, ['again', 'again']],
    ['is renewed after Nomad says that it has expired', inTurn(expired, ok), Infinity, ['first', 'again']],
    ['is renewed only once for that', expired, Infinity, ['first', 'again']],
  ])('%s', async (_, login, dueMs, sent) => {
    const request = (): Promise<Jwt> => Promise.resolve({ ...renewed, renewal: { dueMs: Infinity, request } });
    const first = { ...jwtWith(), token: 'first', renewal: { dueMs, request } };
    await meetNomad({ login }, async ({ api, requests, deadline }) => {
      await logIn(api, first, 'github', deadline).catch(() => undefined);
      expect(requests.map(({ body }) => (JSON.parse(body) as { LoginToken: string }).LoginToken)).toEqual(sent);
    });
  });

  test('is not renewed if it was supplied', async () =>
    expect((await fail({ login: expired })).calls).toEqual(['POST /v1/acl/login']));
});

describe('a new token', () => {
  /** Responds to both requests when the second has arrived. */
  const atOnce = (self: object, policies: object): Nomad => {
    const waiting: (() => void)[] = [];
    const wait =
      (body: object): Respond =>
      (...call) => {
        waiting.push(() => answer(200, body)(...call));
        waiting.splice(0, waiting.length > 1 ? 2 : 0).forEach((respond) => respond());
      };
    return { self: wait(self), policies: wait(policies) };
  };
  const use = (nomad: Nomad, body: object, timeout = 60): Promise<[string[], number]> => {
    const wait = async ({ api, requests, deadline }: Meeting): Promise<[string[], number]> => {
      const policies = await waitUntilUsable(api, parseToken(JSON.stringify(body)), deadline);
      expect(requests.every(({ headers }) => headers['x-nomad-token'] === TOKEN.SecretID)).toBe(true);
      return [policies, requests.length];
    };
    return meetNomad(nomad, wait, { timeout });
  };

  test.each<[string, Nomad, object, string[], number]>([
    ['has its own policies, after one request', {}, TOKEN, ['deploy'], 1],
    ['of type management has none', {}, { ...ROLE, Type: 'management' }, [], 1],
    ['has the policies of its roles, asked for at once', atOnce(TOKEN, [{ Name: 'a' }]), ROLE, ['a'], 2],
    ['is asked for until Nomad knows it', { self: inTurn(denied, drop, busy, ok) }, TOKEN, ['deploy'], 4],
    ['has policies that are asked for twice', { policies: inTurn(lost, answer(200, [{ Name: 'a' }])) }, ROLE, ['a'], 3],
    ['has unknown policies if a login page answers', { policies: answer(200, '<html>') }, ROLE, [], 3],
  ])('%s', async (_, nomad, body, policies, requests) => {
    expect(await use(nomad, body)).toEqual([policies, requests]);
    expect(output.text).not.toContain('::warning::');
  });

  test.each<[string, Nomad, object, string, seconds?: number]>([
    ['until the deadline if Nomad refuses it', { self: denied }, TOKEN, 'answered (403): Permission denied', 0.1],
    ['until the deadline if Nomad does not respond', { self: hang }, TOKEN, 'no response within 0.5 s', 0.1],
    ['once if a gateway refuses it', { self: answer(403, 'Permission denied to a') }, TOKEN, 'denied to a'],
    ['once after a login page', { self: answer(200, '<html>') }, ROLE, 'self was answered (200): a web page'],
    ['once if another token arrives', { self: answer(200, { AccessorID: 'anonymous' }) }, ROLE, 'the token anonymous'],
  ])('causes a warning and is asked for %s', async (name, nomad, body, said, seconds = 60) => {
    const [, requests] = await use(nomad, body, seconds);
    expect(requests).toBeLessThan(name.startsWith('once') ? 3 : 10);
    expect(output.text).toMatch(/^::warning::Nomad has created the token, but .*: .*X-Nomad-Token unchanged\.$/m);
    expect(output.text).toContain(said);
  });

  test('is asked for during 10 seconds, however long the timeout is', async () => {
    let clockMs = 0;
    const clock = jest.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(clockMs) * 1_000_000n);
    const self: Respond = (...call) => {
      clockMs += 2_000;
      denied(...call);
    };
    expect((await use({ self }, TOKEN, 3_600))[1]).toBe(5);
    clock.mockRestore();
  });
});
