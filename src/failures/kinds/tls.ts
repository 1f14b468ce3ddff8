import { formatTime } from '../../time.js';
import type { Kind } from '../catalogue.js';
import { EMPTY, host, list, VERIFICATION } from './facts.js';

/** Kinds of failures of TLS on the way to Nomad, which are never retried. */
export const TLS_KINDS = {
  'certificate-name-mismatch': {
    to: [/nomad/, /^ERR_TLS_CERT_ALTNAME/],
    advice: (facts) => {
      const names = facts.certificate?.names ?? [];
      const serverName = names.find((name) => /^server\.[\w-]+\.nomad$/.test(name));
      const change = serverName === undefined ? 'In' : `Set the input tlsServerName to ${serverName} or, in`;
      return names.length === 0
        ? `The certificate of ${host(facts)} does not name its server in a subject alternative name. Create a new one, for example with: nomad tls cert create -server`
        : `${change} the input url, use an address for which the certificate is valid: ${list(names)}.`;
    },
  },
  'untrusted-certificate': {
    to: [/nomad/, /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA)/],
    useSystemTrust: true,
    advice: ({ certificate, caCertificate }) => {
      const signed = `The server's certificate is signed by ${certificate ? `"${certificate.issuer}"` : 'another CA'}`;
      if (caCertificate === undefined) {
        return `${signed}, which this step does not trust. Set the input caCertificate to the certificate of that CA. ${EMPTY}`;
      }
      return certificate && caCertificate.names.includes(certificate.issuer)
        ? `${signed}. The input caCertificate contains a CA of the same name but with another key, probably an older one or that of another cluster. Replace it.`
        : `${signed}, and the input caCertificate contains: ${list(caCertificate.names) || 'CAs without a common name'}. Add the CA that signed it, and intermediate CAs that the server does not send.`;
    },
  },
  'certificate-invalid': {
    to: [/nomad/, VERIFICATION],
    advice: (facts) =>
      /HAS_EXPIRED|NOT_YET_VALID/.test(facts.code)
        ? `The certificate of ${host(facts)}${facts.certificate ? ` (valid from ${facts.certificate.validity})` : ''}, or of its CA, has expired or is not yet valid. Renew it on the server, update the input caCertificate, or correct the runner's clock (${formatTime(facts.now)}).`
        : `The certificate of ${host(facts)}, or of its CA, does not pass verification, for the reason above. Replace it on the server: a certificate for servers is created with nomad tls cert create -server, not -client or -cli. RSA keys need at least 2048 bits on Node 24 and later, and SHA-1 signatures are not accepted.`,
  },
  'client-certificate': {
    from: [/nomad/, /400|49[56]/, /No required SSL certificate|SSL certificate error/],
    to: [
      /nomad/,
      /^ERR_SSL_([EC]\w+_KEY_TOO_SMALL|CA_MD_TOO_WEAK|\w*ALERT_(HANDSHAKE_FAILURE|\w*CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR))/,
    ],
    advice: (facts) => {
      const signer = "signed by the CA of the Nomad servers (ca_file in Nomad's tls block)";
      return facts.clientCertificate
        ? `${host(facts)}, or this runner, does not accept the certificate in the input clientCertificate, for the reason above. It must be ${signer}, made for clients (nomad tls cert create -cli), and not expired. RSA keys need at least 2048 bits on Node 24 and later, and SHA-1 signatures are not accepted.`
        : `${host(facts)} probably requires a client certificate (mTLS). Set the input clientCertificate to a certificate ${signer}, and clientKey to its private key. ${EMPTY}`;
    },
  },
  'wrong-scheme': {
    from: [/nomad/, /400|497/, /HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL|requires TLS/],
    to: [/nomad/, /^ERR_SSL\w*(WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST)/],
    advice: (facts) =>
      facts.status > 0
        ? 'This port uses TLS. Change the input url to https://, and set caCertificate for a private CA.'
        : `${host(facts)} does not use TLS on this port. Change the port in the input url to the one that uses TLS. Only if Nomad does not use TLS, change the input to http://.`,
  },
  'tls-handshake-failed': {
    to: [/nomad/, /^(?!.*(UNEXPECTED_EOF|DECRYPTION_FAILED))(EPROTO|ERR_TLS|ERR_SSL)/],
    advice: (facts) =>
      `${host(facts)} and this runner cannot negotiate a TLS connection. Check tls_min_version and tls_cipher_suites in the tls block of the Nomad servers, and any load balancer or proxy in between. If the server has no certificate for the requested name, correct the input url or tlsServerName.`,
  },
} satisfies Record<string, Kind>;
