import { createECDH, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, type Certificate } from '../../testbed/certificates.js';
import { findSecretsInPem, isKeyOfCertificate, parseCertificates, parsePrivateKey } from '../../src/inputs/pem.js';
import { readInputsWith } from '../support/read-inputs-with.js';

let authority: Certificate;
let client: Certificate;

beforeAll(async () => {
  authority = await createAuthority();
  client = await createClientCertificate(authority);
});

// The object identifier of this curve, which openssl writes before the key.
const EC_PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
const SEC1_KEY = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
  type: 'sec1',
  format: 'pem',
}) as string;

// As openssl pkcs12 -nodes writes it.
const addBagAttributes = (pem: string): string => `Bag Attributes
    localKeyID: 20 01 41 73 3B 6E
    friendlyName: the Key of client 20
Key Attributes: <No Attributes>
${pem.trim()}
`;
const isBodyLine = (line: string): boolean => line !== '' && !line.startsWith('-----');
const bodyLines = (pem: string): string[] => pem.split(/\r?\n/).filter(isBodyLine);

const FORMS: [string, (pem: string) => string][] = [
  ['as it is', (pem) => pem],
  ['with CRLF', (pem) => pem.replaceAll('\n', '\r\n')],
  ['with CR', (pem) => pem.replaceAll('\n', '\r')],
  ['with spaces as line ends', (pem) => pem.replaceAll('\n', ' ')],
  ['with literal \\n', (pem) => pem.replaceAll('\n', '\\n')],
  ['with literal \\r\\n', (pem) => pem.replaceAll('\n', '\\r\\n')],
  ['with indentation', (pem) => pem.replace(/^/gm, '    ')],
  ['with blank lines', (pem) => pem.replaceAll('\n', '\n\n')],
  ['in base64', (pem) => Buffer.from(pem).toString('base64')],
  ['in base64 of several lines', (pem) => Buffer.from(pem).toString('base64').replace(/.{76}/g, '$&\n')],
];

describe('a private key', () => {
  test.each(FORMS)('is read %s', (_, write) => {
    expect(isKeyOfCertificate(parsePrivateKey(write(client.key)), client.cert)).toBe(true);
  });

  test.each(FORMS)('is read after EC PARAMETERS, %s', (_, write) => {
    expect(parsePrivateKey(write(EC_PARAMETERS + SEC1_KEY))).toBe(SEC1_KEY.trim());
  });

  test.each(FORMS)('is read from the output of openssl pkcs12, %s', (_, write) => {
    const key = parsePrivateKey(write(addBagAttributes(client.key) + addBagAttributes(client.cert)));
    expect(isKeyOfCertificate(key, client.cert)).toBe(true);
  });

  test.each([
    ['a certificate', () => client.cert],
    ['a public key', () => '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----'],
    ['a key that is cut off', () => client.key.slice(0, 80)],
    ['a key whose body is not base64', () => '-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----'],
    ['a curve without a key', () => EC_PARAMETERS],
  ])('is not found in %s', (_, write) => {
    expect(() => parsePrivateKey(write())).toThrow(/^does not contain a private key that can be read$/);
  });

  test.each(['pkcs8', 'sec1'] as const)('with a passphrase is refused for that reason, as %s', (type) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const encrypted = privateKey.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    expect(() => parsePrivateKey(encrypted as string)).toThrow(/^is encrypted with a passphrase/);
  });
});

describe('certificates', () => {
  test.each(FORMS)('are read in order, %s', (_, write) => {
    const chain = [client.cert, authority.cert].map((pem) => pem.trim().replaceAll('\r', '')).join('\n');
    expect(parseCertificates(write(`${chain}\n`))).toBe(chain);
  });

  test('are read without the text and the key between them', () => {
    const text = `subject=CN = a = b\n${client.cert}\nissuer: a\n${client.key}\n${authority.cert}\nthe end`;
    expect(parseCertificates(text).match(/-----BEGIN [A-Z ]+-----/g)).toEqual(
      Array(2).fill('-----BEGIN CERTIFICATE-----'),
    );
  });
});

describe('the masks of a private key', () => {
  test.each(FORMS.slice(0, 8))('are all lines of its body, and nothing else, %s', (_, write) => {
    const masks = findSecretsInPem(write(addBagAttributes(client.key) + addBagAttributes(client.cert)));
    expect(masks).toEqual(bodyLines(client.key).filter((line) => line.length >= 4));
  });

  test('do not include the words around it, in base64', () => {
    const value = Buffer.from(addBagAttributes(client.key)).toString('base64');
    expect(findSecretsInPem(value)).toEqual([value, ...bodyLines(client.key).filter((line) => line.length >= 4)]);
  });

  test('include the lines of a key whose end is missing', () => {
    const cut = client.key.slice(0, client.key.lastIndexOf('-----END'));
    expect(findSecretsInPem(cut)).toEqual(expect.arrayContaining(bodyLines(cut).filter((line) => line.length >= 4)));
  });

  test('include the lines of a key without its BEGIN line', () => {
    const [body = ''] = bodyLines(client.key);
    expect(findSecretsInPem(`${body}\n-----END PRIVATE KEY-----`)).toContain(body);
  });

  test('are printed even if the input is malformed', () => {
    const secret = createECDH('prime256v1').generateKeys('base64');
    const { error, output } = readInputsWith({ clientKey: `-----BEGIN PRIVATE KEY-----\n${secret}` });
    expect(error).toBe('Input clientKey does not contain a private key that can be read');
    expect(output).toContain(`::add-mask::${secret}\n`);
  });

  test('do not include the words around a certificate', () => {
    const { output } = readInputsWith({ caCertificate: `subject=CN = a\nissuer: the CA\n${authority.cert}` });
    expect(output).not.toContain('::add-mask::');
  });

  test('do not include the words around a certificate that is in clientKey by mistake', () => {
    const words = findSecretsInPem(`subject=CN = a, O = the Key\n${client.cert}`).filter((mask) => mask.length < 16);
    expect(words).toEqual([]);
  });
});
