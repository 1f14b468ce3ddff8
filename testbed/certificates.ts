import { generate, type SubjectAltNameEntry } from 'selfsigned';

/** A certificate and its private key as PEM. */
export interface Certificate {
  cert: string;
  key: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Creates a certificate authority, which signs the certificates of the other functions. */
export async function createAuthority(name = 'Testbed CA'): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert, key };
}

/** Creates a server certificate for DNS names and IP addresses; it has expired if `daysLeft` is negative. */
export function createServerCertificate(authority: Certificate, names: string[], daysLeft = 1): Promise<Certificate> {
  return createLeaf(authority, names[0] ?? 'server', names.map(describeName), daysLeft);
}

/** Creates a client certificate. */
export function createClientCertificate(authority: Certificate, name = 'client.global.nomad'): Promise<Certificate> {
  return createLeaf(authority, name, [describeName(name)], 1);
}

async function createLeaf(
  authority: Certificate,
  commonName: string,
  altNames: SubjectAltNameEntry[],
  daysLeft: number,
): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ca: authority,
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 30 * DAY_MS),
    notAfterDate: new Date(Date.now() + daysLeft * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { cert, key };
}

function describeName(name: string): SubjectAltNameEntry {
  return /^[\d.]+$|:/.test(name) ? { type: 7, ip: name } : { type: 2, value: name };
}
