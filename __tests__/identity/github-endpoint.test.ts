import type { RequestListener } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAuthority, createServerCertificate, type Certificate } from '../../testbed/certificates.js';
import { startProxy } from '../../testbed/forward-proxy.js';
import { listen } from '../../testbed/server.js';
import { createJwt, logInThrough, REQUEST_TOKEN } from '../support/github-endpoint.js';
import { whatFailed } from '../support/what-failed.js';

const issue: RequestListener = (_, response) => response.end(JSON.stringify({ value: createJwt({}) }));
const answer =
  (status: number, body = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

/** Returns a listener that uses the given listeners in order, and the last one for all further requests. */
function inOrder(...listeners: RequestListener[]): RequestListener {
  let next = 0;
  return (request, response) => {
    listeners[Math.min(next++, listeners.length - 1)]?.(request, response);
  };
}

describe("a request for GitHub's OIDC token", () => {
  test('is one GET with the audience and the bearer token of the job', async () => {
    const { result, requests } = await logInThrough(issue, { inputs: { jwtGithubAudience: 'a&b c' } });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(requests).toEqual([`GET /idtoken?api-version=2.0&audience=a%26b%20c Bearer ${REQUEST_TOKEN}`]);
  });

  test('has the audience as its only parameter if the address has no query', async () => {
    const urls: (string | undefined)[] = [];
    const endpoint = await listen((request, response) => {
      urls.push(request.url);
      issue(request, response);
    });
    const { result } = await logInThrough(issue, {
      inputs: { jwtGithubAudience: 'octo-org' },
      env: { ACTIONS_ID_TOKEN_REQUEST_URL: `${endpoint.url}/idtoken` },
    });
    await endpoint.close();
    expect(result.exitCode).toBe(0);
    expect(urls).toEqual(['/idtoken?audience=octo-org']);
  });

  test.each(['Pending', 'Delayed'])('succeeds after the job has been %s, with one log line per wait', async (state) => {
    const refuse = answer(403, JSON.stringify({ message: `Can't issue ID_TOKEN for job in '${state}' state` }));
    const { result, requests } = await logInThrough(inOrder(refuse, refuse, issue));
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(requests).toHaveLength(3);
    expect(result.log.match(/job in '\w+' state\. Retrying in/g)).toHaveLength(2);
  });

  test.each([502, 503, 504])('is repeated after %d, with one log line per wait', async (status) => {
    const { result, requests } = await logInThrough(inOrder(answer(status), answer(status), issue));
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(requests).toHaveLength(3);
    expect(result.log.match(/Retrying in/g)).toHaveLength(2);
  });

  test('fails at the deadline if GitHub stays unavailable', async () => {
    const { result } = await logInThrough(answer(503), { inputs: { timeout: '2' } });
    expect(whatFailed(result)).toMatch(
      /^GitHub did not issue an OIDC token \(503\): an empty response \(\d+ attempts? in [0-2]\.\d s\)$/,
    );
  });
});

describe('a redirect of the token endpoint', () => {
  test.each([301, 302, 303, 307, 308])('is not followed: %d', async (status) => {
    let strangers = 0;
    const stranger = await listen((request, response) => {
      strangers += 1;
      issue(request, response);
    });
    const { result, requests } = await logInThrough(answer(status, '', { location: `${stranger.url}/?x=hunter3` }));
    await stranger.close();
    expect(strangers).toBe(0);
    expect(requests).toHaveLength(1);
    expect(whatFailed(result)).toBe(
      `GitHub did not issue an OIDC token (${String(status)}): a redirect to ${stranger.url}`,
    );
    expect(result.printed).not.toMatch(/hunter[23]/);
  });
});

describe('a token endpoint that does not send a JWT', () => {
  test.each([
    '',
    'null',
    '7',
    '"text"',
    '[]',
    '{}',
    '{"value":null}',
    '{"value":7}',
    '{"value":true}',
    '{"value":{"toString":1}}',
    '{"value":["e30.e30.x"]}',
    '{"value":""}',
    '{"value":"hunter2"}',
    '{"value":"e30.hunter2.x"}',
    '{"value":"e30.e30.x\\n::stop-commands::y"}',
    '{"value":"e30.bnVsbA.x"}',
    '{"value":"e30.W10.x"}',
    '<title>Log in</title>',
  ])('causes one error: %s', async (body) => {
    const { result, requests } = await logInThrough(answer(200, body));
    expect(whatFailed(result)).toBe("GitHub's response does not contain a JWT");
    expect(requests).toHaveLength(1);
    expect(result.printed).not.toMatch(/hunter2|stop-commands/);
  });
});

describe('a token endpoint whose response never ends', () => {
  const sendEndlessly: RequestListener = (_, response) => {
    const chunk = Buffer.alloc(65_536, ' ');
    const send = (): void => {
      while (!response.destroyed && response.write(chunk)) {
        sent += chunk.length;
      }
    };
    response.on('drain', send);
    send();
  };
  let sent = 0;

  test('is cut off after 1 MiB', async () => {
    sent = 0;
    const { result } = await logInThrough(sendEndlessly, { inputs: { timeout: '4' } });
    expect(whatFailed(result)).toMatch(/^GitHub at .* sent a response of more than 1 MiB$/);
    // The connection buffers more than the action reads.
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  test('is aborted at the deadline if it never responds', async () => {
    let closed = 0;
    const { result } = await logInThrough(
      (request) => {
        request.socket.once('close', () => (closed += 1));
      },
      { inputs: { timeout: '1' } },
    );
    expect(whatFailed(result)).toMatch(/^GitHub at .* did not respond within \d\.\d s \(\d attempts? in [01]\.\d s\)$/);
    expect(closed).toBeGreaterThan(0);
  });

  test('is aborted at the deadline if its response drips', async () => {
    const drip: RequestListener = (_, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    const { result } = await logInThrough(drip, { inputs: { timeout: '1' } });
    expect(whatFailed(result)).toMatch(/^GitHub at .* did not respond within/);
  });
});

describe('a token endpoint with a certificate of a private CA', () => {
  let authority: Certificate;
  let server: Certificate;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    authority = await createAuthority();
    server = await createServerCertificate(authority, ['127.0.0.1']);
    folder = await mkdtemp(join(tmpdir(), 'ca-'));
    file = join(folder, 'ca.pem');
    await writeFile(file, authority.cert);
  });

  afterAll(() => rm(folder, { recursive: true }));

  test('causes the advice to set NODE_EXTRA_CA_CERTS, without a retry', async () => {
    const { result, requests } = await logInThrough(issue, { tls: server });
    expect(whatFailed(result)).toMatch(/^Cannot reach GitHub at https:.*: unable to verify the first certificate$/);
    expect(result.annotations.at(-1)?.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(result.annotations.at(-1)?.message).not.toContain('githubstatus');
    expect(result.log).not.toContain('Retrying');
    expect(requests).toEqual([]);
  });

  test('is trusted if NODE_EXTRA_CA_CERTS contains the CA', async () => {
    const { result } = await logInThrough(issue, { tls: server, env: { NODE_EXTRA_CA_CERTS: file } });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test('is not trusted because of the input caCertificate, which is for Nomad', async () => {
    const { result, requests } = await logInThrough(issue, { tls: server, inputs: { caCertificate: authority.cert } });
    expect(whatFailed(result)).toMatch(/^Cannot reach GitHub at https:/);
    expect(requests).toEqual([]);
  });

  test('is not trusted because of the input tlsSkipVerify, which is for Nomad', async () => {
    const { result, requests } = await logInThrough(issue, { tls: server, inputs: { tlsSkipVerify: 'true' } });
    expect(whatFailed(result)).toMatch(/^Cannot reach GitHub at https:/);
    expect(requests).toEqual([]);
  });
});

describe('a proxy for the token endpoint', () => {
  test('receives the request', async () => {
    const proxy = await startProxy();
    const options = { host: 'github.example.com', env: { HTTP_PROXY: proxy.url } };
    const { result } = await logInThrough(issue, options);
    await proxy.close();
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(proxy.requests.map((request) => request.replace(/:\d+/, ''))).toEqual([
      'GET http://github.example.com/idtoken?api-version=2.0',
    ]);
  });

  test('causes one error if it is not an HTTP proxy', async () => {
    const { result, requests } = await logInThrough(issue, {
      host: 'github.example.com',
      env: { HTTP_PROXY: 'socks5://127.0.0.1:1080' },
    });
    expect(whatFailed(result)).toBe('The environment variable HTTP_PROXY is not the address of an HTTP proxy');
    expect(requests).toEqual([]);
  });
});
