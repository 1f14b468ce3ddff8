import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refuse } from '../../scripts/samples.js';
import { explain } from '../../src/failures/explain.js';
import { mask, quote } from '../../src/secrets.js';
import { readInputsWith, useProcess } from '../support/in-process.js';

const SECRET = 'hunter2-hunter2';
fc.configureGlobal({ numRuns: Number(process.env['FC_RUNS'] ?? 200) });

// Any text, often with a secret or a command somewhere in it.
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(SECRET, SECRET, '##', '[', '##[', '::', '\n', '\u200b', '::add-mask::', 'x'.repeat(490)),
);
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));

// Text that an environment variable can contain.
const value = text.map((any) => any.replace(/\0|\p{Cs}/gu, ''));

const join = (...parts: (string[] | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (Array.isArray(part) ? fc.constantFrom(...part) : part)))
    .map((chosen) => chosen.join(''));

const url = join(
  ['http://', 'https://', 'HTTP:', 'ftp://', '', '//', 'http:\\\\', 'javascript:'],
  ['', `user:${SECRET}@`, `${SECRET}@`, '@', ':@'],
  fc.oneof(fc.domain(), fc.ipV4(), join(['['], fc.ipV6(), [']']), value),
  ['', ':4646', ':0', ':99999', ':x', '/', '/base/', `/?token=${SECRET}`, `#${SECRET}`, ' ', '\n'],
);
const plainPem = join(
  ['-----BEGIN CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----', '-----BEGIN ', ''],
  ['\n', '\\n', ' ', ''],
  fc.oneof(fc.base64String(), value),
  ['\n', '\\n', ' ', ''],
  ['-----END CERTIFICATE-----', '-----END PRIVATE KEY-----', '-----', ''],
);
const toBase64 = (any: string): string => Buffer.from(any).toString('base64');
const pem = fc.oneof(plainPem, plainPem.map(toBase64));
const header = fc.oneof(value, join(value, [': '], value), fc.constant(`X-Key: ${SECRET}`));

// The values to try for the inputs of action.yml that are not any text.
const VALUES: Record<string, fc.Arbitrary<string>> = {
  url,
  caCertificate: pem,
  clientCertificate: pem,
  clientKey: pem,
  extraHeaders: fc.array(header).map((lines) => lines.join('\n')),
  timeout: fc.oneof(value, fc.double().map(String), fc.bigInt().map(String)),
};
const { connection, ...others } = readInputsWith({}).inputs ?? {};

useProcess();

test.each(Object.keys({ ...connection, ...others }))(
  '%s is read, or refused without its secret, and a url can be followed by a path',
  (name) => {
    fc.assert(
      fc.property(VALUES[name] ?? fc.oneof(value, fc.constantFrom('TRUE', 'tRue', 'no', '1')), (given) => {
        const { inputs, error } = readInputsWith({ [name]: given });
        expect(error).toMatch(inputs === undefined ? new RegExp(`^Input ${name} [^\\n]+$`) : /^$/);
        expect(error).not.toContain(SECRET);
        expect(inputs?.connection.url ?? 'http://a').toMatch(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/);
      }),
    );
  },
);

test('any text of a server is quoted on one line of at most 501 characters, without secrets and commands', () => {
  mask(SECRET);
  fc.assert(
    fc.property(text, (given) => {
      const quoted = quote(given);
      expect(quoted).not.toMatch(/hunter2-hunter2|##\[|^\s*::[\w-]+(\s.*)?::|\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u);
      expect(quoted.length).toBeLessThanOrEqual(501);
    }),
  );
});

test('any response is explained in one annotation without secrets', () => {
  mask(SECRET);
  const status = fc.constantFrom(300, 400, 401, 403, 404, 429, 500, 502, 599);
  fc.assert(
    fc.property(status, text, text, (code, body, location) => {
      const headers = { location, 'retry-after': location };
      const annotation = explain(refuse(code, body, {}, headers));
      expect(annotation.length).toBeLessThanOrEqual(1_450);
      expect(annotation).not.toContain(SECRET);
    }),
  );
});
