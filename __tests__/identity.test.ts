import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Deadline } from '../src/deadline.js';
import { getIdentity } from '../src/identity.js';
import type { Jwt } from '../src/jwt.js';
import { catchFailure, skipWaits, useProcess } from './support/in-process.js';
import {
  answer,
  createJwt,
  drop,
  hang,
  inTurn,
  issue,
  listenTo,
  logIn,
  REQUEST_TOKEN,
  type Received,
  type Respond,
} from './support/servers.js';

const output = useProcess();
beforeEach(skipWaits);

/** Requests a JWT from an endpoint that responds in this way. */
async function request<T>(
  respond: Respond,
  use: (jwt: Promise<Jwt>, requests: Received[], url: string) => Promise<T>,
  { audience, seconds = 60 }: { audience?: string; seconds?: number } = {},
): Promise<T> {
  const requests: Received[] = [];
  const endpoint = await listenTo(requests, respond);
  process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = `${endpoint.url}/idtoken?api-version=2.0`;
  process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = REQUEST_TOKEN;
  try {
    const inputs = { identityToken: undefined, jwtGithubAudience: audience };
    return await use(getIdentity(inputs, new Deadline(seconds)), requests, endpoint.url);
  } finally {
    await endpoint.close();
  }
}

describe("a request for GitHub's OIDC token", () => {
  test('is one GET with the audience and the bearer token of the job, and both tokens are masked', async () => {
    await request(
      issue({ sub: 'x' }),
      async (jwt, requests) => {
        expect((await jwt).claims).toEqual({ sub: 'x' });
        expect(requests.map(({ call, url, headers }) => [call, url, headers.authorization])).toEqual([
          ['GET /idtoken', '/idtoken?api-version=2.0&audience=a%26b%20c', `Bearer ${REQUEST_TOKEN}`],
        ]);
      },
      { audience: 'a&b c' },
    );
    expect(output.text).toContain(`::add-mask::${REQUEST_TOKEN}\n`);
    expect(output.text).toContain(`::add-mask::${createJwt({ sub: 'x' })}\n`);
  });

  test('has no audience if none is requested', async () => {
    await request(issue(), async (jwt, requests) => {
      await jwt;
      expect(requests[0]?.url).toBe('/idtoken?api-version=2.0');
    });
  });

  test.each<[string, Respond, number]>([
    ['a job that is pending', answer(403, { message: "Can't issue ID_TOKEN for job in 'Pending' state" }), 3],
    ['a job that is delayed', answer(403, { message: "Can't issue ID_TOKEN for job in 'Delayed' state" }), 3],
    ['429', answer(429), 3],
    ['500', answer(500), 3],
    ['503', answer(503), 3],
    ['a close without a response', drop, 3],
  ])('succeeds after two times %s', async (_, fault, attempts) => {
    await request(inTurn(fault, fault, issue()), async (jwt, requests) => {
      await jwt;
      expect(requests).toHaveLength(attempts);
    });
  });

  test.each<[status: number, body: string, reason: string, id: string]>([
    [400, '{"message":"So it\\n::error::is"}', '(400): So it : :error::is', 'github-refused'],
    [401, '{"message":"Bad"}', '(401): Bad', 'github-refused'],
    [403, '{"message":"hunter2-hunter2 is wrong"}', '(403): hunter2-hunter2 is wrong', 'github-refused'],
    [403, '<html>', '(403): <html>', 'github-refused'],
    [418, '', '(418): Failed request: (418)', 'github-refused'],
  ])('is not repeated after status %d with %j', async (status, body, reason, id) => {
    await request(answer(status, body), async (jwt, requests) => {
      const failure = await catchFailure(jwt);
      expect([failure.message, failure.id]).toEqual([`GitHub did not issue an OIDC token ${reason}`, id]);
      expect(requests).toHaveLength(1);
    });
  });

  test.each([
    ...['', 'null', '7', '[]', '{}', '{"value":null}', '{"value":7}', '{"value":["e30.e30.x"]}', '{"value":""}'],
    ...['{"value":"hunter2"}', '{"value":"e30.hunter2.x"}', '{"value":"e30.e30.x\\n::stop-commands::y"}'],
    ...['{"value":"e30.bnVsbA.x"}', '<title>Log in</title>'],
  ])('fails once if the response is %s', async (body) => {
    await request(answer(200, body), async (jwt, requests) => {
      const failure = await catchFailure(jwt);
      expect(failure).toMatchObject({
        message: "GitHub's response does not contain a JWT",
        id: 'github-invalid-response',
      });
      expect(requests).toHaveLength(1);
    });
    expect(output.text.replace(/^::add-mask::.*\n/gm, '')).not.toMatch(/hunter2\.|^::stop/m);
  });

  test('fails at the deadline if GitHub never responds', async () => {
    await request(
      hang,
      async (jwt, requests, url) => {
        const failure = await catchFailure(jwt);
        expect(failure.message).toContain(`GitHub at ${url} did not respond within `);
        expect(failure.id).toBe('github-unreachable');
        expect(requests.length).toBeGreaterThan(1);
      },
      { seconds: 0.3 },
    );
  });

  test('fails at the deadline if GitHub stays unavailable, with its words', async () => {
    await request(
      answer(500, { message: 'Oops' }),
      async (jwt, _, url) => {
        const failure = await catchFailure(jwt);
        expect(failure.message).toMatch(
          /^GitHub did not issue an OIDC token \(500\): Oops \(\d+ attempts in \d\.\d s\)$/,
        );
        expect([failure.id, failure.facts.url]).toEqual(['github-unavailable', url]);
      },
      { seconds: 0.2 },
    );
  });

  test('names the address that refuses connections', async () => {
    process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = 'http://127.0.0.1:1/idtoken?x=hunter3';
    process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = 'bearer';
    const inputs = { identityToken: undefined, jwtGithubAudience: undefined };
    const failure = await catchFailure(getIdentity(inputs, new Deadline(0.05)));
    expect(failure.message).toMatch(
      /^Cannot reach GitHub at http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1/,
    );
    expect(failure.id).toBe('github-unreachable');
  });

  test('is not made through a malformed proxy', async () => {
    process.env['HTTPS_PROXY'] = 'socks5://proxy.example.com';
    process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = 'https://github.example.com/';
    process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = 'bearer';
    const inputs = { identityToken: undefined, jwtGithubAudience: undefined };
    expect(await catchFailure(getIdentity(inputs, new Deadline(60)))).toMatchObject({ id: 'invalid-proxy' });
  });
});

describe('a response that the toolkit cannot handle', () => {
  test.concurrent.each<[string, Respond, RegExp, timeout?: string]>([
    [
      'a message that is no text',
      answer(400, '{"message":{"toString":1}}'),
      /^(GitHub's response does not|GitHub did not)/,
    ],
    ['a value that is no text', answer(200, '{"value":{"toString":1}}'), /^GitHub's response does not contain a JWT$/],
    ['no response', hang, /^GitHub at http:\S+ did not respond within \d\.\d s \(\d attempts? in \d\.\d s\)$/, '1'],
    [
      'a body that is cut off',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"value":"', () => response.socket?.destroy());
      },
      /^GitHub at http:\S+ did not respond within/,
      '1',
    ],
  ])('ends in one annotation: %s', async (_, github, expected, timeout = '60') => {
    const { failure, annotations, githubRequests } = await logIn({ github, inputs: { timeout } });
    expect(failure).toMatch(expected);
    expect(annotations).toHaveLength(1);
    expect(githubRequests.length).toBeGreaterThan(0);
  });
});

describe('a job without a token endpoint', () => {
  const findReason = async (environment: Record<string, string>, event?: unknown): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'event-'));
    const path = join(folder, 'event.json');
    writeFileSync(path, JSON.stringify(event ?? {}));
    Object.assign(process.env, {
      ...{ GITHUB_ACTIONS: 'true', ACT: '', FORGEJO_ACTIONS: '', GITEA_ACTIONS: '', GITHUB_EVENT_PATH: path },
      ...{ ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' },
      ...environment,
    });
    try {
      const inputs = { identityToken: undefined, jwtGithubAudience: undefined };
      return (await catchFailure(getIdentity(inputs, new Deadline(60)))).sign;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const pullRequestOf = (repo: unknown): object => ({ pull_request: { head: { repo } } });

  test.each<[string, Record<string, string>, unknown]>([
    ['missing-permission', {}, {}],
    ['missing-permission', {}, pullRequestOf({ fork: false })],
    ['missing-permission', { GITHUB_EVENT_PATH: '/nowhere' }, {}],
    ['missing-permission', { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://github.example.com' }, {}],
    ['missing-permission', { ACTIONS_ID_TOKEN_REQUEST_URL: 'nonsense', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' }, {}],
    ['fork-pull-request', {}, pullRequestOf({ fork: true })],
    ['fork-pull-request', {}, pullRequestOf(null)],
    ['not-in-actions', { GITHUB_ACTIONS: '' }, {}],
    ['act', { ACT: 'true' }, {}],
    ['gitea', { GITEA_ACTIONS: 'true' }, {}],
    ['forgejo', { FORGEJO_ACTIONS: 'true', GITEA_ACTIONS: 'true' }, {}],
  ])('has the reason %s with %j and the event %j', async (id, environment, event) => {
    expect(await findReason(environment, event)).toBe(`action ${id}`);
  });
});

describe('the input identityToken', () => {
  test("is used instead of GitHub's token, which is not requested", async () => {
    await request(issue(), async (issued, requests) => {
      await issued;
      const identityToken = createJwt({ sub: 'y' });
      const jwt = await getIdentity({ identityToken, jwtGithubAudience: 'ignored' }, new Deadline(60));
      expect([jwt.token, jwt.claims]).toEqual([identityToken, { sub: 'y' }]);
      expect(requests).toHaveLength(1);
    });
  });

  test('is refused if it is not a JWT, and is not repeated', async () => {
    const failure = await catchFailure(
      getIdentity({ identityToken: 'e30.hunter2.x', jwtGithubAudience: undefined }, new Deadline(60)),
    );
    expect([failure.message, failure.id]).toEqual(['Input identityToken is not a JWT', 'malformed-jwt']);
  });
});
