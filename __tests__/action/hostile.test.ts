import type { RequestListener } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { explain } from '../../src/failures/explain.js';
import { Failure } from '../../src/failures/failure.js';
import { startProxy } from '../../testbed/forward-proxy.js';
import { runMain, runPost, type StageResult } from '../../testbed/runner.js';
import { listen, listenTcp } from '../../testbed/server.js';
import { CANNED_TOKEN } from '../support/canned-token.js';
import { captureStdout } from '../support/capture.js';
import { preload } from '../support/fake-dns.js';
import { createJwt, logInThrough } from '../support/github-endpoint.js';
import { whatFailed } from '../support/what-failed.js';

const TOKEN = JSON.stringify(CANNED_TOKEN);
const ISSUER = 'https://token.actions.githubusercontent.com';
const IDENTITY = { identityToken: createJwt({}) };
const answer =
  (status: number, body = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

async function logInTo(onRequest: RequestListener, inputs: Record<string, string> = {}): Promise<StageResult> {
  const server = await listen(onRequest);
  try {
    return await runMain({ inputs: { url: server.url, ...IDENTITY, ...inputs } });
  } finally {
    await server.close();
  }
}

const COMMANDS = [
  'add-mask',
  'add-path',
  'debug',
  'echo',
  'endgroup',
  'error',
  'group',
  'notice',
  'save-state',
  'set-env',
  'set-output',
  'stop-commands',
  'warning',
].join('|');

/** Finds the lines that the runner executes as commands: `::name` after white space, `##[name` anywhere. */
function findCommands({ raw }: StageResult, pattern = COMMANDS): string[] {
  const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu;
  return raw
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(invisible, ''))
    .filter((line) => new RegExp(`^\\s*::(${pattern})( [^:]*)?::|##\\[(${pattern})[ \\]]`, 'i').test(line));
}

const HOSTILE_TEXTS = [
  '::stop-commands::hunter2',
  '::set-output name=nomadToken::hunter2',
  '::save-state name=token::hunter2',
  '::add-mask::Nomad',
  '::warning file=a,line=1::hunter2',
  '##[stop-commands]hunter2',
  '##[set-output name=nomadToken]hunter2',
  ' \t::stop-commands::hunter2',
  '\u00a0\u2003::stop-commands::hunter2',
  '\u200b::stop-commands::hunter2',
  '\ufeff##[stop-commands]hunter2',
  '#\u200b#[stop-commands]hunter2',
  ':\u200b:stop-commands::hunter2',
  'x\n::stop-commands::hunter2',
  'x\r::stop-commands::hunter2',
  'x\u2028::stop-commands::hunter2',
  'x%0A::stop-commands::hunter2',
];
// This action does not use these commands, so a server or an issuer must have injected them.
const FOREIGN = COMMANDS.replace('|debug', '').replace('|endgroup', '').replace('|error', '').replace('|group', '');

function expectNoForeignCommands(result: StageResult): void {
  const own = /^::add-mask::(?!Nomad)|^::warning::\S+ uses plain HTTP/;
  const foreign = findCommands(result, FOREIGN).filter((line) => !own.test(line));
  expect(foreign).toEqual([]);
  expect(result.annotations.filter(({ level }) => level === 'error')).toHaveLength(1);
  expect(result.masks).not.toContain('Nomad');
}

describe('a workflow command from a server or an issuer is not executed', () => {
  test('in the names of claims, each of which is listed after a dash', async () => {
    const claims = { iss: ISSUER, ...Object.fromEntries(HOSTILE_TEXTS.map((text) => [text, 'value'])) };
    const github = answer(200, JSON.stringify({ value: createJwt(claims) }));
    const { result } = await logInThrough(github, { nomad: answer(401, 'invalid audience (aud) claim') });
    expectNoForeignCommands(result);
    expect(result.log.match(/^- .*: "value"$/gm)).toHaveLength(HOSTILE_TEXTS.length);
  });

  test('in the values of claims, each of which is on the line of its claim', async () => {
    const values = HOSTILE_TEXTS.flatMap((text) => [text, [text], { [text]: text }]);
    const named = values.map((value, index) => [`claim${String(index)}`, value] as const);
    const claims = { iss: ISSUER, jti: '::stop-commands::x', ...Object.fromEntries(named) };
    const github = answer(200, JSON.stringify({ value: createJwt(claims) }));
    const { result } = await logInThrough(github, { nomad: answer(401, 'invalid audience (aud) claim') });
    expectNoForeignCommands(result);
    expect(result.log.match(/^- claim\d+: .+$/gm)).toHaveLength(values.length);
  });

  test.each(HOSTILE_TEXTS.filter((_, index) => index % 3 === 0))('in the response to a login: %j', async (text) => {
    for (const body of [text, JSON.stringify({ message: text }), `<title>${text}</title>`]) {
      expectNoForeignCommands(await logInTo(answer(400, body)));
    }
  });

  test.each(HOSTILE_TEXTS.filter((_, index) => index % 3 === 0))(
    'in the names of auth methods and in refusals: %j',
    async (text) => {
      const respond: RequestListener = (request, response) => {
        const isLogin = request.method === 'POST';
        const list = JSON.stringify([{ Name: text, Type: 'JWT' }]);
        answer(isLogin ? 400 : 200, isLogin ? `auth-method "${text}" not found` : list)(request, response);
      };
      expectNoForeignCommands(await logInTo(respond));
    },
  );

  test.each(HOSTILE_TEXTS.filter((_, index) => index % 3 === 0))("in GitHub's refusal: %j", async (text) => {
    const { result } = await logInThrough(answer(401, JSON.stringify({ message: text })));
    expectNoForeignCommands(result);
  });

  test.each(['::stop-commands::hunter2', '/##[stop-commands]hunter2'])(
    'in the target of a redirect: %j',
    async (to) => {
      expectNoForeignCommands(await logInTo(answer(302, '', { location: to })));
    },
  );

  test.each(HOSTILE_TEXTS.filter((_, index) => index % 3 === 0))(
    'in the header of a JWT and in the response to it: %j',
    async (text) => {
      const header = Buffer.from(JSON.stringify({ alg: text, kid: text })).toString('base64url');
      const identityToken = `${header}.${Buffer.from(JSON.stringify({ iss: text })).toString('base64url')}.x`;
      for (const body of [
        'invalid algorithm (alg)',
        'failed to verify id token signature',
        `claim '${text}' to string`,
      ]) {
        expectNoForeignCommands(await logInTo(answer(500, body), { identityToken }));
      }
    },
  );
});

describe('a server that makes patterns slow', () => {
  const fragments = ['<title ', 'auth-method "', 'computed "a" bind name ', 'Permission denied ', 'eyJ', '##['];

  test.each(fragments)('does not delay the main program by more than 9 seconds: %j', async (fragment) => {
    const started = performance.now();
    const result = await logInTo(answer(400, fragment.repeat(1_000_000 / fragment.length)), { timeout: '1' });
    expect(whatFailed(result)).toMatch(/^Nomad refused the login \(400\)/);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test.each(fragments)('does not delay the post program by more than 15 seconds: %j', async (fragment) => {
    const respond = answer(403, fragment.repeat(1_000_000 / fragment.length));
    const started = performance.now();
    const post = await revokeAt(respond);
    expect(post.annotations).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

/** Logs in with a management token, and runs the post program against another server. */
async function revokeAt(onRequest: RequestListener): Promise<StageResult> {
  const nomad = await listen((_, response) => response.end(JSON.stringify({ ...CANNED_TOKEN, Type: 'management' })));
  const main = await runMain({ inputs: { url: nomad.url, ...IDENTITY } });
  await nomad.close();
  const server = await listen(onRequest);
  const post = await runPost({ inputs: { url: server.url, ...IDENTITY } }, main);
  await server.close();
  if (main.exitCode !== 0 || post === undefined) {
    throw new Error(main.log);
  }
  expect(post.exitCode).toBe(0);
  expect(post.printed).not.toContain(CANNED_TOKEN.SecretID);
  return post;
}

describe('a revocation', () => {
  const onDelete =
    (whenDeleting: RequestListener, otherwise: RequestListener): RequestListener =>
    (request, response) => {
      (request.method === 'DELETE' ? whenDeleting : otherwise)(request, response);
    };
  const STAYS = { level: 'warning', message: expect.stringMatching(/could not be revoked and stays valid/) };
  const stillValid = answer(200, TOKEN);

  test.each<[string, RequestListener]>([
    ['403 with "Permission denied" in a page', answer(403, '<h1>Permission denied</h1>')],
    ['403 with "Permission denied" in a sentence', answer(403, 'WAF: Permission denied by rule 7')],
    ['403 with "Permission denied" in JSON', answer(403, '{"message":"Permission denied"}')],
    ['503 with "Permission denied"', answer(503, 'Permission denied')],
    ['200 with "Permission denied" in a page', answer(200, '<h1>Permission denied</h1>')],
    ['404 with a page', answer(404, '<h1>ACL token not found</h1>')],
    ['403 in the wording of Nomad', answer(403, 'Permission denied')],
    ['404 in the wording of Nomad', answer(404, 'ACL token not found')],
    ['200', answer(200)],
    ['204', answer(204)],
    ['301', answer(301, '', { location: '/' })],
  ])('is not reported as successful while the token is still valid: %s', async (_, whenDeleting) => {
    const post = await revokeAt(onDelete(whenDeleting, stillValid));
    expect(post.annotations).toEqual([STAYS]);
    expect(post.log).not.toMatch(/\d is revoked|had already/);
  });

  test.each<[string, RequestListener]>([
    ['403 with a page', answer(403, '<h1>Permission denied</h1>')],
    ['a login page', answer(200, '<title>Log in</title>')],
    ['503', answer(503, 'Permission denied')],
    ['401', answer(401, 'Permission denied')],
    ['a redirect', answer(302, '', { location: '/login' })],
  ])('is not confirmed by a gateway that responds to everything with %s', async (_, gateway) => {
    expect((await revokeAt(onDelete(answer(200), gateway))).annotations).toEqual([STAYS]);
  });

  test.each<[string, RequestListener]>([
    ['403 since Nomad 1.10', answer(403, 'Permission denied')],
    ['404 up to Nomad 1.8', answer(404, 'ACL token not found')],
    ['the same from a follower', answer(404, 'rpc error: ACL token not found')],
    ['the same with a line break', answer(403, 'Permission denied\n')],
  ])("is confirmed by Nomad's response: %s", async (_, unknown) => {
    const post = await revokeAt(onDelete(answer(200), unknown));
    expect(post.annotations).toEqual([]);
    expect(post.log).toBe(`The management token ${CANNED_TOKEN.AccessorID} is revoked.`);
  });

  test('is reported as unnecessary if Nomad did not know the token before', async () => {
    const post = await revokeAt(answer(403, 'Permission denied'));
    expect(post.annotations).toEqual([]);
    expect(post.log).toBe(`The management token ${CANNED_TOKEN.AccessorID} had already expired or been revoked.`);
  });

  test('is confirmed by a follower that learns of it late', async () => {
    let polls = 0;
    const late: RequestListener = (request, response) => {
      polls += 1;
      (polls < 3 ? stillValid : answer(403, 'Permission denied'))(request, response);
    };
    expect((await revokeAt(onDelete(answer(200), late))).annotations).toEqual([]);
    expect(polls).toBe(3);
  });
});

describe('a JWT that is made to crash the explanation', () => {
  const nest = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

  test.each<[string, string]>([
    ['claims that are nested 8,000 levels deep', `{"iss":"${ISSUER}","deep":${nest(8_000)}}`],
    ['an audience that is nested 8,000 levels deep', `{"iss":"${ISSUER}","aud":${nest(8_000)}}`],
    ['an issuer that is an object with a toString', '{"iss":{"toString":1}}'],
    ['an issuer that is nested', `{"iss":${nest(8_000)}}`],
    ['a toJSON that is not a function', '{"toJSON":1,"aud":{"toJSON":{}}}'],
    ['a prototype', `{"__proto__":{"iss":"${ISSUER}"},"constructor":1,"aud":null}`],
    ['malformed times', '{"exp":1e308,"nbf":"x","iat":[]}'],
    ['lone surrogates', '{"iss":"\\ud800","aud":"\\udfff"}'],
    ['no claims', '{}'],
  ])('causes exactly one annotation: %s', async (_, claims) => {
    for (const [status, body] of [
      [401, 'invalid audience (aud) claim'],
      [401, 'invalid JWT issuer'],
      [401, 'token is expired'],
      [400, 'no role or policy bindings matched'],
      [500, "error converting claim 'deep' to string"],
    ] as const) {
      const github = answer(200, JSON.stringify({ value: createJwt(claims) }));
      const { result } = await logInThrough(github, { nomad: answer(status, body) });
      expect(whatFailed(result)).toBe(`Nomad refused the login (${String(status)}): ${body}`);
      expect(result.annotations[0]?.message).not.toMatch(/undefined|\[object|NaN/);
    }
  });

  test('is explained, as is any other value that is thrown', () => {
    const capture = captureStdout();
    const causes: unknown[] = [
      undefined,
      null,
      'text',
      7,
      Symbol('a'),
      { message: 'a' },
      new Error(''),
      Object.assign(new Error('a'), { code: { toString: 1 } }),
      Object.create(null),
      { toString: 1 },
      new Failure('a', { login: { methodName: 'a', jwt: undefined as never, isJwtSupplied: true } }),
    ];
    try {
      for (const cause of causes) {
        expect(explain(cause)).toMatch(/./);
      }
    } finally {
      capture.restore();
    }
  });
});

describe('a very long list', () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `policy-${String(index)}`);

  test('is truncated in the log but complete in the outputs', async () => {
    const roles = names.map((Name) => ({ ID: Name, Name }));
    const body = JSON.stringify({ ...CANNED_TOKEN, Policies: names, Roles: roles });
    const result = await logInTo(answer(200, body));
    expect(result.exitCode).toBe(0);
    expect(JSON.parse(result.outputs['policies'] ?? '')).toEqual(names);
    expect(JSON.parse(result.outputs['roles'] ?? '')).toEqual(names);
    expect(result.log).toMatch(/policy-19 and 4,980 more/);
    expect(result.log).not.toContain('policy-20');
    expect(result.log.length).toBeLessThan(2_000);
  });

  test('of claims is truncated, and the annotation is complete', async () => {
    const claims = { iss: ISSUER, ...Object.fromEntries(names.slice(0, 2_000).map((name) => [name, name])) };
    const github = answer(200, JSON.stringify({ value: createJwt(claims) }));
    const { result } = await logInThrough(github, { nomad: answer(401, 'invalid audience (aud) claim') });
    expect(whatFailed(result)).toContain('invalid audience');
    expect(result.log.match(/^- policy-/gm)).toHaveLength(99);
    expect(result.log).toContain('- and 1,901 more');
  });

  test('of auth methods is truncated', async () => {
    const list = JSON.stringify(names.map((Name) => ({ Name, Type: 'JWT' })));
    const respond: RequestListener = (request, response) => {
      const isLogin = request.method === 'POST';
      answer(isLogin ? 400 : 200, isLogin ? 'auth-method "github" not found' : list)(request, response);
    };
    const result = await logInTo(respond);
    expect(result.annotations[0]?.message).toMatch(/policy-19 and 4,?980 more/);
    expect(result.annotations[0]?.message.length).toBeLessThan(1_500);
  });
});

describe('a deadline', () => {
  test('of 1 s is exceeded by less than 4 s if the method is unknown and listing the methods hangs', async () => {
    const respond: RequestListener = (request, response) => {
      if (request.method === 'POST') {
        answer(400, 'auth-method "github" not found')(request, response);
      }
    };
    const result = await logInTo(respond, { timeout: '1' });
    expect(whatFailed(result)).toBe('Nomad refused the login (400): auth-method "github" not found');
    expect(result.annotations[0]?.message).toContain('nomad acl auth-method list');
    // A busy machine affects the program's own measurement less than that of the whole run. Without a limit, the list takes 5 s.
    const [, listMs] = /auth-methods: NO_RESPONSE after (\d+) ms/.exec(result.raw) ?? [];
    expect(Number(listMs)).toBeLessThan(4_000);
  });
});

// Prevents a program from reaching other machines: it connects to a closed port of this machine instead.
const STAY_HERE = `
import net from 'node:net';
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  Object.assign(Array.isArray(args[0]) ? args[0][0] : args[0], { host: '127.0.0.1', port: 9 });
  return connect.apply(this, args);
};`;

describe('a proxy', () => {
  test.each(['http', 'https'])('cannot inject workflow commands, for %s', async (scheme) => {
    const said = '::stop-commands::hunter2\r\n\r\n##[stop-commands]hunter2\r\n::stop-commands::hunter2\r\n';
    const proxy = await listenTcp((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 407 ${said}`));
    });
    const result = await runMain({
      inputs: { url: `${scheme}://nomad.example.com`, ...IDENTITY, timeout: '1' },
      env: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url },
    });
    await proxy.close();
    expectNoForeignCommands(result);
    expect(whatFailed(result)).toContain('407');
  });

  test('does not receive the JWT if NO_PROXY contains the network of Nomad', async () => {
    const proxy = await startProxy();
    const result = await runMain({
      inputs: { url: 'http://10.255.255.1:4646', ...IDENTITY, timeout: '1' },
      env: { HTTP_PROXY: proxy.url, NO_PROXY: '10.0.0.0/8' },
      command: [process.execPath, ...preload(STAY_HERE)],
    });
    await proxy.close();
    expect(whatFailed(result)).toContain('ECONNREFUSED');
    expect(proxy.requests).toEqual([]);
  });
});
