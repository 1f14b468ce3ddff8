import { describe, expect, test } from '@jest/globals';
import { refuse } from '../../scripts/samples.js';
import { render } from '../../src/failures/explain.js';
import type { Failure } from '../../src/failures/failure.js';
import { mask } from '../../src/secrets.js';
import { useProcess } from '../support/in-process.js';

useProcess();

const say = (status: number, text: string, headers: Record<string, string> = {}): Failure =>
  refuse(status, text, { url: 'https://nomad.example.com' }, headers);

describe('an unexpected response', () => {
  test.each([
    ['plain text', 'Permission denied\n', 'Permission denied'],
    ['nothing', ' \n ', 'an empty response'],
    ['a web page', ' <html><head><TITLE lang="en"> 502\nBad Gateway </title>', 'a web page (502 Bad Gateway)'],
    ['a web page without a title', '<html></html>', 'a web page'],
    ['a web page whose title has no end', '<title>O', 'a web page (O)'],
  ])('is described by %s', (_, body, expected) =>
    expect(say(400, body).message).toBe(`Nomad refused the login (400): ${expected}`),
  );

  test.each([
    ['https://octocat:hunter2@login.example.com/?code=hunter2#hunter2', 'a redirect to https://login.example.com'],
    ['https://nomad.example.com/ui/?code=hunter2', 'a redirect to /ui/'],
    ['/ui/?code=hunter2', 'a redirect to /ui/'],
    ['http://[hunter2', 'a redirect to an unknown address'],
    ['/::stop-commands::hunter', 'a redirect to /: :stop-commands::hunter'],
  ])('names the target of a redirect without its secrets: %s', (location, expected) =>
    expect(say(302, '', { location }).message).toBe(`Nomad refused the login (302): ${expected}`),
  );

  test('is a redirect with status 300 to 399, even without a target', () => {
    expect([300, 399].map((status) => say(status, 'x').facts.target)).toEqual(Array(2).fill('an unknown address'));
    expect([299, 400].map((status) => say(status, 'x', { location: '/' }).facts.target)).toEqual(['', '']);
  });

  test.each([
    [' 7 ', 7_000],
    ['soon', 0],
    ['', 0],
    ['9'.repeat(400), 0],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ])('asks for the wait in its Retry-After header: %j', (value, expected) =>
    expect(say(429, '', { 'retry-after': value }).facts.retryAfterMs).toBe(expected),
  );

  test('asks for the wait until the date in its Retry-After header', () => {
    const wait = say(503, '', { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).facts.retryAfterMs;
    expect(Math.abs(wait - 60_000)).toBeLessThan(5_000);
  });

  test.each([0, 5, 20])('does not show a secret that its limit of 4 KiB cuts after %d characters', (length) => {
    const secret = 'hunter2-hunter2"octocat';
    mask(secret);
    const { facts, message } = say(400, `${' '.repeat(4_096 - length)}${secret} and more`);
    const named = refuse(500, `computed "role" bind name for bind target is invalid: "${secret}"`);
    expect(facts.text + message + render(named)).not.toContain('hunter');
  });
});

// A quadratic pattern takes minutes for this.
test.each([
  ...['<title ', '<title>', ' <', 'auth-method "', 'computed "a" bind name ', 'cannot compute "a" bind name '],
  ...["claim 'a", '" list claim', 'token name too long', 'HTTP request was sent to an ', 'fetching keys', '[', '##['],
  ...['::a ', '\u001b[', '\u001b]', '\u200b', 'eyJ', 'eyJa.', ' ', 'c0ffee00-0000-4000-8000-00000000000'],
])('a body of 512 KiB that is made to slow down patterns is explained like any other: %j', (fragment) => {
  for (const status of [401, 500]) {
    const failure = refuse(status, fragment.repeat((512 * 1024) / fragment.length));
    expect(failure.id).not.toBe('unexpected');
    expect(render(failure).length).toBeLessThanOrEqual(1_450);
  }
});
