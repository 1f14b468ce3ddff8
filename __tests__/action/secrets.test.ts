import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readInputs } from '../../src/inputs/inputs.js';
import { disarm, mask, quote, quoteId } from '../../src/secrets.js';
import { captureStdout } from '../support/capture.js';

const SECRET = 'hunter2-hunter2';
const SECRET_ID = 'c0ffee00-0000-4000-8000-00000000abcd';
// Contains the characters that each encoding changes.
const ODD = `p@ss/w0rd+"'<&>~ é%`;
const SIGNATURE = 'c2lnbmF0dXJlLWh1bnRlcjI';
const JWT = `e30.e30.${SIGNATURE}`;

let stdout: ReturnType<typeof captureStdout>;

beforeAll(() => {
  stdout = captureStdout();
  [SECRET, 'hunter2', '', SECRET_ID, ODD].forEach(mask);
  mask(JWT);
});

afterAll(() => {
  stdout.restore();
});

describe('a masked secret', () => {
  test('is masked in the log of the runner, but never if it is empty', () => {
    expect(stdout.text).toMatch(new RegExp(`^::add-mask::${SECRET}\n::add-mask::hunter2\n::add-mask::${SECRET_ID}\n`));
    expect(stdout.text).not.toMatch(/::add-mask::$/m);
    expect(stdout.text).toContain(`::add-mask::${SIGNATURE}\n`);
  });
});

describe('quote', () => {
  test.each([
    ['a secret within another', `x ${SECRET} y hunter2 z`, 'x *** y *** z'],
    ['two secrets side by side', `${SECRET}${SECRET}`, '***'],
    ['a secret at the beginning and the end', `${SECRET} x ${SECRET}`, '*** x ***'],
    ['text that looks like a JWT', 'token eyJhbGciOi.eyJpc3M.c2ln was bad', 'token *** was bad'],
    ['text that looks like a Nomad token', 'no c0ffee00-0000-4000-8000-000000000001', 'no ***'],
    ['several lines', ' a\n\tb\r\nc ', 'a b c'],
    ['ANSI colors', '\u001b[31mred\u001b[0m', 'red'],
    ['an old-style command', 'x ##[add-mask]y', 'x ## [add-mask]y'],
    ['a command', 'x ::add-mask::y', 'x : :add-mask::y'],
    ['a name in C++', 'std::vector', 'std::vector'],
    ['an IPv6 address', 'dial tcp [fd00::1]:4646', 'dial tcp [fd00::1]:4646'],
    ['nothing', ' \n', ''],
  ])('returns text that is safe to print: %s', (_, text, expected) => {
    expect(quote(text)).toBe(expected);
  });

  test('removes a secret before it cuts the text in the middle of it', () => {
    expect(quote(`${'x'.repeat(495)}${SECRET}`)).toBe(`${'x'.repeat(495)}***`);
    expect(quote('y'.repeat(501))).toBe(`${'y'.repeat(500)}…`);
  });

  test('removes the beginning of a secret at the end of the searched text', () => {
    const text = `${' '.repeat(16_384 - 10)}${SECRET}`;
    expect(quote(text)).toBe('***');
  });

  test('keeps an incomplete secret at the end of a complete text', () => {
    expect(quote('x hunt')).toBe('x hunt');
  });

  test('returns one short line without secrets, control characters and commands, whatever the text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(SECRET, '##', '[', '##[', '::', '\n', '\u200b', '::add-mask::', 'x'.repeat(490)),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const quoted = quote(pieces.join(''));
        expect(quoted.length).toBeLessThanOrEqual(501);
        expect(quoted).not.toMatch(/hunter2|##\[|^\s*::[\w-]+(\s.*)?::|\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u);
      }),
      { numRuns: 10_000 },
    );
  });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const percent = (text: string, safe: RegExp): string =>
  [...Buffer.from(text)]
    .map((byte) => [byte, String.fromCharCode(byte)] as const)
    .map(([byte, char]) => (safe.test(char) ? char : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`))
    .join('');
const unicode = (text: string, escaped: RegExp): string =>
  text.replace(escaped, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`);
const entities = (text: string, names: Record<string, string>): string =>
  text.replace(/[&<>"'+/`=]/g, (char) => names[char] ?? char);
const HTML = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const between = (text: string, inserted: string): string => text.replace(/(?!^)(?!$)/gu, inserted);
const jsonBody = (text: string): string => JSON.stringify(text).slice(1, -1);

describe('a secret that a server echoes', () => {
  // Each row is named after the function that encodes in this way.
  test.each<[string, (secret: string) => string]>([
    ['as it is', (secret) => secret],
    ['in upper case', (secret) => secret.toUpperCase()],
    ['as JSON: JSON.stringify', jsonBody],
    ['as JSON: Go, json.Marshal', (secret) => unicode(jsonBody(secret), /[<>&]/g)],
    ['as JSON: PHP, json_encode', (secret) => unicode(jsonBody(secret).replaceAll('/', '\\/'), /[\u0080-\uffff]/g)],
    ['as JSON: Python, json.dumps', (secret) => unicode(jsonBody(secret), /[\u0080-\uffff]/g)],
    [
      'as JSON: .NET, JsonSerializer',
      (secret) => unicode(jsonBody(secret).replaceAll('\\"', '\\u0022'), /[<>&'+`\u0080-\uffff]/g),
    ],
    ['as a URL: encodeURIComponent', encodeURIComponent],
    ['as a URL: Go, url.QueryEscape', (secret) => percent(secret, /[\w.~-]/).replaceAll('%20', '+')],
    ['as a URL: PHP, rawurlencode', (secret) => percent(secret, /[\w.~-]/)],
    ['as a URL: Python, quote', (secret) => percent(secret, /[\w.~/-]/)],
    ['as a URL in lower case', (secret) => percent(secret, /[\w.~-]/).toLowerCase()],
    ['as HTML: Go, html.EscapeString', (secret) => entities(secret, { ...HTML, '"': '&#34;', "'": '&#39;' })],
    ['as HTML: Go, html/template', (secret) => entities(secret, { ...HTML, '"': '&#34;', "'": '&#39;', '+': '&#43;' })],
    ['as HTML: PHP, htmlspecialchars', (secret) => entities(secret, { ...HTML, '"': '&quot;', "'": '&#039;' })],
    ['as HTML: Python, html.escape', (secret) => entities(secret, { ...HTML, '"': '&quot;', "'": '&#x27;' })],
    ['as HTML: text only', (secret) => entities(secret, HTML)],
    ['in base64', base64],
    ['in base64 after one character', (secret) => base64(`:${secret}`)],
    ['in base64 after two characters', (secret) => base64(`a:${secret}`)],
    ['in base64 within a longer text', (secret) => base64(`user:${secret} and more`)],
    ['in base64url', (secret) => Buffer.from(secret).toString('base64url')],
    ['with spaces between its characters', (secret) => between(secret, ' ')],
    ['with line breaks in it', (secret) => secret.replace(/.{5}/g, '$&\r\n')],
    ['with zero-width spaces in it', (secret) => between(secret, '\u200b')],
    ['with soft hyphens in it', (secret) => between(secret, '\u00ad')],
    ['with byte order marks in it', (secret) => between(secret, '\ufeff')],
    ['with variation selectors in it', (secret) => between(secret, '\ufe0f')],
    ['with invisible joiners in it', (secret) => between(secret, '\u034f')],
    ['with null characters in it', (secret) => between(secret, '\0')],
    ['with ANSI colors in it', (secret) => secret.replace(/.{4}/g, '$&\u001b[31m')],
  ])('is removed %s', (_, encode) => {
    // The first and last characters of base64 depend on the text around the secret.
    for (const secret of [SECRET, ODD]) {
      const quoted = quote(`The header was <<${encode(secret)}>> here`);
      expect(quoted).toMatch(/^The header was <<.{0,8}\*\*\*.{0,24}>> here$/);
    }
  });

  test.each([SECRET_ID.replaceAll('-', ''), SECRET_ID.toUpperCase(), SECRET_ID.replaceAll('-', '').toUpperCase()])(
    'is removed as a UUID in another form: %s',
    (text) => {
      expect(quote(`a ${text} b`)).toBe('a *** b');
    },
  );

  test.each([JWT, SIGNATURE, `…${SIGNATURE}`, `e30.e30.${SIGNATURE}==`])(
    'is removed as a part of a JWT: %s',
    (text) => {
      expect(quote(text)).not.toContain(SIGNATURE.slice(4, -4));
    },
  );

  test.each([4, 8, 12])('is removed if only %d of its characters are within the first 500', (length) => {
    expect(quote(`${'x'.repeat(500 - length)}${ODD}`)).toBe(`${'x'.repeat(500 - length)}***`);
  });
});

describe('the secrets in the inputs', () => {
  function readWith(extraHeaders: string): void {
    process.env['INPUT_EXTRAHEADERS'] = extraHeaders;
    try {
      readInputs();
    } finally {
      process.env['INPUT_EXTRAHEADERS'] = '';
    }
  }

  beforeAll(() => {
    readWith(
      [
        `Authorization: Basic ${base64('octocat:hunt3r-basic')}`,
        'Cookie: id=hunt3r-one; session=hunt3r-two',
        'X-Upstream: Bearer hunt3r-bearer',
        'X-Other: Token hunt3r-token',
      ].join('\n'),
    );
    readWith(`Authorization: Bearer hunt3r-authorization`);
  });

  test.each([
    ['the password of Basic authentication', 'hunt3r-basic'],
    ['its user and password', 'octocat:hunt3r-basic'],
    ['its encoded form', base64('octocat:hunt3r-basic')],
    ['one cookie', 'hunt3r-one'],
    ['another cookie', 'hunt3r-two'],
    ['the value after Bearer', 'hunt3r-bearer'],
    ['the value after Token', 'hunt3r-token'],
    ['the value after the scheme of Authorization', 'hunt3r-authorization'],
  ])('are masked and removed from quotes: %s', (_, secret) => {
    expect(quote(`a ${secret} b`)).toBe('a *** b');
    expect(stdout.text).toContain(`::add-mask::${secret}\n`);
  });
});

describe('disarm', () => {
  test.each([
    '::stop-commands::x',
    '::add-mask::x',
    '::set-output name=x::y',
    '::error file=a,line=1::x',
    '::warning ::x',
    '::debug::x',
    '::save_state name=a::b',
    '##[add-mask]x',
    '##[error]x',
    '####[error]x',
    '##[##[error]x',
    ':::add-mask::x',
    '::::add-mask::x',
    '::add-mask::::add-mask::x',
  ])('breaks up the command %s', (line) => {
    const disarmed = disarm(line);
    expect(disarmed).not.toMatch(/^\s*::[\w-]+( .*)?::/);
    expect(disarmed).not.toContain('##[');
  });
});

describe('quoteId', () => {
  test.each(['c0ffee00-1111-4000-8000-000000000009', '74', 'a_b-c'])('returns an ID unchanged: %s', (id) => {
    expect(quoteId(id)).toBe(id);
  });

  test.each([SECRET, SECRET_ID, SIGNATURE])('removes an ID that is a secret: %s', (id) => {
    expect(quoteId(id)).toBe('***');
  });

  test.each(['::add-mask::x', '##[error]x', 'a\nb', 'x'.repeat(129), 'a b', ''])(
    'quotes text that is not an ID: %j',
    (id) => {
      expect(quoteId(id)).toBe(quote(id, 128));
    },
  );
});
