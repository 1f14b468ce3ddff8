import { createPrivateKey, X509Certificate } from 'node:crypto';

const BEGIN = '-----BEGIN ';
const BLOCK = /-----BEGIN ([^-]+)-----(.+?)-----END \1-----/gs;
// Shorter lines are padding at the end; their mask would garble the whole log.
const MIN_SECRET_LENGTH = 4;
const MIN_GIVEN_LENGTH = 6;
const MIN_KEY_LINE_LENGTH = 16;

/** Reads base64 or PEM text and returns its certificates as PEM, in the same order; throws an error that says what is wrong. */
export function parseCertificates(value: string): string {
  const blocks = readBlocks(value)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ pem }) => pem);
  if (blocks.length === 0) {
    throw new Error('does not contain a certificate (-----BEGIN CERTIFICATE-----)');
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      const position = `number ${String(index + 1)} of ${String(blocks.length)}`;
      throw new Error(`contains a certificate that cannot be read, ${position}`);
    }
  }
  return blocks.join('\n');
}

/** Reads base64 or PEM text and returns the private key in it as PEM; throws an error that says what is wrong. */
export function parsePrivateKey(value: string): string {
  if (/BEGIN ENCRYPTED|Proc-Type:[^\n]*ENCRYPTED/.test(decode(value))) {
    throw new Error('is encrypted with a passphrase; store the key without one in a secret');
  }
  const key = readBlocks(value).find(({ label }) => label.endsWith('PRIVATE KEY'));
  try {
    createPrivateKey(key?.pem ?? '');
  } catch {
    throw new Error('does not contain a private key that can be read');
  }
  return key?.pem ?? '';
}

/** Tells whether a private key belongs to the first of the certificates. */
export function isKeyOfCertificate(key: string, certificates: string): boolean {
  return new X509Certificate(certificates).checkPrivateKey(createPrivateKey(key));
}

/** Returns the secret lines of a private key, as given and decoded; the runner compares masks line by line. */
export function findSecretsInPem(value: string): string[] {
  const text = value.includes(BEGIN) ? value : decode(value);
  // Text around a key, such as the attributes that openssl pkcs12 prints, consists of ordinary words.
  const keys = [...text.matchAll(/-----BEGIN [^-]*PRIVATE KEY-----([^-]+)-----END/g)].flatMap(([, body = '']) =>
    splitLines(body).filter((line) => isBase64(line, MIN_SECRET_LENGTH)),
  );
  // What is not the base64 of a key may be a word such as "none".
  const minLength = text.includes(BEGIN) ? MIN_SECRET_LENGTH : MIN_GIVEN_LENGTH;
  const given = value.includes(BEGIN) ? [] : splitLines(value).filter((line) => line.length >= minLength);
  const others = keys.length > 0 ? [] : splitLines(text).filter((line) => isBase64(line, MIN_KEY_LINE_LENGTH));
  return [...new Set([...given, ...keys, ...others])];
}

function isBase64(line: string, minLength: number): boolean {
  return line.length >= minLength && /^[\w+/=]+$/.test(line);
}

function splitLines(text: string): string[] {
  return text.split(/(?:\s|\\[rn])+/);
}

function readBlocks(value: string): { label: string; pem: string }[] {
  const text = decode(value);
  if (!text.includes(BEGIN)) {
    throw new Error('must be PEM text or base64 of PEM text');
  }
  return [...text.matchAll(BLOCK)].map(([, label = '', body = '']) => ({
    label,
    pem: [`${BEGIN}${label}-----`, ...body.trim().split(/\s+/), `-----END ${label}-----`].join('\n'),
  }));
}

// Users paste PEM text, in which line ends may be written as \n or replaced by spaces, or base64 of such text.
function decode(value: string): string {
  return (value.includes(BEGIN) ? value : decodeBase64(value)).replace(/\\[rn]/g, '\n');
}

function decodeBase64(value: string): string {
  const base64 = value.replace(/\s/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').toString() : '';
}
