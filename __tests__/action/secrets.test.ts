import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mask, quote } from '../../src/secrets.js';
import { captureStdout } from '../support/capture.js';

const SECRET = 'hunter2-hunter2';

describe('what is quoted', () => {
  let stdout: ReturnType<typeof captureStdout>;

  beforeAll(() => {
    stdout = captureStdout();
    [SECRET, 'hunter2', ''].forEach(mask);
  });

  afterAll(() => {
    stdout.restore();
  });

  test('was masked before, where it is a secret', () => {
    expect(stdout.text).toBe(`::add-mask::${SECRET}\n::add-mask::hunter2\n`);
  });

  test.each([
    ['a secret within another', `x ${SECRET} y hunter2 z`, 'x *** y *** z'],
    ['what looks like a JWT', 'token eyJhbGciOi.eyJpc3M.c2ln was bad', 'token *** was bad'],
    ['what looks like a Nomad token', 'no c0ffee00-0000-4000-8000-000000000001', 'no ***'],
    ['several lines', ' a\n\tb\r\nc ', 'a b c'],
    ['colours', '\u001b[31mred\u001b[0m', '[31mred [0m'],
    ['an old-style command', 'x ##[add-mask]y', 'x ## [add-mask]y'],
    ['nothing', ' \n', ''],
  ])('is harmless: %s', (_, text, expected) => {
    expect(quote(text)).toBe(expected);
  });

  test('has lost a secret before it is cut in the middle of it', () => {
    expect(quote(`${'x'.repeat(495)}${SECRET}`)).toBe(`${'x'.repeat(495)}***`);
    expect(quote('y'.repeat(501))).toBe(`${'y'.repeat(500)}…`);
  });

  test('is one short line without secrets, control characters or commands, whatever the text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(SECRET, '##', '[', '##[', '::', '\n', 'x'.repeat(490)),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const quoted = quote(pieces.join(''));
        expect(quoted.length).toBeLessThanOrEqual(501);
        expect(quoted).not.toMatch(/hunter2|##\[|\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u);
      }),
      { numRuns: 10_000 },
    );
  });
});
