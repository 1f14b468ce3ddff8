import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lost, refuse } from '../scripts/samples.js';
import { KINDS } from '../src/failures/catalogue.js';
import { explain } from '../src/failures/explain.js';
import { parseToolkitError } from '../src/github/toolkit-error.js';
import { mask, quote } from '../src/secrets.js';
import { readInputsWith, useProcess } from './support/in-process.js';

const SECRET = 'hunter2-hunter2';
const BEGINNINGS = [
  ...['', 'http://', 'HTTPS://[::1]', `https://${SECRET}@a.example.com`, `https://:${SECRET}@a.example.com`],
  ...[`https://a.example.com?${SECRET}`, `https://a.example.com/#${SECRET}`, `X-Key: ${SECRET}\nX-Key`, `${SECRET}: `],
  ...['CERTIFICATE', 'PRIVATE KEY'].map((label) => `-----BEGIN ${label}-----\n${SECRET}\n-----END ${label}-----\n`),
];
const PARTS = [
  ...[SECRET, SECRET, '##', '[', '##[', '::', '::add-mask::', '\n', '\\n', ' ', '\u200b', 'x'.repeat(490)],
  ...['/', '\\', '@', '?', '#', ':', ':4646', ':99999', 'TRUE', 'no', '1', '-----BEGIN '],
];
fc.configureGlobal({ numRuns: Number(process.env['FC_RUNS'] ?? 200) });
useProcess();

// Any text, often with a secret, a command, or a part of what inputs contain.
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(...PARTS),
);
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));

// Text that an environment variable can contain, also as base64.
const value = fc
  .tuple(fc.constantFrom(...BEGINNINGS), text, fc.boolean())
  .map(([start, any, isBase64]) => [(start + any).replace(/\0|\p{Cs}/gu, ''), isBase64] as const)
  .map(([any, isBase64]) => (isBase64 ? Buffer.from(any).toString('base64') : any));

const { connection, ...others } = readInputsWith({}).inputs ?? {};

test.each(Object.keys({ ...connection, ...others }))(
  'the input %s is read, or refused without its secret, and a url can be followed by a path',
  (name) => {
    fc.assert(
      fc.property(value, (given) => {
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

const VERIFYING = 'unable to validate provided token: unable to verify signature of JWT token';
const FETCHING = `${VERIFYING}: error verifying token signature: fetching keys oidc: get keys failed`;
// The words of all patterns, which are the names that could choose a kind.
const WORDS = Object.values(KINDS).flatMap(
  ({ from = [], to = [] }) => [...from, ...to].join().match(/[a-z\d]+/gi) ?? [],
);

/** Returns the kinds of failures whose texts contain a name of a host, a role, a claim or a file. */
function judge(name: string): string[] {
  // A host whose last part begins with a digit is an IP address.
  const host = name.replaceAll('-', '.').replace(/\.?\d[^.]*$/, '$&.example');
  const facts = { url: `https://${host}`, proxy: undefined };
  const github = (text: string): string =>
    parseToolkitError(new Error(`Error Code : undefined Error Message: ${text}`), facts).id;
  return [
    refuse(500, `role "${name}" not found`),
    refuse(500, `rpc error: cannot find policy "${name}"`),
    refuse(400, `auth-method "${name}" not found`),
    refuse(500, `computed "role" bind name for bind target is invalid: "${name}"`),
    refuse(500, `error converting claim '${name}' to string from unknown type []interface {}`),
    refuse(500, `rpc error: failed to get conn: dial tcp: lookup ${host}: no such host`),
    refuse(401, `${VERIFYING.split(':')[0] ?? ''}: invalid JWT issuer: https://${host}/${name} (exp) claim: ${name}`),
    refuse(401, `${FETCHING} Get "https://${host}/": dial tcp: lookup ${host} on 192.0.2.1:53: no such host`),
    refuse(401, `${FETCHING} Get "https://${host}/": dial tcp: lookup ${host}: i/o timeout`),
    refuse(401, `${FETCHING} Get "https://${host}/": tls: failed to verify certificate: x509: not ${host}`),
    refuse(401, `${FETCHING}: 503 Service Unavailable ${name}`),
    refuse(302, '', {}, { location: `https://${host}/` }),
    lost('ENOTFOUND', `getaddrinfo ENOTFOUND ${host}`, 'nothing'),
    lost('ERR_TLS_CERT_ALTNAME_INVALID', `Host: ${host}. is not in the cert's altnames: DNS:${host}`, 'TCP'),
  ]
    .map<string>(({ id }) => id)
    .concat(
      github(`getaddrinfo ENOTFOUND ${host}`),
      github(`tunneling socket could not be established, cause=getaddrinfo EAI_AGAIN ${host}`),
      github(`Hostname/IP does not match certificate's altnames: Host: ${host}. is not in the cert's altnames: DNS:x`),
      /#(.*)$/.exec(explain(new Error(`ENOENT: no such file or directory, open '/tmp/${name}'`)))?.[1] ?? 'unexpected',
    );
}

test('no name of a host, a role, a claim or a file changes the kind of a failure', () => {
  const expected = judge('octo');
  const name = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }).map((words) => words.join('-'));
  fc.assert(fc.property(name, (each) => expect(judge(each)).toEqual(expected)));
  expect(new Set(expected).size).toBeGreaterThan(8);
});
