import { beforeAll, describe, expect, test } from '@jest/globals';
import type { RequestListener } from 'node:http';
import packageJson from '../../package.json' with { type: 'json' };
import type { StageResult } from '../../testbed/runner.js';
import { listen, readBody } from '../../testbed/server.js';
import type { SeenRequest } from '../../testbed/fake-nomad/fake-nomad.js';
import { CANNED_TOKEN as TOKEN } from '../support/canned-token.js';
import { useFixture } from '../support/fixture.js';
import { whatFailed } from '../support/what-failed.js';

const fixture = useFixture();
let identityToken: string;

beforeAll(async () => {
  identityToken = await fixture.issuer.issue();
});

const logIn = (inputs: Record<string, string> = {}): Promise<StageResult> =>
  fixture.logIn({ identityToken, ...inputs });

async function logInTo(onRequest: RequestListener, inputs: Record<string, string> = {}): Promise<StageResult> {
  const server = await listen(onRequest);
  try {
    return await logIn({ url: server.url, ...inputs });
  } finally {
    await server.close();
  }
}

const findLogin = (): SeenRequest | undefined => fixture.nomad.requests.findLast(({ method }) => method === 'POST');

describe('the request', () => {
  test('carries the extra headers, the version, and the region', async () => {
    const result = await logIn({
      region: 'global',
      extraHeaders: 'X-Team: platform\nCF-Access-Client-Secret: s3cr3t-value',
    });
    expect(result.exitCode).toBe(0);
    expect(findLogin()).toMatchObject({
      method: 'POST',
      url: '/v1/acl/login?region=global',
      headers: {
        'x-team': 'platform',
        'cf-access-client-secret': 's3cr3t-value',
        'content-type': 'application/json',
        'user-agent': `nomad-jwt-auth/${packageJson.version}`,
      },
    });
  });

  test('has the User-Agent of extraHeaders if they contain one', async () => {
    await logIn({ extraHeaders: 'User-Agent: octo-ci/1' });
    expect(findLogin()?.headers['user-agent']).toBe('octo-ci/1');
  });

  test('encodes special characters of the region', async () => {
    await logIn({ region: 'a&b=c/ü' });
    expect(findLogin()?.url).toBe(`/v1/acl/login?region=${encodeURIComponent('a&b=c/ü')}`);
  });

  test('goes below the base path of the url', async () => {
    const paths: (string | undefined)[] = [];
    const server = await listen((request, response) => {
      paths.push(request.url);
      response.end(JSON.stringify(TOKEN));
    });
    const result = await logIn({ url: `${server.url}/base/path/` });
    await server.close();
    expect(result.exitCode).toBe(0);
    expect(paths).toEqual(['/base/path/v1/acl/login', '/base/path/v1/acl/token/self']);
  });
});

describe('a refusal', () => {
  test('causes one error with the status and the message of Nomad', async () => {
    const result = await logIn({ methodName: 'gihub' });
    expect(whatFailed(result)).toBe('Nomad refused the login (400): auth-method "gihub" not found');
  });

  test('causes an error that says that the response is empty', async () => {
    const result = await logInTo((_, response) => response.writeHead(404).end());
    expect(whatFailed(result)).toBe('Nomad refused the login (404): an empty response');
  });

  test('is truncated to 500 characters on one line', async () => {
    const result = await logInTo((_, response) => response.writeHead(500).end('a\n\tb\u001b[31m'.repeat(1000)));
    const message = whatFailed(result);
    expect(message).toHaveLength('Nomad refused the login (500): '.length + 501);
    expect(message).not.toMatch(/\p{Cc}/u);
  });

  test('never contains secrets of the request, even if the server echoes it', async () => {
    const result = await logInTo(
      (request, response) => {
        void readBody(request).then((body) => {
          response.writeHead(400).end(JSON.stringify([body, request.headers]));
        });
      },
      { extraHeaders: 'X-Api-Key: hunter2-hunter2' },
    );
    const message = whatFailed(result);
    expect(message).toContain('github');
    expect(result.printed).not.toMatch(/eyJ|hunter2/);
  });
});

describe('the text of a response', () => {
  test('is never executed as a workflow command, wherever it is quoted', async () => {
    const text = 'busy ##[set-output name=nomadToken]x\n::error::y\u2028\u202e::warning::z';
    const result = await logInTo((_, response) => response.writeHead(503).end(text), { timeout: '1' });
    expect(result.log.split('\n').length).toBeGreaterThan(1);
    expect(result.annotations).toHaveLength(1);
    expect(result.raw).not.toMatch(/##\[|\n::warning|\u2028|\u202e/);
  });
});

describe('a long response', () => {
  const SECRET = 'hunter2-hunter2-hunter2-hunter2-1234';

  test.each([0, 5, 20, 35])(
    'does not show a secret that its limit of 4 KiB cuts after %d characters',
    async (length) => {
      const body = `${' '.repeat(4096 - length)}${SECRET} and more`;
      const result = await logInTo((_, response) => response.writeHead(400).end(body), {
        extraHeaders: `X-Api-Key: ${SECRET}`,
      });
      expect(whatFailed(result)).toMatch(/^Nomad refused the login \(400\)/);
      expect(result.printed).not.toContain('hunter');
    },
  );

  test('does not show the beginning of a secret that a quotation mark in it would split', async () => {
    const secret = 'hunter2-hunter2"octocat';
    const body = `computed "role" bind name for bind target is invalid: "${secret}"`;
    const result = await logInTo((_, response) => response.writeHead(500).end(body), {
      extraHeaders: `X-Api-Key: ${secret}`,
    });
    expect(whatFailed(result)).toContain('bind name');
    expect(result.printed).not.toContain('hunter');
  });
});

describe('the names in a token', () => {
  test('do not reveal a secret in another encoding', async () => {
    const secret = 'hunter2-hunter2';
    const name = Buffer.from(secret).toString('base64').replace(/=+$/, '');
    const body = JSON.stringify({ ...TOKEN, Policies: [name, 'deploy'] });
    const result = await logInTo((_, response) => response.end(body), { extraHeaders: `X-Api-Key: ${secret}` });
    expect(result.exitCode).toBe(0);
    expect(result.log).toContain('policies: ***, deploy;');
    expect(result.outputs['policies']).toBe(JSON.stringify([name, 'deploy']));
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    'with status %d is not followed, and the error names the origin',
    async (status) => {
      const followed: string[] = [];
      const target = await listen((request, response) => {
        followed.push(request.url ?? '');
        response.end(JSON.stringify(TOKEN));
      });
      const location = `${target.url}/v1/acl/login?secret=hunter2`;
      const message = whatFailed(await logInTo((_, response) => response.writeHead(status, { location }).end()));
      await target.close();
      expect(followed).toEqual([]);
      expect(message).toContain(`(${String(status)}): a redirect to ${target.url}`);
      expect(message).not.toContain('hunter2');
    },
  );

  test.each([
    [{ location: '/ui/login?next=hunter2' }, '(307): a redirect to /ui/login'],
    [{ location: `/${'x'.repeat(3000)}` }, '(307): a redirect to /xxx'],
    [{ location: 'http://[' }, '(307): a redirect'],
    [{}, '(307): a redirect'],
  ])('to %j is described without secrets', async (headers, expected) => {
    const message = whatFailed(await logInTo((_, response) => response.writeHead(307, headers).end()));
    expect(message).toContain(expected);
    expect(message).not.toContain('hunter2');
    expect(message.length).toBeLessThan(1000);
  });
});

describe('a response that is not a token', () => {
  test.each([
    ['a web page', '<!doctype html><title>Sign in</title>'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['truncated', JSON.stringify(TOKEN).slice(0, -20)],
    ['a malformed SecretID', JSON.stringify({ ...TOKEN, SecretID: 'x\n::error::hunter2' })],
    ['no AccessorID', JSON.stringify({ ...TOKEN, AccessorID: undefined })],
    ['an unknown type', JSON.stringify({ ...TOKEN, Type: 'root' })],
    ['policies that are not a list', JSON.stringify({ ...TOKEN, Policies: 'deploy' })],
    ['a policy that contains a line break', JSON.stringify({ ...TOKEN, Policies: ['a\n::warning::b'] })],
    ['a policy that is a command', JSON.stringify({ ...TOKEN, Policies: ['a ##[set-output name=x]b'] })],
    ['a role that is a command', JSON.stringify({ ...TOKEN, Roles: [{ Name: '##[add-mask]a' }] })],
    ['roles without names', JSON.stringify({ ...TOKEN, Roles: [{ ID: 'x' }] })],
    ['an expiration that is not a time', JSON.stringify({ ...TOKEN, ExpirationTime: 'soon' })],
  ])('is refused: %s', async (_, body) => {
    const result = await logInTo((_, response) => response.end(body));
    expect(result).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
    expect(result.annotations).toEqual([
      { level: 'error', message: expect.stringContaining('does not contain a valid token') },
    ]);
    expect(result.printed).not.toContain(TOKEN.SecretID);
    expect(result.printed).not.toContain('hunter2');
  });

  test('has its token masked if it contains one', async () => {
    const body = JSON.stringify({ ...TOKEN, Type: 'root' });
    const result = await logInTo((_, response) => response.end(body));
    expect(result.masks).toContain(TOKEN.SecretID);
  });

  test.each([201, 400, 500])('is quoted without the token that it contains, with status %d', async (status) => {
    const body = `${'x'.repeat(480)} ${JSON.stringify(TOKEN)}`;
    const result = await logInTo((_, response) => response.writeHead(status).end(body));
    expect(whatFailed(result)).toContain(`(${String(status)})`);
    expect(result.printed).not.toContain('c0ffee');
  });

  test.each([
    ['accepted', 'is 1 MiB', 1024 * 1024, 0],
    ['refused', 'exceeds 1 MiB by one byte', 1024 * 1024 + 1, 1],
  ])('is %s if its length %s', async (_, __, length, exitCode) => {
    const result = await logInTo((_, response) => response.end(JSON.stringify(TOKEN).padEnd(length)));
    expect(result.exitCode).toBe(exitCode);
    expect(result.annotations.map(({ message }) => message).join()).toMatch(exitCode === 0 ? /^$/ : /more than 1 MiB/);
  });

  test('is not read beyond 1 MiB if it never ends', async () => {
    let isClosed = false;
    const result = await logInTo((_, response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(256 * 1024)), 1);
      response.on('close', () => {
        isClosed = true;
        clearInterval(timer);
      });
    });
    expect(whatFailed(result)).toContain('more than 1 MiB');
    expect(isClosed).toBe(true);
  });
});

describe('a token', () => {
  test('causes a warning and an empty expirationTime if it never expires', async () => {
    const result = await logInTo((_, response) => response.end(JSON.stringify({ ...TOKEN, ExpirationTime: null })));
    expect(result).toMatchObject({ exitCode: 0, outputs: { expirationTime: '' } });
    expect(result.annotations).toEqual([{ level: 'warning', message: expect.stringContaining('never expires') }]);
    expect(result.log).toContain('never expires');
  });

  test('has an expirationTime with the offset and fraction that Nomad sends', async () => {
    const ExpirationTime = '2030-01-01T02:00:00.123456789+02:00';
    const result = await logInTo((_, response) => response.end(JSON.stringify({ ...TOKEN, ExpirationTime })));
    expect(result).toMatchObject({ exitCode: 0, outputs: { expirationTime: ExpirationTime } });
  });

  test('is usable if Nomad knows it only after some requests', async () => {
    let polls = 0;
    const result = await logInTo((request, response) => {
      polls += request.method === 'GET' ? 1 : 0;
      response.writeHead(polls > 0 && polls < 9 ? 403 : 200).end(JSON.stringify(TOKEN));
    });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(polls).toBe(9);
  });

  test('is usable if a gateway does not let its policies be listed, and is logged without them', async () => {
    const body = JSON.stringify({ ...TOKEN, Policies: null, Roles: [{ ID: TOKEN.AccessorID, Name: 'repo-74' }] });
    const result = await logInTo((request, response) => {
      response.writeHead(request.url === '/v1/acl/policies' ? 403 : 200).end(body);
    });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(result.log).toContain('; roles: repo-74; policies: through its roles; expires ');
  });

  test('has the names of its roles in the output roles', async () => {
    const Roles = [
      { ID: TOKEN.AccessorID, Name: 'repo-74' },
      { ID: TOKEN.AccessorID, Name: 'reader' },
    ];
    const result = await logInTo((_, response) => response.end(JSON.stringify({ ...TOKEN, Policies: null, Roles })));
    expect(result.outputs).toMatchObject({ roles: '["repo-74","reader"]', policies: '[]' });
  });
});
