import { createECDH, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseCertificates, parsePrivateKey, readCommonNames } from '../../src/inputs/pem.js';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { useProcess } from '../support/in-process.js';
import { readInputsWith } from '../support/read-inputs-with.js';

// The object identifier of a curve, which openssl writes before the key.
const EC_PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
const DAY_MS = 24 * 60 * 60 * 1000;

const authority = await createAuthority();
const client = await createClientCertificate(authority);
const folder = mkdtempSync(join(tmpdir(), 'pem-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const stdout = useProcess();

const createKey = (type: 'pkcs8' | 'sec1', passphrase?: string): string =>
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
    type,
    format: 'pem',
    ...(passphrase !== undefined && { cipher: 'aes-256-cbc', passphrase }),
  }) as string;
const maskFor = (line: string): string => `::add-mask::${line}\n`;
// As openssl pkcs12 -nodes writes it.
const addBagAttributes = (pem: string): string =>
  `Bag Attributes\n    localKeyID: 20 01 41 73\n    friendlyName: the Key of client 20\nKey Attributes: <No Attributes>\n${pem.trim()}\n`;

function writePem(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const FORMS: [string, (pem: string) => string][] = [
  ['as it is', (pem) => pem],
  ['with CRLF', (pem) => pem.replaceAll('\n', '\r\n')],
  ['with spaces as line ends', (pem) => pem.replaceAll('\n', ' ')],
  ['with literal \\r\\n', (pem) => pem.replaceAll('\n', '\\r\\n')],
  ['with indentation and blank lines', (pem) => pem.replaceAll('\n', '\n\n    ')],
  ['in base64', (pem) => Buffer.from(pem).toString('base64')],
  [
    'in base64 of several lines of PEM with literal \\n',
    (pem) => Buffer.from(pem.replaceAll('\n', '\\n')).toString('base64').replace(/.{76}/g, '$&\n'),
  ],
  ['from a file with base64', (pem) => writePem('a.pem', Buffer.from(pem).toString('base64'))],
];

describe.each(FORMS)('PEM %s', (_, write) => {
  test('contains certificates, which are read in order', () => {
    const chain = `${client.cert.trim()}\n${authority.cert.trim()}`;
    expect(parseCertificates(write(`${chain}\n`)).text).toBe(chain);
  });

  test('contains a key after the certificate and the words of openssl pkcs12, whose lines are all masked', () => {
    const key = createKey('pkcs8');
    expect(parsePrivateKey(write(addBagAttributes(client.cert) + addBagAttributes(key))).text).toBe(key.trim());
    const lines = key.split('\n').filter((line) => line.length >= 8 && !line.startsWith('-----'));
    expect(lines.filter((line) => !stdout.text.includes(maskFor(line)))).toEqual([]);
    expect(stdout.text).not.toMatch(/::add-mask::(-----|\w{1,7}\n|localKeyID|friendlyName)/);
  });

  test('contains a key after EC PARAMETERS', () => {
    const key = createKey('sec1');
    expect(parsePrivateKey(write(EC_PARAMETERS + key)).text).toBe(key.trim());
  });
});

describe('a private key', () => {
  test.each([
    ['a certificate', client.cert, 'does not contain a private key'],
    ['a key that is cut off', client.key.slice(0, 80), 'does not contain a private key'],
    ['a key with a passphrase', createKey('pkcs8', 'x'), 'is encrypted with a passphrase'],
    ['a SEC1 key with a passphrase', createKey('sec1', 'x'), 'is encrypted with a passphrase'],
    ['other text', 'hunter2', 'must be PEM text, base64 of PEM text, or the path of a file'],
  ])('is not read from %s', (_, value, problem) => {
    expect(() => parsePrivateKey(value)).toThrow(problem);
  });

  test('is masked even if it cannot be read', () => {
    const secret = createECDH('prime256v1').generateKeys('base64');
    const { error, output } = readInputsWith({ clientKey: `-----BEGIN PRIVATE KEY-----\n${secret}` });
    expect(error).toBe('Input clientKey does not contain a private key that can be read');
    expect(output).toContain(maskFor(secret));
  });

  test('is masked in the base64 form in which it was given', () => {
    const value = Buffer.from(createKey('pkcs8')).toString('base64');
    expect(readInputsWith({ clientKey: value }).output).toContain(maskFor(value));
  });
});

describe('certificates', () => {
  test('are read without the text and the key between them, and have common names', () => {
    const { text } = parseCertificates(
      `subject=CN = a = b\n${client.cert}\nissuer: a\n${client.key}\n${authority.cert}\nthe end`,
    );
    expect(text.match(/-----BEGIN [A-Z ]+-----/g)).toEqual(Array(2).fill('-----BEGIN CERTIFICATE-----'));
    expect(readCommonNames(text)).toBe('client.global.nomad, Testbed CA');
  });

  test.each([
    ['a key', client.key, 'does not contain a certificate (-----BEGIN CERTIFICATE-----)'],
    [
      'a second certificate that is damaged',
      `${client.cert}\n-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----`,
      'contains a certificate that cannot be read, number 2',
    ],
    ['base64 of other text', Buffer.from('hunter2').toString('base64'), 'must be PEM text, base64 of PEM text'],
  ])('are not read from %s', (_, caCertificate, problem) => {
    const { error } = readInputsWith({ caCertificate });
    expect(error).toContain(`Input caCertificate ${problem}`);
    expect(error).not.toContain('hunter2');
  });

  test('are refused if they have expired, and warned about 14 days before', async () => {
    const create = async (daysLeft: number): Promise<string> =>
      (await createServerCertificate(authority, ['a.example.com'], daysLeft)).cert;
    const [expired, ending, valid] = [await create(-1), await create(13.9), await create(14.1)];
    const day = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
    expect(readInputsWith({ caCertificate: expired }).error).toMatch(
      new RegExp(`^Input caCertificate contains a certificate that expired at ${day(-1)}T[\\d:]+Z; renew it$`),
    );
    expect(readInputsWith({ caCertificate: ending }).output).toMatch(
      new RegExp(`^::warning::Input caCertificate contains a certificate that expires at ${day(13.9)}T`),
    );
    expect(readInputsWith({ caCertificate: valid }).output).toBe('');
  });

  test('are refused if one of a client chain has expired, but not if one of several CAs has', async () => {
    const { cert } = await createServerCertificate(authority, ['a.example.com'], -1);
    const inputs = { clientCertificate: `${client.cert}\n${cert}`, clientKey: client.key };
    const later = await createServerCertificate(authority, ['a.example.com'], 30);
    expect(readInputsWith(inputs).error).toContain('Input clientCertificate contains a certificate that expired at');
    expect(readInputsWith({ caCertificate: `${cert}\n${later.cert}` })).toMatchObject({ error: '', output: '' });
  });
});

test('the path of a file is kept as an absolute path, and named in the error if the file cannot be read', () => {
  expect(parseCertificates(relative(process.cwd(), writePem('ca.pem', authority.cert))).path).toBe(
    join(folder, 'ca.pem'),
  );
  expect(parseCertificates(authority.cert).path).toBeUndefined();
  expect(readInputsWith({ caCertificate: folder }).error).toBe(
    `Input caCertificate names the file ${folder}, which cannot be read (EISDIR)`,
  );
});
