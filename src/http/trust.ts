import * as tls from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import { excerpt, quote } from '../secrets.js';

// Only Node 22.15 and later can read the operating system's store.
const { getCACertificates } = tls as { getCACertificates?: (store: 'default' | 'system') => string[] };

const MAX_NAMES_LENGTH = 16_384;
const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_UNTRUSTED|INVALID_CA)/;

/** Tells whether a TLS error says that no root certificate verifies the server. */
export function isUntrusted(code: string): boolean {
  return UNTRUSTED.test(code);
}

/** Returns the root certificates of Node, of NODE_EXTRA_CA_CERTS and of the operating system; undefined if Node cannot read the last. */
export function readSystemRoots(): string[] | undefined {
  return getCACertificates && [...getCACertificates('default'), ...getCACertificates('system')];
}

/**
 * Checks the names in a server's certificate. Like the nomad CLI, it refuses a certificate without names; Node would use the common name.
 * https://www.rfc-editor.org/rfc/rfc9525#section-6
 */
export function checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname) {
    return tls.checkServerIdentity(host, certificate);
  }
  const error = new Error('the certificate has no subject alternative name');
  return Object.assign(error, { code: 'ERR_TLS_CERT_ALTNAME_INVALID', cert: certificate });
}

/** Returns the DNS names and IP addresses in the certificate of a TLS error. */
export function readCertificateNames(certificate: Partial<PeerCertificate> | undefined): string[] {
  // Before it is split, because a name may contain a secret that the server has received.
  const names = excerpt(certificate?.subjectaltname ?? '', MAX_NAMES_LENGTH).split(', ');
  return names.flatMap((name) => /^(?:DNS|IP Address):"?([^"]+)/.exec(name)?.[1] ?? []).map((name) => quote(name, 100));
}
