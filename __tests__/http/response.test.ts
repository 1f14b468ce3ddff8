import { describe, expect, test } from '@jest/globals';
import { findKind, KINDS } from '../../src/failures/catalogue.js';
import { render } from '../../src/failures/explain.js';
import type { Failure } from '../../src/failures/failure.js';
import { describeResponse, readBody } from '../../src/http/response.js';
import { parseJwt } from '../../src/jwt.js';

const TARGET = { peer: 'Nomad', url: 'https://nomad.example.com' } as const;
const MIB = 1024 * 1024;

const describeBody = (status: number, text: string, headers: Record<string, string> = {}): Failure =>
  describeResponse('It failed', TARGET, { status, headers, text });
const said = (text: string): string => describeBody(400, text).message.replace(/^It failed \(400\): /, '');

describe('a response with an unexpected status', () => {
  test.each([
    ['plain text', 'Permission denied\n', 'Permission denied'],
    ['the message of JSON', '{"message":"No"}', 'No'],
    ['JSON without a message', '{"error":"No"}', '{"error":"No"}'],
    ['JSON whose message is not text', '{"message":{"a":1}}', '{"message":{"a":1}}'],
    ['null as JSON', 'null', 'null'],
    ['nothing', ' \n ', 'an empty response'],
    ['a web page', ' <html><head><TITLE lang="en"> 502\nBad Gateway </title>', 'a web page (502 Bad Gateway)'],
    ['a web page without a title', '<html></html>', 'a web page'],
    ['a web page whose title is empty', '<title></title>', 'a web page'],
    ['a web page whose title has no end', '<title>Oops', 'a web page (Oops)'],
    ['a web page that only consists of the start of a title', '<title', 'a web page'],
  ])('is described by %s', (_, body, expected) => {
    expect(said(body)).toBe(expected);
  });

  test('is quoted with at most 500 characters', () => {
    expect(said('é'.repeat(501))).toBe(`${'é'.repeat(500)}…`);
  });

  test.each([
    ['https://login.example.com/?code=hunter2#hunter2', 'a redirect to https://login.example.com'],
    ['https://octocat:hunter2@login.example.com/', 'a redirect to https://login.example.com'],
    ['/ui/?code=hunter2', 'a redirect to /ui/'],
    ['http://[hunter2', 'a redirect'],
    ['/::stop-commands::hunter', 'a redirect to /: :stop-commands::hunter'],
  ])('names the target of a redirect without its secrets: %s', (location, expected) => {
    expect(describeBody(302, '', { location }).message).toBe(`It failed (302): ${expected}`);
  });

  test.each([
    ['7', 7000],
    [' 7 ', 7000],
    ['soon', undefined],
    ['', undefined],
    ['9'.repeat(400), undefined],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ])('has the wait of its Retry-After header: %j', (value, expected) => {
    expect(describeBody(429, '', { 'retry-after': value }).details.response?.retryAfterMs).toBe(expected);
  });
});

describe('the body of a response', () => {
  async function* stream(chunks: number, size: number): AsyncGenerator<Buffer> {
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      yield await Promise.resolve(Buffer.alloc(size, 'x'));
    }
  }

  test('is read up to 1 MiB', async () => {
    expect(await readBody(stream(4, MIB / 4))).toHaveLength(MIB);
  });

  test('is not read any further after 1 MiB', async () => {
    let chunks = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (; chunks < 1000; chunks += 1) {
        yield await Promise.resolve(Buffer.alloc(MIB / 4, 'x'));
      }
    }
    expect(await readBody(endless())).toBeUndefined();
    expect(chunks).toBe(4);
  });
});

describe('a body that is made to slow down patterns', () => {
  // The texts that the patterns in the catalogue and in the description of a response search for.
  const FRAGMENTS = [
    '<title ',
    '<title>',
    ' <',
    'auth-method "',
    'computed "a" bind name ',
    'cannot compute "a" bind name ',
    "claim 'a",
    '" list claim',
    'token name too long',
    'HTTP request was sent to an ',
    'rpc error: ',
    'Permission denied ',
    '{"message":',
    '[',
    '##[',
    '::a ',
    '\u001b[',
    '\u200b',
    'eyJ',
    'eyJa.',
    'c0ffee00-0000-4000-8000-00000000000',
    ' ',
  ];
  const jwt = parseJwt('e30.e30.x') ?? { token: '', header: {}, claims: {} };
  const login = { methodName: 'github', jwt, isJwtSupplied: false };

  function measure(body: string): number {
    const startMs = performance.now();
    for (const status of [400, 401, 403, 429, 500, 503]) {
      const failure = describeBody(status, body).with({ login });
      expect(findKind(failure).id).not.toBe('unexpected');
      expect(render(failure, undefined).length).toBeLessThanOrEqual(1_500);
    }
    return performance.now() - startMs;
  }

  // For 1 MiB, a quadratic pattern takes seconds to minutes, and a linear one a few milliseconds.
  test.each(FRAGMENTS)('is explained in at most 100 times the time of an ordinary one: %j', (fragment) => {
    const benign = 'The Nomad servers have no leader at the moment. ';
    const benignMs = measure(benign.repeat(MIB / benign.length));
    expect(measure(fragment.repeat(MIB / fragment.length))).toBeLessThan(100 * Math.max(benignMs, 20));
  });

  test('is explained within 5 seconds if it repeats an example of the catalogue', () => {
    const bodies = KINDS.flatMap(({ example }) => example().details.response?.body ?? []);
    expect(bodies.length).toBeGreaterThan(20);
    for (const body of bodies) {
      expect(measure(body.repeat(Math.ceil(MIB / Math.max(body.length, 1))).slice(0, MIB))).toBeLessThan(5_000);
    }
  });
});
