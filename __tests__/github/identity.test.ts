import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { makeSamples } from '../../scripts/samples.js';
import { Deadline } from '../../src/time.js';
import type { KindId } from '../../src/failures/catalogue.js';
import { getJwt, parseJwt, type Jwt } from '../../src/github/identity.js';
import { parseToolkitError } from '../../src/github/toolkit-error.js';
import { catchFailure, skipWaits, useProcess } from '../support/in-process.js';
import { answer, createJwt, drop, hang, inTurn, issue, listenTo, logIn, REQUEST_TOKEN } from '../support/servers.js';
import { TOKEN, type Received, type Respond } from '../support/servers.js';

const output = useProcess();
beforeEach(skipWaits);

/** Requests a JWT in a job with this environment. */
function requestIn(environment: Record<string, string>, seconds = 60, audience?: string): Promise<Jwt> {
  Object.assign(process.env, { ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN, ...environment });
  return getJwt({ identityToken: undefined, jwtGithubAudience: audience }, new Deadline(seconds));
}

/** Requests a JWT from an endpoint that responds in this way. */
async function request(
  respond: Respond,
  seconds?: number,
  audience?: string,
): Promise<{ jwt: Promise<Jwt>; requests: Received[]; url: string }> {
  const requests: Received[] = [];
  const endpoint = await listenTo(requests, respond);
  const { url } = endpoint;
  const jwt = requestIn({ ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/idtoken?api-version=2.0` }, seconds, audience);
  await Promise.allSettled([jwt]);
  await endpoint.close();
  return { jwt, requests, url };
}

describe("a request for GitHub's OIDC token", () => {
  test('is one GET with the audience and the bearer token of the job, and both tokens are masked', async () => {
    const { jwt, requests } = await request(issue({ sub: 'x' }), 60, 'a&b c');
    expect((await jwt).claims).toEqual({ sub: 'x' });
    expect(requests.map(({ call, url, headers }) => [call, url, headers.authorization])).toEqual([
      ['GET /idtoken', '/idtoken?api-version=2.0&audience=a%26b%20c', `Bearer ${REQUEST_TOKEN}`],
    ]);
    expect(output.text).toContain(`::add-mask::${REQUEST_TOKEN}\n`);
    expect(output.text).toContain(`::add-mask::${createJwt({ sub: 'x' })}\n`);
  });

  test('is due again after four fifths of the lifetime, and then gets and masks another', async () => {
    const clock = jest.spyOn(process.hrtime, 'bigint').mockReturnValue(7_000_000_000n);
    const { jwt } = await request(issue({ iat: 1_000, exp: 1_300 }));
    const { renewal } = await jwt;
    expect(renewal?.dueMs).toBe(247_000);
    const again = await listenTo([], issue({ sub: 'again' }));
    process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = again.url;
    expect((await renewal?.request(1_000))?.claims).toEqual({ sub: 'again' });
    clock.mockRestore();
    await again.close();
    expect(output.text).toContain(`::add-mask::${createJwt({ sub: 'again' })}\n`);
  });

  test('without an audience is repeated while the job is pending, GitHub is overloaded, or the connection is closed', async () => {
    const pending = answer(403, { message: "Can't issue ID_TOKEN for job in 'Pending' state" });
    const { jwt, requests } = await request(inTurn(pending, answer(500), answer(503), drop, issue()));
    await jwt;
    expect(requests.map(({ url }) => url)).toEqual(Array(5).fill('/idtoken?api-version=2.0'));
  });

  test.each([
    [400, '{"message":"So it\\n::error::is"}', 'So it : :error::is'],
    [403, '<html>', '<html>'],
    [418, '', 'Failed request: (418)'],
  ])('is not repeated after status %d with %j', async (status, body, reason) => {
    const { jwt, requests } = await request(answer(status, body));
    const message = `GitHub did not issue an OIDC token (${String(status)}): ${reason}`;
    expect(await catchFailure(jwt)).toMatchObject({ id: 'github-refused', message });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ...['', 'null', '7', '{}', '{"value":7}', '{"value":["e30.e30.x"]}', '{"value":""}', '<title>Log in</title>'],
    ...['{"value":"e30.hunter2.x"}', '{"value":"e30.e30.x\\n::stop-commands::y"}'],
  ])('fails once if the response is %s', async (body) => {
    const { jwt, requests } = await request(answer(200, body));
    const { id, message } = await catchFailure(jwt);
    expect([id, message]).toEqual(['github-refused', "GitHub's response does not contain a JWT"]);
    expect(requests).toHaveLength(1);
    expect(output.text.replace(/^::add-mask::.*\n/gm, '')).not.toMatch(/hunter2\.|^::stop/m);
  });

  test('fails at the deadline if GitHub stays unavailable, with its words', async () => {
    const { jwt, url } = await request(answer(500, { message: 'Oops' }), 0.2);
    const { message, facts } = await catchFailure(jwt);
    expect(message).toMatch(/^GitHub did not issue an OIDC token \(500\): Oops \(\d+ attempts in \d\.\d s\)$/);
    expect(facts.url).toBe(url);
  });
});

const TUNNEL = 'tunneling socket could not be established, cause=';
test.each<[string, KindId, string, string, string?]>([
  ['connect ECONNREFUSED 127.0.0.1:1', 'github-unavailable', 'ECONNREFUSED', 'nothing'],
  ['getaddrinfo ENOTFOUND ssl.certificate.invalid', 'unknown-host', 'ENOTFOUND', 'nothing'],
  ['getaddrinfo EAI_AGAIN a', 'unknown-host', 'EAI_AGAIN', 'nothing'],
  ['read ECONNRESET', 'github-unavailable', 'ECONNRESET', 'TCP'],
  ['socket hang up', 'github-unavailable', 'unknown error', 'TCP'],
  ['Parse Error: Expected HTTP/', 'github-refused', 'HPE_INVALID', 'TCP'],
  ['Unexpected token < in JSON at position 0', 'github-refused', 'HPE_INVALID', 'TCP'],
  ["Hostname/IP does not match certificate's altnames: x", 'runner-trust-store', 'EPROTO', 'TCP'],
  ['write EPROTO C0:error:0A00010B:SSL routines:x:wrong version number:y', 'runner-trust-store', 'EPROTO', 'TCP'],
  ['C0:error:0A000438:SSL routines:x:tlsv1 alert internal error:y', 'runner-trust-store', 'EPROTO', 'TCP'],
  ['unable to get local issuer certificate', 'runner-trust-store', 'EPROTO', 'TCP'],
  ['something new', 'github-unavailable', 'unknown error', 'TCP'],
  [`${TUNNEL}connect ECONNREFUSED ::1:9`, 'proxy-unreachable', 'ECONNREFUSED', 'nothing', 'proxy'],
  [`${TUNNEL}getaddrinfo ENOTFOUND tls`, 'proxy-unreachable', 'ENOTFOUND', 'nothing', 'proxy'],
])('the text %j of the toolkit means %s', (text, id, code, reached, to = 'github') => {
  const error = new Error(`Error Code : undefined\n \n        Error Message: ${text}`);
  const failure = parseToolkitError(error, { url: 'https://github.example.com', proxy: undefined });
  expect([failure.id, failure.event]).toEqual([id, { to, code, reached }]);
});

const cut: Respond = (_, response) => {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('{"value":"', () => response.socket?.destroy());
};

describe('a response that the toolkit cannot handle', () => {
  test.concurrent.each<[string, Respond, string, RegExp]>([
    ['a message that is no text', answer(400, '{"message":{"toString":1}}'), '60', /^Cannot convert object to prim/],
    ['a value that is no text', answer(200, '{"value":{"toString":1}}'), '60', /^GitHub's response does not contain/],
    ['no response', hang, '1', /^Cannot reach GitHub at .*: no response within .* s \(\d attempts? in \d\.\d s\)$/],
    ['a body that is cut off', cut, '1', /^Cannot reach GitHub at http:\S+: no response within/],
  ])('ends in one annotation: %s', async (_, github, timeout, expected) => {
    const { failure, annotations, githubRequests } = await logIn({ github, inputs: { timeout } });
    expect(failure).toMatch(expected);
    expect(annotations).toHaveLength(1);
    expect(githubRequests.length).toBeGreaterThan(0);
  });

  test.concurrent('does not change a success', async () => {
    let late = (): void => undefined;
    const slow: Respond = (...args) => (late = () => answer(400, '{"message":{"toString":1}}')(...args));
    const self: Respond = (...args) => {
      setTimeout(late, 100);
      answer(200, TOKEN)(...args);
    };
    const scenario = { github: inTurn(slow, issue()), nomad: { self }, inputs: { timeout: '3' } };
    expect(await logIn(scenario)).toMatchObject({ exitCode: 0, annotations: [] });
  });
});

test.each<[KindId, Record<string, string>]>([
  ['missing-permission', {}],
  ['missing-permission', { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://github.example.com' }],
  ['missing-permission', { ACTIONS_ID_TOKEN_REQUEST_URL: 'nonsense', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' }],
  ['no-token-endpoint', { GITHUB_ACTIONS: '' }],
  ['no-token-endpoint', { ACT: 'true' }],
  ['no-token-endpoint', { FORGEJO_ACTIONS: 'true' }],
  ['no-token-endpoint', { GITEA_ACTIONS: 'true' }],
])('a job without a token endpoint fails as documented for %s with %j', async (id, environment) => {
  const names = ['ACT', 'FORGEJO_ACTIONS', 'GITEA_ACTIONS', 'ACTIONS_ID_TOKEN_REQUEST_URL'];
  const usual = Object.fromEntries([...names, 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'].map((name) => [name, '']));
  const failure = await catchFailure(requestIn({ ...usual, GITHUB_ACTIONS: 'true', ...environment }));
  expect([failure.id, failure.message]).toEqual([id, makeSamples()[id][0]?.message]);
});

describe('the input identityToken', () => {
  const read = (identityToken: string): Promise<Jwt> =>
    getJwt({ identityToken, jwtGithubAudience: 'ignored' }, new Deadline(60));

  test("is used instead of GitHub's token, which is not requested", async () =>
    expect(await read(createJwt())).toHaveProperty('token', createJwt()));

  test('is refused if it is not a JWT, and is not repeated', async () => {
    const message = 'Input identityToken is not a JWT';
    expect(await catchFailure(read('e30.hunter2.x'))).toMatchObject({ id: 'malformed-jwt', message });
  });
});

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
