import { beforeEach, describe, expect, test } from '@jest/globals';
import { mask, quote, quoteName, redact } from '../src/secrets.js';
import { findMasks, useProcess } from './support/in-process.js';

const UUID = 'c0ffee00-0000-4000-8000-000000000001';

const output = useProcess();

test('a mask is set once, for a secret of at least three characters', () => {
  ['ab', 'a-1', 'a-1', 'b-1'].forEach(mask);
  expect(findMasks(output.text)).toEqual(['a-1', 'b-1']);
});

describe('a quoted text', () => {
  beforeEach(() => ['hunter2', 'hunter2-and-more', 'line1\nline2'].forEach(mask));

  test.each([
    ['a known secret', 'a hunter2 b hunter2', 'a *** b ***'],
    ['a secret that contains another', 'hunter2-and-more', '***'],
    ['a secret of several lines', 'a line1\nline2', 'a ***'],
    ['a secret between colors', 'hun\u001b[31mter2', '***'],
    ['a secret in a link', '\u001b]8;;https://a.example.com\u0007hunter2\u001b]8;;\u001b\\x', '***x'],
    ['a JWT', 'a eyJhbGciOiJub25lIn0.e30.c2ln b', 'a *** b'],
    ['the beginning of a JWT', 'a eyJhbGci', 'a ***'],
    ['a UUID', `a ${UUID.toUpperCase()} b`, 'a *** b'],
    ['40 token characters', `a ${'Az0_+=~-'.repeat(5)} b`, 'a *** b'],
    ['39 token characters', 'x'.repeat(39), 'x'.repeat(39)],
    ['a long address', `https://a.example.com/${'x'.repeat(30)}/${'y'.repeat(30)}`, undefined],
    ['white space and control characters', ' a\n\tb\u0000c\u2028d\u202ee ', 'a b c d e'],
    ['a workflow command', '::error::a ::x y::b', ': :error: :a : :x y::b'],
    ['other colons', 'a:: b c::d', undefined],
    ['an old workflow command', 'a ##[error]b', 'a ## [error]b'],
    ['500 characters', 'é'.repeat(500), undefined],
    ['a secret at its end', `${'é'.repeat(495)} hunter2-and-more`, `${'é'.repeat(495)} ***`],
    ['501 characters', 'é'.repeat(501), `${'é'.repeat(500)}…`],
  ])('with %s: %j', (_, text, expected = text) => expect(quote(text)).toBe(expected));

  test('keeps what looks like a token if it is a name, but no known secret', () =>
    expect(quoteName(`${UUID} hunter2 ${'x'.repeat(50)} ::error::x`, 70)).toBe(`${UUID} *** ${'x'.repeat(29)}…`));

  test('keeps its lines if it is only redacted', () => expect(redact(`a\nhunter2\n${UUID}`)).toBe(`a\n***\n${UUID}`));
});
