import assert from 'node:assert';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { mask } from '../secrets.js';

const BEGIN = '-----BEGIN ';
const BLOCK = /-----BEGIN ([^-]+)-----(.+?)-----END \1-----/gs;
// A shorter line does not reveal a key, and its mask could garble the log.
const SECRET_LINE = /^[\w+/=]{8,}$/;

/** Reads certificates in any of the forms of the input, in the same order; throws an error that says what is wrong. */
export function parseCertificates(value: string) {
  const blocks = findBlocks(decode(load(value)), /^CERTIFICATE$/);
  assert(blocks.length > 0, 'does not contain a certificate (-----BEGIN CERTIFICATE-----)');
  const certificates = blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Error(`contains a certificate that cannot be read, number ${String(index + 1)}`);
    }
  });
  return {
    text: blocks.join('\n'),
    /** The common names. */
    names: certificates.flatMap(({ subject }) => /^CN=(.*)$/m.exec(subject)?.[1] ?? []),
    expiryMs: certificates.map(({ validTo }) => Date.parse(validTo)),
  };
}

/** Reads a private key in any of the forms of the input, and masks it; throws an error that says what is wrong. */
export function parsePrivateKey(value: string): string {
  const content = load(value);
  maskKey(content);
  const text = decode(content);
  maskKey(text);
  const isEncrypted = /BEGIN ENCRYPTED|Proc-Type:[^\n]*ENCRYPTED/.test(text);
  assert(!isEncrypted, 'is encrypted with a passphrase; store the key without one in a secret');
  const [key = ''] = findBlocks(text, /PRIVATE KEY$/);
  try {
    createPrivateKey(key);
  } catch {
    throw new Error('does not contain a private key that can be read');
  }
  return key;
}

/** Masks the lines of a private key; a value that does not contain one may still be part of one. */
export function maskKey(text: string): void {
  const bodies = [...text.matchAll(/BEGIN [A-Z ]*PRIVATE KEY-----([^-]+)/g)].map(([, body = '']) => body);
  (bodies.length > 0 ? bodies : [text])
    .flatMap((body) => body.split(/\s|\\[rn]/))
    .filter((line) => SECRET_LINE.test(line))
    .forEach(mask);
}

function load(value: string): string {
  if (value.includes(BEGIN) || !existsSync(value)) {
    return value;
  }
  try {
    return readFileSync(value, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new Error(`names the file ${resolve(value)}, which cannot be read (${code})`);
  }
}

// Users paste PEM text, in which line ends may be written as \n or replaced by spaces, or base64 of such text.
function decode(content: string): string {
  const base64 = content.replace(/\s/g, '');
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
  const text = isBase64 ? Buffer.from(base64, 'base64').toString() : content;
  assert(
    text.includes(BEGIN),
    'must be PEM text, base64 of PEM text, or the path of a file with PEM text; to convert DER, run: openssl x509 -inform der -in FILE',
  );
  return text.replace(/\\[rn]/g, '\n');
}

function findBlocks(text: string, label: RegExp): string[] {
  return [...text.matchAll(BLOCK)]
    .filter(([, name = '']) => label.test(name))
    .map(([, name = '', body = '']) =>
      [`${BEGIN}${name}-----`, ...body.trim().split(/\s+/), `-----END ${name}-----`].join('\n'),
    );
}
