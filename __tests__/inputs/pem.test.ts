import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseCertificates, parsePrivateKey } from '../../src/inputs/pem.js';
import { formatTime } from '../../src/time.js';
import { createAuthority, createClientCertificate, createServerCertificate } from '../../testbed/certificates.js';
import { createTestFolder, findMasks, readInputsWith, useProcess } from '../support/in-process.js';

// The object identifier of a curve, which openssl writes before the key.
const EC_PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
const ENCRYPTED = { cipher: 'aes-256-cbc', passphrase: 'x' };
const REQUEST = '-----BEGIN CERTIFICATE REQUEST-----\nhunter2\n-----END CERTIFICATE REQUEST-----';
const DAMAGED = '-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----';

const authority = await createAuthority();
const client = await createClientCertificate(authority);
const [expired = '', ending = '', valid = ''] = await Promise.all(
  [-1, 13.9, 14.1].map(async (daysLeft) => (await createServerCertificate(authority, ['a.com'], daysLeft)).cert),
);
const findEnd = (pem: string): string => formatTime(Date.parse(new X509Certificate(pem).validTo));
const folder = createTestFolder();
const stdout = useProcess();

function createKey(options = {}): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'sec1', format: 'pem', ...options }) as string;
}

// As openssl pkcs12 -nodes writes it.
const addBagAttributes = (pem: string): string =>
  `Bag Attributes\n    localKeyID: 20 01 41 73\n    friendlyName: the Key of client 20\nKey Attributes: <No Attributes>\n${pem.trim()}\n`;
const toBase64 = (text: string): string => Buffer.from(text).toString('base64');

function writePem(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const DER = writePem(
  'ca.der',
  Buffer.from(authority.cert.replace(/-----.*-----|\s/g, ''), 'base64').toString('latin1'),
);

test.each<[string, (pem: string) => string]>([
  ['as it is', (pem) => pem],
  ['with CRLF', (pem) => pem.replaceAll('\n', '\r\n')],
  ['with spaces as line ends', (pem) => pem.replaceAll('\n', ' ')],
  ['with literal \\r\\n', (pem) => pem.replaceAll('\n', '\\r\\n')],
  ['with indentation and blank lines', (pem) => pem.replaceAll('\n', '\n\n    ')],
  ['in base64', toBase64],
  ['in lines of base64 with literal \\n', (pem) => toBase64(pem.replaceAll('\n', '\\n')).replace(/.{76}/g, '$&\n')],
  ['from a file with base64', (pem) => writePem('a.pem', toBase64(pem))],
])('PEM %s contains certificates and a key among other text, and only the key is masked', (_, write) => {
  const key = createKey();
  const certificates = addBagAttributes(client.cert) + addBagAttributes(authority.cert);
  const text = certificates + EC_PARAMETERS + addBagAttributes(key);
  const pem = write(text);
  expect(parseCertificates(pem).text).toBe(`${client.cert.trim()}\n${authority.cert.trim()}`);
  expect(stdout.text).toBe('');
  expect(parsePrivateKey(pem)).toBe(key.trim());
  const masks = findMasks(stdout.text).filter((mask) => text.includes(mask));
  expect(masks).toEqual(key.trim().split('\n').slice(1, -1));
});

test.each<[name: string, problem: string, ...values: string[]]>([
  ['caCertificate', 'does not contain a certificate (-----BEGIN CERTIFICATE-----)', client.key, REQUEST],
  ['caCertificate', 'contains a certificate that cannot be read, number 2', `${client.cert}\n${DAMAGED}`],
  ['caCertificate', 'must be PEM text, base64 of PEM text, or the path of', 'hunter2', toBase64('hunter2'), DER],
  ['clientKey', 'must be PEM text, base64 of PEM text, or the path of a file with PEM text', 'hunter2'],
  ['clientKey', 'does not contain a private key', client.cert, client.key.slice(0, 80)],
  ['clientKey', 'is encrypted with a passphrase', createKey(ENCRYPTED), createKey({ ...ENCRYPTED, type: 'pkcs8' })],
])('%s %s', (name, problem, ...values) => {
  const errors = values.map((value) => readInputsWith({ [name]: value }).error);
  expect(errors.filter((error) => !error.startsWith(`Input ${name} ${problem}`))).toEqual([]);
  expect(errors.join()).not.toContain('hunter2');
});

test('a private key is masked as it was given and line by line, even if it cannot be read', () => {
  const clientKey = toBase64('-----BEGIN PRIVATE KEY-----\nhunter2/hunter2+hunter2=\nhunter/2\nhunter3');
  const { error } = readInputsWith({ clientKey });
  expect(error).toBe('Input clientKey does not contain a private key that can be read');
  expect(findMasks(stdout.text)).toEqual([clientKey, 'hunter2/hunter2+hunter2=', 'hunter/2']);
});

test('certificates that have expired are refused unless another CA is valid, after a warning for 14 days', () => {
  const problem = `contains a certificate that expired at ${findEnd(expired)}; renew it`;
  expect(readInputsWith({ caCertificate: expired }).error).toBe(`Input caCertificate ${problem}`);
  const chain = { clientCertificate: `${client.cert}\n${expired}`, clientKey: client.key };
  expect(readInputsWith(chain).error).toBe(`Input clientCertificate ${problem}`);
  expect(readInputsWith({ caCertificate: `${expired}\n${valid}` }).error).toBe('');
  expect(stdout.text).not.toContain('::warning::');
  readInputsWith({ caCertificate: ending });
  expect(stdout.text).toContain(
    `::warning::Input caCertificate contains a certificate that expires at ${findEnd(ending)}. Renew it.\n`,
  );
});

test('a file that cannot be read is named in the error with its absolute path', () =>
  expect(readInputsWith({ caCertificate: relative(process.cwd(), folder) }).error).toBe(
    `Input caCertificate names the file ${folder}, which cannot be read (EISDIR)`,
  ));
