import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { Deadline } from '../../src/deadline.js';
import { getIdentity } from '../../src/identity/identity.js';
import { parseToken } from '../../src/nomad/token.js';
import { captureStdout } from '../support/capture.js';
import { ROOT } from '../support/docs.js';
import { readInputsWith } from '../support/read-inputs-with.js';

const metadata = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as { inputs: Record<string, unknown> };

const SECRET = 'hunter2-hunter2';
const RUNS = { numRuns: 5_000 };

// Any text, often with a secret somewhere in it.
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.string()).map(([before, after]) => before + SECRET + after),
);

// Text that an environment variable can contain.
const value = text.map((any) => any.replace(/\0|\p{Cs}/gu, ''));

const urlLike = fc
  .tuple(
    fc.constantFrom('http://', 'https://', 'HTTP:', 'ftp://', '', '//', 'http:\\\\', 'javascript:'),
    fc.constantFrom('', `user:${SECRET}@`, `${SECRET}@`, '@', ':@'),
    fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      value,
    ),
    fc.constantFrom('', ':4646', ':0', ':99999', ':x', '/', '/base/', `/?token=${SECRET}`, `#${SECRET}`, ' ', '\n'),
  )
  .map((parts) => parts.join(''));

const pemLike = fc
  .tuple(
    fc.constantFrom('-----BEGIN CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----', '-----BEGIN ', ''),
    fc.oneof(fc.base64String(), value),
    fc.constantFrom('-----END CERTIFICATE-----', '-----END PRIVATE KEY-----', '-----', ''),
    fc.constantFrom('\n', '\\n', ' ', ''),
    fc.boolean(),
  )
  .map(([begin, body, end, separator, isEncoded]) => {
    const pem = [begin, body, end].join(separator);
    return isEncoded ? Buffer.from(pem).toString('base64') : pem;
  });

const headerLike = fc
  .array(
    fc.oneof(
      value,
      fc.tuple(value, value).map((parts) => parts.join(': ')),
      fc.constant(`X-Key: ${SECRET}`),
    ),
  )
  .map((lines) => lines.join('\n'));

const booleanLike = fc.oneof(value, fc.constantFrom('true', 'TRUE', 'tRue', 'false', 'no', '1'));

// The values to try for each input of action.yml, in addition to the defaults.
const VALUES: Record<string, fc.Arbitrary<string>> = {
  url: fc.oneof(urlLike, value),
  methodName: value,
  identityToken: value,
  jwtGithubAudience: value,
  exportToken: booleanLike,
  outputToken: booleanLike,
  tlsSkipVerify: booleanLike,
  caCertificate: fc.oneof(pemLike, value),
  clientCertificate: pemLike,
  clientKey: pemLike,
  extraHeaders: headerLike,
  tlsServerName: value,
  region: value,
  namespace: value,
  timeout: fc.oneof(value, fc.double().map(String), fc.bigInt().map(String)),
  exportConnection: booleanLike,
  revokeToken: booleanLike,
};

describe.each(Object.keys(metadata.inputs))('the input %s', (name) => {
  test('is read, or refused with an error that names it and does not contain its secret', () => {
    const values = VALUES[name];
    if (values === undefined) {
      throw new Error(`Add values to try for the input ${name}.`);
    }
    fc.assert(
      fc.property(values, (given) => {
        const { inputs, error } = readInputsWith({ [name]: given });
        if (inputs === undefined) {
          expect(error).toMatch(new RegExp(`^Input ${name} [^\\n]+$`));
          expect(error).not.toContain(SECRET);
        }
      }),
      RUNS,
    );
  });
});

test('a url that is accepted is an http or https address to which a path can be added', () => {
  fc.assert(
    fc.property(urlLike, (given) => {
      const { inputs } = readInputsWith({ url: given });
      if (inputs !== undefined) {
        const { protocol, username, search, hash, pathname } = new URL(`${inputs.url}/v1/acl/login`);
        expect(protocol).toMatch(/^https?:$/);
        expect([username, search, hash]).toEqual(['', '', '']);
        expect(pathname).toMatch(/\/v1\/acl\/login$/);
      }
    }),
    RUNS,
  );
});

test('headers are read unchanged, and their long values are masked', () => {
  const token = fc.stringMatching(/^x-[a-z]{1,8}$/);
  const content = fc.stringMatching(/^[!-~]{6,20}$/);
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(token, content), { selector: ([name]) => name, minLength: 1 }), (headers) => {
      const { inputs, output } = readInputsWith({ extraHeaders: headers.map((pair) => pair.join(': ')).join('\n') });
      expect(Object.entries(inputs?.extraHeaders ?? {})).toEqual(headers);
      for (const [, secret] of headers) {
        expect(output).toContain(`::add-mask::${secret.replaceAll('%', '%25')}\n`);
      }
    }),
    RUNS,
  );
});

describe('with the output captured', () => {
  let stdout: ReturnType<typeof captureStdout>;

  beforeAll(() => {
    stdout = captureStdout();
  });

  afterAll(() => {
    stdout.restore();
  });

  test('an identityToken is used unchanged, or refused as not a JWT', async () => {
    const part = fc.oneof(
      fc.base64String().map((given) => given.replace(/[+/=]/g, '')),
      fc.object().map((given) => Buffer.from(JSON.stringify(given)).toString('base64url')),
      value,
    );
    const jwtLike = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(jwtLike, async (identityToken) => {
        const options = { identityToken, jwtGithubAudience: undefined };
        const outcome = await getIdentity(options, new Deadline(1)).then(({ token }) => token, String);
        expect([identityToken, outcome]).toContain(outcome);
        if (outcome !== identityToken) {
          expect(outcome).toMatch(/^Error: Input identityToken is not a JWT/);
        }
      }),
      RUNS,
    );
  });

  test('a response from Nomad is a token with valid parts, or causes an error that quotes nothing', () => {
    const uuid = fc.uuid();
    const strange = fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.constant(SECRET));
    const names = fc.oneof(fc.array(fc.stringMatching(/^[a-z-]{1,9}$/)), fc.constant(null), strange);
    const roles = fc.oneof(fc.array(fc.record({ Name: fc.oneof(fc.constant('reader'), strange) })), strange);
    const answer = fc.oneof(
      fc.json(),
      text,
      fc
        .record({
          SecretID: fc.oneof(uuid, strange),
          AccessorID: fc.oneof(uuid, strange),
          Type: fc.oneof(fc.constantFrom('client', 'management'), strange),
          Policies: names,
          Roles: roles,
          ExpirationTime: fc.oneof(
            fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
            strange,
          ),
        })
        .map((token) => JSON.stringify(token)),
    );
    fc.assert(
      fc.property(answer, (given) => {
        stdout.text = '';
        try {
          const { secretId, accessorId, type, policies, roles } = parseToken(given);
          expect(stdout.text).toContain(`::add-mask::${secretId}`);
          expect(`${secretId} ${accessorId} ${type}`).toMatch(/^[\da-f-]{36} [\da-f-]{36} (client|management)$/i);
          expect([...policies, ...roles].join('')).toMatch(/^[a-zA-Z0-9-]*$/);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: Nomad's response does not contain a valid token$/);
        }
      }),
      RUNS,
    );
  });
});
