import { DEFAULT_URL } from '../../src/inputs/values.js';
import type { Failure, Facts } from '../../src/failures/failure.js';
import { fail, URL_OF_NOMAD, type Entries } from './entry.js';

const PROXY = { origin: 'http://proxy.example.com:3128', variable: 'HTTPS_PROXY' };
const CERTIFICATE = { names: ['server.global.nomad', 'localhost'], issuer: 'Nomad Agent CA', validity: '' };

const TRUST = '[TLS and trust stores](networking.md#tls-and-trust-stores)';
const MTLS = '[mTLS](networking.md#mtls)';
const CLIENT_CERTIFICATES = '[Client certificates for mTLS](nomad-setup.md#client-certificates-for-mtls)';
const PROXIES = '[Proxies](networking.md#proxies)';
const RETRIES = '[Retries and timeouts](networking.md#retries-and-timeouts)';
const PRIVATE_CLUSTERS = '[Private clusters](networking.md#private-clusters)';

function unreached(code: string, reason: string, { url = URL_OF_NOMAD, ...facts }: Partial<Facts> = {}): Failure {
  const scheme = url.startsWith('https:') ? ' over https' : '';
  return fail(`network ${code} ${reason}${scheme}`, `Cannot reach Nomad at ${url}: ${reason}`, { url, ...facts });
}

const unreachedByProxy = (code: string, reason: string): Failure =>
  fail(
    `proxy ${code} ${reason}`,
    `Cannot reach Nomad at ${URL_OF_NOMAD} through the proxy ${PROXY.origin} (${PROXY.variable}): ${reason}`,
    { proxy: PROXY },
  );

/** The entries for failures of a connection to Nomad or to a proxy. */
export const NETWORK_ENTRIES = {
  'proxy-authentication': {
    sample: unreachedByProxy('407', 'the proxy answered 407'),
    why: 'A self-hosted runner reads its `.env` file when it starts, so restart it after a change.',
    links: [PROXIES],
  },
  'proxy-unavailable': {
    sample: unreachedByProxy('503', 'the proxy answered 503'),
    why: 'The proxy resolves the name of the server itself, so a name that only the DNS of the runner knows does not work.',
    links: [PROXIES],
  },
  'proxy-refused': {
    sample: unreachedByProxy('403', 'the proxy answered 403'),
    why: 'squid, for example, only allows port 443 for HTTPS unless its list `SSL_ports` also contains 4646.',
    links: [PROXIES],
  },
  'proxy-certificate': {
    sample: unreachedByProxy('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'),
    why: 'With `https://`, the proxy itself must have a certificate for the name in this address.',
    links: [TRUST],
  },
  'proxy-unreachable': {
    sample: unreachedByProxy('ECONNREFUSED', 'connect ECONNREFUSED 192.0.2.1:3128'),
    why: 'In a container job, `localhost` is the container, so a proxy on the machine of the runner needs another address.',
    links: [PROXIES],
  },
  'certificate-expired': {
    sample: unreached('CERT_HAS_EXPIRED', 'certificate has expired', {
      certificate: { ...CERTIFICATE, validity: 'server.global.nomad expired at 2026-09-20T00:00:00Z' },
    }),
    variants: [`Cannot reach Nomad at ${URL_OF_NOMAD}: certificate is not yet valid.`],
    why: 'Certificates of `nomad tls cert create` are valid for one year by default (`-days`); Nomad servers read renewed files after a SIGHUP, without a restart.',
    links: [TRUST],
  },
  'certificate-name-mismatch': {
    sample: unreached(
      'ERR_TLS_CERT_ALTNAME_INVALID',
      "Hostname/IP does not match certificate's altnames: IP: 192.0.2.10 is not in the cert's list",
      { url: 'https://192.0.2.10:4646', certificate: CERTIFICATE },
    ),
    why: 'The certificate is trusted, but made for other names than the host in `url`. By default, `nomad tls cert create -server` only adds `server.REGION.nomad`, `localhost` and `127.0.0.1`.',
    check: [
      'Are the names in the error those of your Nomad servers? If not, another server answered, for example a load balancer for several sites: check what the host in `url` resolves to.',
      'Does the input `tlsServerName` contain the name of another region, such as `server.global.nomad` where the region is `eu`?',
    ],
    fix: 'Either set `tlsServerName` as the error says, which keeps the connection verified, or create a certificate that also contains the name in `url`: `nomad tls cert create -server -additional-dnsname=nomad.example.com`, or `-additional-ipaddress` for an IP address.',
    links: ['[Server names](networking.md#server-names)'],
  },
  'untrusted-certificate': {
    sample: unreached('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', {
      certificate: CERTIFICATE,
    }),
    variants: [
      `Cannot reach Nomad at ${URL_OF_NOMAD}: unable to get local issuer certificate.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: self-signed certificate in certificate chain.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: self-signed certificate.`,
    ],
    why: 'Most clusters have a CA of their own, such as that of `nomad tls ca create`, which no runner trusts by default. Other programs report the same as `certificate signed by unknown authority`.',
    check: [
      'Which CA signed the certificate? On the runner, run: `openssl s_client -connect nomad.example.com:4646 -showcerts < /dev/null`. The last `i:` line names it.',
      'Is it the CA of your company? Then a firewall that inspects TLS is between the runner and Nomad, and the runner must trust its CA.',
      'Is `caCertificate` set, but to a server certificate, or to the CA of another cluster? It replaces the default roots, so a public CA must be in it, too.',
    ],
    fix: 'A CA certificate is public, so store it as a variable: `caCertificate: ${{ vars.NOMAD_CACERT }}`. On a self-hosted runner, set `caCertificate` to the path of its file. Do not set `tlsSkipVerify` instead: any server in between could then receive the JWT and the token.',
    links: [TRUST, '[Forms of certificates and keys](networking.md#forms-of-certificates-and-keys)'],
  },
  'certificate-invalid': {
    sample: unreached('EE_KEY_TOO_SMALL', 'EE certificate key too weak'),
    variants: [
      `Cannot reach Nomad at ${URL_OF_NOMAD}: CA signature digest algorithm too weak.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: unsuitable certificate purpose.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: path length constraint exceeded.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: permitted subtree violation.`,
    ],
    why: 'The reason is the text of OpenSSL for its verification code; `openssl verify -CAfile ca.pem server.pem` reproduces it.',
    links: [TRUST],
  },
  'client-certificate-weak': {
    sample: unreached('ERR_SSL_EE_KEY_TOO_SMALL', 'ee key too small'),
    why: 'The same certificate works on Node 20, which has a lower security level.',
    links: [MTLS, CLIENT_CERTIFICATES],
  },
  'client-certificate-required': {
    sample: unreached('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tlsv13 alert certificate required'),
    variants: [
      `Cannot reach Nomad at ${URL_OF_NOMAD}: ssl/tls alert handshake failure.`,
      'Nomad refused the login (400): a web page (400 No required SSL certificate was sent).',
    ],
    why: 'The servers only accept connections from clients with a certificate of their CA (`verify_https_client = true` in the `tls` block), or a gateway in front of them does. The certificate does not replace the token, and the token does not replace the certificate.',
    check: [
      'Do the secrets reach the job? Secrets of an environment are empty unless the job has this `environment`, and all secrets are empty in pull requests from forks.',
      'Was the certificate signed by the CA of this cluster? `openssl verify -CAfile nomad-agent-ca.pem global-cli-nomad.pem`',
      'Do later steps report the same? They need the certificate as well: set `exportConnection: true`.',
    ],
    fix: 'Create a certificate for the runner with `nomad tls cert create -cli`, not with `-server`. Store the key as a secret, or both files on a self-hosted runner.',
    links: [CLIENT_CERTIFICATES, MTLS, '[Example](examples.md#mtls)'],
  },
  'client-certificate-refused': {
    sample: unreached('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tlsv1 alert unknown ca'),
    variants: [
      `Cannot reach Nomad at ${URL_OF_NOMAD}: ssl/tls alert certificate expired.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: ssl/tls alert bad certificate.`,
    ],
    why: 'The alert comes from the server, whose log states the reason. `alert certificate expired` is about your client certificate, not about that of the server. On Node 20, these lines begin with `sslv3` instead of `ssl/tls`.',
    links: [MTLS, CLIENT_CERTIFICATES],
  },
  'tls-not-supported': {
    sample: unreached('ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number'),
    why: 'Nomad only uses TLS for its API if its `tls` block sets `http = true`.',
  },
  'not-http': {
    sample: unreached('UND_ERR_RES_EXCEEDED_MAX_SIZE', 'Response content exceeded max size', {
      url: 'http://nomad.example.com:4646',
    }),
    variants: [
      `Cannot reach Nomad at ${URL_OF_NOMAD}: Headers Overflow Error.`,
      'Cannot reach Nomad at http://nomad.example.com:22: Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/ or ICE/).',
    ],
    why: 'To see what answers, run on the runner: `curl -v URL/v1/status/leader`.',
  },
  'no-response': {
    sample: fail('network NO_RESPONSE over https', `Nomad at ${URL_OF_NOMAD} did not respond within 20.0 s`),
    why: 'If listing the auth methods worked (see the debug lines) but the login does not respond, the Nomad servers probably cannot reach the keys of the issuer: if a firewall drops their packets, Nomad waits for up to 60 seconds, which is longer than one attempt.',
    links: [RETRIES, '[keys-unavailable](#keys-unavailable)'],
  },
  'server-busy': {
    sample: fail(
      'network ECONNRESET read ECONNRESET over https after a response',
      `Cannot reach Nomad at ${URL_OF_NOMAD}: read ECONNRESET`,
    ),
    variants: [
      'Nomad refused the login (429): Your IP is issuing too many concurrent connections, please rate limit your calls.',
    ],
    why: 'Jobs that start at the same time share the limit if they reach Nomad from the same IP address.',
    links: [RETRIES, '[Connections and round trips](networking.md#connections-and-round-trips)'],
  },
  'unknown-host': {
    sample: unreached('ENOTFOUND', 'getaddrinfo ENOTFOUND nomad.example.com'),
    variants: [`Cannot reach Nomad at ${URL_OF_NOMAD}: getaddrinfo EAI_AGAIN nomad.example.com.`],
    why: '`EAI_AGAIN` means that the DNS server itself did not respond; names such as `nomad.service.consul` only resolve where DNS is forwarded to Consul.',
    links: [PRIVATE_CLUSTERS],
  },
  'connection-refused': {
    sample: unreached('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:4646', { url: DEFAULT_URL }),
    why: 'A machine answered that no program listens on this port, so name and route are right, or a firewall rejects the connection. `127.0.0.1` is the runner itself, or the container of a container job, and Nomad rarely runs there.',
    check: [
      'Is `url` empty because the variable or secret that it comes from is not visible in this job?',
      'Does Nomad run, and on which address? On the server: `ss -ltnp | grep 4646`. `127.0.0.1:4646` there means that `bind_addr` only allows local connections.',
      'Does the runner reach the port? In a step: `curl -v URL/v1/status/leader`.',
    ],
    fix: 'Set `url` to an address of a Nomad server, or of a load balancer in front of the servers. If the server starts during the job, set a longer `timeout`. If a step after the login fails like this, see [Connection refused after the login](#connection-refused-after-the-login).',
    links: [RETRIES, PRIVATE_CLUSTERS],
  },
  unreachable: {
    sample: unreached(
      'UND_ERR_CONNECT_TIMEOUT',
      'Connect Timeout Error (attempted address: nomad.example.com:4646, timeout: 10000ms)',
    ),
    variants: [
      `Cannot reach Nomad at ${URL_OF_NOMAD}: connect ETIMEDOUT 192.0.2.10:4646.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: connect EHOSTUNREACH 192.0.2.10:4646.`,
      `Cannot reach Nomad at ${URL_OF_NOMAD}: connect ENETUNREACH 2001:db8::10:4646.`,
    ],
    why: 'The name resolves, but nothing responds: a firewall or security group drops the packets, or the address belongs to a network to which the runner has no route.',
    check: [
      'Is the address private (`10.…`, `172.16.…` to `172.31.…`, `192.168.…`)? Run `getent hosts nomad.example.com` in a step.',
      'Does the runner reach the port? In a step: `nc -vz -w 5 nomad.example.com 4646`.',
      'Does it also fail from another machine of the same network? Then check the server and its firewall.',
      'Does an earlier step connect to a VPN? It may not be ready yet.',
    ],
    fix: 'Do not open port 4646 to all addresses of GitHub-hosted runners: they are many, change, and are shared with other users of GitHub. To wait for a VPN, set a longer `timeout`: the step tries for a sixth of it.',
    links: [PRIVATE_CLUSTERS, PROXIES, RETRIES],
  },
  'closed-after-handshake': {
    sample: unreached('UND_ERR_SOCKET', 'other side closed'),
    why: 'With TLS 1.3, a server checks the client certificate after the handshake, so its refusal can arrive as a closed connection.',
    links: [MTLS],
  },
  'connection-closed': {
    sample: unreached('ECONNRESET', 'read ECONNRESET'),
    variants: [
      'Cannot reach Nomad at http://nomad.example.com:4646: other side closed.',
      `Cannot reach Nomad at ${URL_OF_NOMAD}: Client network socket disconnected before secure TLS connection was established.`,
    ],
    why: 'Firewalls that inspect traffic also end connections in this way.',
  },
  'tls-handshake-failed': {
    sample: unreached('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tlsv1 alert protocol version'),
    variants: [`Cannot reach Nomad at ${URL_OF_NOMAD}: tlsv1 unrecognized name.`],
    why: 'Node 20 and later offer TLS 1.2 and 1.3. Load balancers choose a certificate by the name that the client requests, which is `tlsServerName` or the host in `url`.',
    links: [TRUST, '[Server names](networking.md#server-names)'],
  },
  'network-error': {
    sample: unreached('EADDRNOTAVAIL', 'connect EADDRNOTAVAIL 192.0.2.10:4646 - Local (0.0.0.0:0)'),
    why: 'Step debugging shows the error code and its causes.',
    links: ['[Find out more](#find-out-more)'],
  },
} satisfies Entries;
