import { generate } from 'selfsigned';
import type { Certificate } from '../../testbed/certificates.js';

/** Creates a server certificate that contains the name of the server only as the common name. */
export async function createUnnamedCertificate(authority: Certificate, commonName: string): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ca: authority,
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
    ],
  });
  return { cert, key };
}
