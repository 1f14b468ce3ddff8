import { createPrivateKey, X509Certificate } from 'node:crypto';

/** Returns the certificates in base64 or PEM text as PEM, in their order; throws what is wrong with them. */
export function parseCertificates(value: string): string {
  const blocks = decodePem(value).match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs);
  if (blocks === null) {
    throw new Error('holds no certificate (-----BEGIN CERTIFICATE-----)');
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new Error(
        `holds a certificate that cannot be read, number ${String(index + 1)} of ${String(blocks.length)}`,
      );
    }
  }
  return blocks.join('\n');
}

/** Returns the private key in base64 or PEM text as PEM; throws what is wrong with it. */
export function parsePrivateKey(value: string): string {
  const pem = decodePem(value);
  if (pem.includes('ENCRYPTED')) {
    throw new Error('is encrypted with a passphrase; store the key without one in a secret');
  }
  try {
    createPrivateKey(pem);
  } catch {
    throw new Error('holds no private key that can be read');
  }
  return pem;
}

/** Tells whether a private key belongs to the first of the certificates. */
export function isKeyOfCertificate(key: string, certificates: string): boolean {
  return new X509Certificate(certificates).checkPrivateKey(createPrivateKey(key));
}

/** Returns the parts of a private key's text that are secret, line by line, as the runner's masks compare lines. */
export function findSecretsInPem(value: string): string[] {
  return value.replace(/-----[^-]+-----/g, ' ').split(/(?:\s|\\[rn])+/);
}

// Secrets are pasted as PEM, with its line ends written out as \n or turned to spaces, and as base64 of either.
function decodePem(value: string): string {
  const text = (value.includes('-----BEGIN ') ? value : decodeBase64(value)).replace(/\\[rn]/g, '\n');
  if (!text.includes('-----BEGIN ')) {
    throw new Error('must be base64 of PEM text, or PEM text');
  }
  return text.replace(
    /(-----BEGIN [^-]+-----)(.+?)(-----END [^-]+-----)/gs,
    (_, begin: string, body: string, end: string) => [begin, ...body.trim().split(/\s+/), end].join('\n'),
  );
}

function decodeBase64(value: string): string {
  const base64 = value.replace(/\s/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').toString() : '';
}
