import { isIP } from 'node:net';
import { formatTime } from '../deadline.js';
import { DEFAULT_URL } from '../inputs/values.js';
import { SIXTH, type Facts, type Kinds } from './failure.js';

const EMPTY = 'If it is set, the secret or output that it comes from is empty in this job.';

const host = ({ url }: Facts): string => new URL(url).hostname;
const address = ({ url }: Facts): string => {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
};
const variable = ({ proxy }: Facts): string => proxy?.variable ?? 'HTTPS_PROXY';

function adviseName({ url, certificate }: Facts): string {
  const { hostname } = new URL(url);
  const names = certificate?.names ?? [];
  if (names.length === 0) {
    return `The certificate of ${hostname} does not name its server in a subject alternative name. Create a new one, for example with: nomad tls cert create -server`;
  }
  const server = names.find((name) => /^server\.[\w-]+\.nomad$/.test(name)) ?? 'one of these names';
  const change = names.every((name) => isIP(name) !== 0)
    ? 'Use one of these addresses in the input url.'
    : `Set the input tlsServerName to ${server}, or use one of these names in the input url.`;
  return `The certificate of ${hostname} is valid for ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : '.'} ${change}`;
}

/** Reasons why there was no complete response from Nomad, or from a proxy. */
export const NETWORK_KINDS = {
  'proxy-authentication': {
    match: /^proxy 407/,
    advice: (facts) =>
      `The proxy does not accept the credentials in ${variable(facts)}, or there are none. Correct them there (http://USER:PASSWORD@proxy.example.com:3128, with special characters percent-encoded), or add ${host(facts)} to NO_PROXY. Only Basic authentication works: a proxy that only offers Negotiate or NTLM needs an exception, or a local proxy such as Cntlm.`,
  },
  'proxy-unavailable': {
    retry: 1,
    match: /^proxy (408|429|5\d\d)/,
    advice: (facts) =>
      `The proxy cannot reach ${address(facts)}. Check that the server is running, and that the proxy can resolve its name and reach it. If the runner reaches the server directly, add ${host(facts)} to NO_PROXY.`,
  },
  'proxy-refused': {
    match: /^proxy \d/,
    advice: (facts) =>
      `The proxy does not allow connections to ${address(facts)}. Allow this host and port there (many proxies only allow port 443). If this is not a proxy, correct ${variable(facts)}. If the runner reaches the server directly, add ${host(facts)} to NO_PROXY.`,
  },
  'proxy-certificate': {
    match: /^proxy .*(CERT|SSL|TLS|ISSUER|UNSPECIFIED|certificate)/,
    advice: (facts) =>
      `The TLS connection to the proxy fails, not the one to ${host(facts)}. Check the address in ${variable(facts)}: most proxies are addressed with http://. If the proxy uses TLS with a private CA, install the CA on the runner or set NODE_EXTRA_CA_CERTS; the input caCertificate is only for Nomad.`,
  },
  'proxy-unreachable': {
    retry: SIXTH,
    match: /^proxy/,
    advice: (facts) =>
      `The proxy itself cannot be reached. Correct its address in ${variable(facts)}, or add ${host(facts)} to NO_PROXY.`,
  },
  'certificate-expired': {
    match: /^network CERT_(HAS_EXPIRED|NOT_YET_VALID)/,
    advice: (facts) => {
      const { certificate, now } = facts;
      const which = certificate?.validity
        ? `The certificate of ${certificate.validity}`
        : `The certificate of ${host(facts)}, or of its CA, has expired or is not yet valid`;
      return `${which}. Renew it on the server, update the input caCertificate, or correct the runner's clock (${formatTime(now)}).`;
    },
  },
  'certificate-name-mismatch': {
    match: /^network ERR_TLS_CERT_ALTNAME/,
    advice: adviseName,
  },
  'untrusted-certificate': {
    match: /^network (UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA)/,
    advice: ({ certificate, caNames }) => {
      const issuer = certificate?.issuer ?? '';
      const signed = `The server's certificate is signed by ${issuer === '' ? 'another CA' : `"${issuer}"`}`;
      if (caNames === '') {
        return `${signed}, which this step does not trust. Set the input caCertificate to the certificate of that CA. ${EMPTY}`;
      }
      return caNames.includes(issuer) && issuer !== ''
        ? `${signed}. The input caCertificate contains a CA of the same name but with another key, probably an older one or that of another cluster. Replace it.`
        : `${signed}, and the input caCertificate contains: ${caNames}. Add the CA that signed it, and intermediate CAs that the server does not send.`;
    },
  },
  'certificate-invalid': {
    // Verification codes of OpenSSL have no prefix, unlike the codes of Node and undici.
    match: /^network (?!E[A-Z]+ |EAI_|ERR_|UND_ERR_|HPE_|ABORT_|NO_RESPONSE)[A-Z_]+ /,
    advice: (facts) =>
      `The certificate of ${host(facts)}, or of its CA, does not pass verification, for the reason above. Replace it on the server: a certificate for servers is created with nomad tls cert create -server, not -client or -cli. RSA keys need at least 2048 bits on Node 24 and later, and SHA-1 signatures are not accepted.`,
  },
  'client-certificate-weak': {
    match: /^network ERR_SSL_(EE_KEY_TOO_SMALL|CA_KEY_TOO_SMALL|CA_MD_TOO_WEAK)/,
    advice:
      'RSA keys need at least 2048 bits on Node 24 and later, and SHA-1 signatures are not accepted. Create a new certificate and key for the inputs clientCertificate and clientKey: nomad tls cert create -cli',
  },
  'client-certificate-required': {
    match:
      /^network ERR_SSL\S*(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)|^nomad (400 .*No required SSL certificate|496 )/s,
    advice: (facts) =>
      `${host(facts)} probably requires a client certificate (mTLS). Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key. ${EMPTY}`,
  },
  'server-name-unknown': {
    match: /^network ERR_SSL\S*(INTERNAL_ERROR|UNRECOGNIZED_NAME)/,
    advice: (facts) =>
      `${host(facts)} probably does not have a certificate for the requested name. Check the host in the input url, or the input tlsServerName.`,
  },
  'client-certificate-refused': {
    match:
      /^network ERR_SSL\S*ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)|^nomad (400 .*SSL certificate error|495 )/s,
    advice: (facts) =>
      `${host(facts)} does not accept the client certificate, or requires one. The certificate in the input clientCertificate must be signed by the CA in ca_file of Nomad's tls block, and must not have expired.`,
  },
  'tls-not-supported': {
    match: /^network (ERR_SSL\S*(WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST)|EPROTO .*wrong version)/,
    advice: (facts) =>
      `${host(facts)} does not use TLS on this port. Change the port in the input url to the one that uses TLS. Only if Nomad does not use TLS, change the input to http://.`,
  },
  'not-http': {
    match: /^network (HPE_|HTTPParserError|UND_ERR_(HEADERS_OVERFLOW|RES_EXCEEDED_MAX_SIZE|RES_CONTENT_LENGTH))/,
    advice: (facts) =>
      `${address(facts)} does not respond as Nomad does. If this port uses TLS, change the input url to https://. Otherwise, it is not the port of Nomad's HTTP API, or a server in front of it sends malformed responses.`,
  },
  'no-response': {
    retry: 1,
    match: /^network NO_RESPONSE.*?( after a response)?$/,
    advice: (facts, [, hasResponded]) =>
      facts.proxy !== undefined
        ? `The proxy, or Nomad behind it, does not respond. Check the address in ${variable(facts)}, and that the proxy can reach ${address(facts)}.`
        : hasResponded
          ? "Nomad answers other requests but not the login. Its servers probably cannot reach the issuer's keys because a firewall drops the packets. On the leader, run: curl -sS JWKSURL"
          : `${address(facts)} accepts connections but does not respond. Check that the input url names the port of Nomad's HTTP API (4646 by default, not 4647 or 4648). If the servers are slow, set a longer timeout.`,
  },
  'server-busy': {
    retry: 1,
    // Nomad's limit of connections is a response with 429, and a closed connection. Over TLS, decrypting this response can fail.
    match: /^network (.* after a response$|ERR_SSL\S*DECRYPTION_FAILED)|^nomad 429 .*too many concurrent connections/s,
    advice: (facts) =>
      `${host(facts)} does not accept all connections: it is restarting or busy, or too many come from this IP address, which runners behind the same NAT share. Raise http_max_conns_per_client in the limits block of the Nomad servers (100 by default), run fewer jobs at once, or set a longer timeout.`,
  },
  'unknown-host': {
    retry: SIXTH,
    match: /^network (ENOTFOUND|EAI_)/,
    advice: (facts) =>
      `This runner cannot resolve the host name ${host(facts)}. Check the spelling in the input url, and the DNS settings of the runner. A private name needs a self-hosted runner that can resolve it.`,
  },
  'connection-refused': {
    retry: SIXTH,
    match: /^network ECONNREFUSED/,
    advice: ({ url }) =>
      url === DEFAULT_URL
        ? 'The input url is not set, or what it comes from is empty in this job, so the default was used. Set it to the address of your Nomad servers, such as https://nomad.example.com:4646. This action does not read NOMAD_ADDR: if the workflow sets it, use url: ${{ env.NOMAD_ADDR }}'
        : "Nothing listens on this address. Check the host and port in the input url (4646 is Nomad's default port). Check that the server is running, and that its bind_addr is not just 127.0.0.1.",
  },
  unreachable: {
    retry: SIXTH,
    match: /^network (ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH)/,
    advice: (facts) =>
      `This runner cannot open a connection to ${address(facts)}. GitHub-hosted runners only reach public addresses: allow their connections in your firewall, use a self-hosted runner inside the network, or set HTTPS_PROXY. Also check the port.`,
  },
  'closed-after-handshake': {
    retry: SIXTH,
    match: /^network UND_ERR_SOCKET .*over https/,
    advice: (facts) =>
      `${host(facts)} closes the connection after the TLS handshake. Servers do this if they require a client certificate or refuse the one they get. Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key.`,
  },
  'connection-closed': {
    retry: SIXTH,
    match: /^network (ECONNRESET|EPIPE|UND_ERR_SOCKET|ERR_SSL\S*UNEXPECTED_EOF)/,
    advice: (facts) =>
      `${address(facts)} closes connections without a response, so it is probably not Nomad's HTTP API. The API uses port 4646 by default; Nomad servers use ports 4647 and 4648 among themselves. Check the port${facts.url.startsWith('https:') ? '' : ', and whether it needs https://'}.`,
  },
  'tls-handshake-failed': {
    match: /^network (ERR_SSL|EPROTO|ERR_TLS)/,
    advice: (facts) =>
      `${host(facts)} and this runner cannot negotiate a TLS connection. Check tls_min_version and tls_cipher_suites in the tls block of the Nomad servers, and any load balancer or proxy in between.`,
  },
  'network-error': {
    match: /^network/,
    advice: (facts) =>
      `The connection to ${address(facts)} failed for the reason above. Check the input url and the network between this runner and the server.`,
  },
} as const satisfies Kinds;
