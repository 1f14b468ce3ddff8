import { isIP } from 'node:net';
import { formatTime } from '../deadline.js';
import { describeTarget, Failure, type FailureCode, type NetworkError, type Target } from './failure.js';
import { code, defineKind, network, type Kind, type Unreached } from './match.js';

const NOMAD: Target = { peer: 'Nomad', url: 'https://nomad.example.com:4646' };
const UNCONNECTED: NetworkError = { code: '', hasResponded: false, hadConnected: false, isConnected: false };
const PROXY = { origin: 'http://proxy.example.com:3128', variable: 'HTTPS_PROXY' };
const UNREACHABLE = /ETIMEDOUT|CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH/;
// A busy Nomad may also send its refusal during a TLS handshake, and decrypting it then fails.
const CLOSED = /ECONNRESET|EPIPE|UND_ERR_SOCKET|DECRYPTION_FAILED/;

const unreached = (said: string, error: Partial<NetworkError>, target: Target = NOMAD): Failure =>
  new Failure(`Cannot reach ${describeTarget(target)}: ${said}`, {
    target,
    network: { ...UNCONNECTED, ...error },
  });

const unanswered = (said: string, failureCode: FailureCode): Failure =>
  new Failure(`Nomad at ${NOMAD.url} ${said}`, {
    code: failureCode,
    target: NOMAD,
    network: UNCONNECTED,
  });

const isProxied = ({ proxy }: Unreached): boolean => proxy !== undefined;
const isTls = ({ url }: Unreached): boolean => url.startsWith('https:');
// A port that is not Nomad's HTTP API never completes a TLS handshake; a busy server sometimes does.
const isBusy = (facts: Unreached): boolean =>
  facts.hasResponded || (isTls(facts) && facts.hadConnected && !facts.isConnected);

/** Names the setting that contains the address of the host. */
function nameSource({ proxy }: Unreached): string {
  return proxy === undefined ? 'the input url' : `the environment variable ${proxy.variable}`;
}

function adviseName({ certificateNames = [], host }: Unreached): string {
  const shown = certificateNames.slice(0, 10);
  const more =
    certificateNames.length > shown.length ? ` and ${String(certificateNames.length - shown.length)} more` : '';
  const server = certificateNames.find((name) => /^server\.[\w-]+\.nomad$/.test(name));
  const isName = (name: string): boolean => isIP(name) === 0;
  const change =
    server !== undefined
      ? `Set the input tlsServerName to ${server}.`
      : certificateNames.some(isName)
        ? 'Set the input tlsServerName to one of these names, or use one in the input url.'
        : 'Use one of these addresses in the input url.';
  return `The certificate of ${host} is valid for ${shown.join(', ')}${more}. ${change}`;
}

/** Reasons why there was no complete response. */
export const CONNECTION_KINDS: Kind[] = [
  defineKind({
    id: 'invalid-proxy',
    match: code('INVALID_PROXY'),
    example: () =>
      new Failure('The environment variable HTTPS_PROXY is not the address of an HTTP proxy', {
        code: 'INVALID_PROXY',
      }),
    advice: () => 'Set it to an address such as http://proxy.example.com:3128, or unset it on the runner.',
  }),
  defineKind({
    id: 'proxy-authentication',
    match: network(/(?:)/, ({ proxyStatus }) => proxyStatus === 407),
    example: () => unreached('the proxy answered 407', { proxyStatus: 407 }, { ...NOMAD, proxy: PROXY }),
    advice: ({ host, proxy }) =>
      `The proxy rejects the credentials. Correct them in ${proxy?.variable ?? 'HTTPS_PROXY'} (http://USER:PASSWORD@proxy.example.com:3128, with special characters percent-encoded), or add ${host} to NO_PROXY.`,
  }),
  defineKind({
    id: 'proxy-unavailable',
    retryS: Infinity,
    match: network(/(?:)/, ({ proxyStatus = 0 }) => [429, 502, 503, 504].includes(proxyStatus)),
    example: () => unreached('the proxy answered 503', { proxyStatus: 503 }, { ...NOMAD, proxy: PROXY }),
    advice: ({ host }) =>
      `The proxy cannot connect to ${host} at the moment. Check that the server is running and that the proxy can reach it, or add ${host} to NO_PROXY if the runner reaches it directly.`,
  }),
  defineKind({
    id: 'proxy-refused',
    match: network(/(?:)/, ({ proxyStatus }) => proxyStatus !== undefined),
    example: () => unreached('the proxy answered 403', { proxyStatus: 403 }, { ...NOMAD, proxy: PROXY }),
    advice: ({ host }) =>
      `The proxy does not allow connections to ${host}. Allow the host and port there, or add ${host} to NO_PROXY if the runner reaches it directly.`,
  }),
  defineKind({
    id: 'unknown-host',
    match: network(/ENOTFOUND/),
    example: () => unreached('getaddrinfo ENOTFOUND nomad.example.com', { code: 'ENOTFOUND' }),
    advice: (facts) =>
      `This runner cannot resolve the host name ${facts.proxy === undefined ? facts.host : new URL(facts.proxy.origin).hostname}. Check the spelling in ${nameSource(facts)}. A private name needs a self-hosted runner that can resolve it.`,
  }),
  defineKind({
    id: 'proxy-unreachable',
    retryS: 5,
    match: network(/ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH/, isProxied),
    example: () =>
      unreached('connect ECONNREFUSED 192.0.2.1:3128', { code: 'ECONNREFUSED' }, { ...NOMAD, proxy: PROXY }),
    advice: ({ host, proxy }) =>
      `The proxy itself cannot be reached. Correct its address in ${proxy?.variable ?? 'HTTPS_PROXY'}, or add ${host} to NO_PROXY.`,
  }),
  defineKind({
    id: 'github-unreachable',
    retryS: Infinity,
    match: network(/(?:)/, ({ peer }) => peer === 'GitHub'),
    example: () =>
      unreached(
        'read ECONNRESET',
        { code: 'ECONNRESET' },
        { peer: 'GitHub', url: 'https://pipelines.actions.githubusercontent.com' },
      ),
    advice: ({ host }) =>
      `GitHub's token endpoint does not respond, or the network is failing. A self-hosted runner must be able to reach ${host}, through HTTPS_PROXY if necessary. Otherwise check https://www.githubstatus.com.`,
  }),
  defineKind({
    id: 'untrusted-certificate',
    match: network(/UNABLE_TO|SELF_SIGNED|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA/),
    example: () => unreached('unable to verify the first certificate', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }),
    advice: ({ host }) =>
      `The certificate of ${host} is not signed by a CA that this step trusts. Set the input caCertificate to the certificate of the CA that signed it, in PEM or base64. Include intermediate CAs if the server does not send them.`,
  }),
  defineKind({
    id: 'certificate-without-names',
    match: network(/ALTNAME/, ({ certificateNames = [] }) => certificateNames.length === 0),
    example: () =>
      unreached('the certificate has no subject alternative name', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    advice: ({ host }) =>
      `A certificate must name its server in a subject alternative name. Like the nomad CLI, this action ignores the common name. Create a new certificate for ${host}, for example with: nomad tls cert create -server`,
  }),
  defineKind({
    id: 'certificate-name-mismatch',
    match: network(/ALTNAME/),
    example: () =>
      unreached(
        "Hostname/IP does not match certificate's altnames: IP: 192.0.2.10 is not in the cert's list",
        { code: 'ERR_TLS_CERT_ALTNAME_INVALID', certificateNames: ['server.global.nomad', 'localhost'] },
        { ...NOMAD, url: 'https://192.0.2.10:4646' },
      ),
    advice: adviseName,
  }),
  defineKind({
    id: 'certificate-expired',
    match: network(/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/),
    example: () => unreached('certificate has expired', { code: 'CERT_HAS_EXPIRED' }),
    advice: ({ host }, now) =>
      `The certificate of ${host}, or of its CA, has expired or is not yet valid. Renew it on the server, update the input caCertificate, or correct the runner's clock (${formatTime(now)}).`,
  }),
  defineKind({
    id: 'tls-not-supported',
    match: network(/WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST/),
    example: () => unreached('wrong version number', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }),
    advice: ({ host }) =>
      `${host} does not use TLS on this port. Change the input url to http://, or to the port that uses TLS.`,
  }),
  defineKind({
    id: 'client-certificate-required',
    match: network(/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/),
    example: () =>
      unreached('tlsv13 alert certificate required', { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }),
    advice: ({ host }) =>
      `${host} requires a client certificate (mTLS). Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key.`,
  }),
  defineKind({
    id: 'server-name-unknown',
    match: network(/INTERNAL_ERROR|UNRECOGNIZED_NAME/),
    example: () => unreached('tlsv1 unrecognized name', { code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' }),
    advice: ({ host }) =>
      `${host} does not have a certificate for the requested name. Check the host in the input url, or the input tlsServerName.`,
  }),
  defineKind({
    id: 'client-certificate-refused',
    match: network(/ALERT/),
    example: () => unreached('tlsv1 alert unknown ca', { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }),
    advice: ({ host }) =>
      `${host} does not accept the certificate in the input clientCertificate, or the TLS version. The certificate must be signed by the CA in ca_file of Nomad's tls block, and must not have expired.`,
  }),
  defineKind({
    id: 'connection-refused',
    retryS: 5,
    match: network(/ECONNREFUSED/),
    example: () => unreached('connect ECONNREFUSED 192.0.2.10:4646', { code: 'ECONNREFUSED' }),
    advice: ({ unusedAddress }) =>
      unusedAddress === undefined
        ? "Nothing listens on this address. Check the host and port in the input url (4646 is Nomad's default port). Check that the server is running, and that its bind_addr is not just 127.0.0.1."
        : unusedAddress === ''
          ? 'The input url is not set, so the default was used. Set it to the address of your Nomad servers, such as https://nomad.example.com:4646.'
          : `The input url is not set, and this action does not read NOMAD_ADDR (${unusedAddress}). Set the input in the workflow: url: \${{ env.NOMAD_ADDR }}`,
  }),
  defineKind({
    id: 'dns-unavailable',
    retryS: 5,
    match: network(/EAI_AGAIN/),
    example: () => unreached('getaddrinfo EAI_AGAIN nomad.example.com', { code: 'EAI_AGAIN' }),
    advice: ({ host }) =>
      `This runner's DNS server does not respond, or cannot resolve ${host} at the moment. Check the spelling in the input url and the DNS settings of the runner. A private name needs a self-hosted runner that can resolve it.`,
  }),
  defineKind({
    id: 'unreachable',
    retryS: 5,
    match: network(UNREACHABLE),
    example: () => unreached('Connect Timeout Error', { code: 'UND_ERR_CONNECT_TIMEOUT' }),
    advice: (facts) =>
      `This runner cannot reach ${facts.host}${isTls(facts) ? ', or the server accepts connections without completing the TLS handshake: check the port' : ''}. GitHub-hosted runners can only reach public addresses. Allow their connections in your firewall, use a self-hosted runner inside the network, or set HTTPS_PROXY.`,
  }),
  defineKind({
    id: 'no-response',
    retryS: Infinity,
    match: network(/NO_RESPONSE|NOT_SENT/),
    example: () => unanswered('did not respond within 20.0 s', 'NO_RESPONSE'),
    advice: ({ host }) =>
      `${host} accepts connections but does not respond. Check that the input url names the port of Nomad's HTTP API (4646 by default, not 4647 or 4648). If the servers are slow, for example because they cannot fetch the issuer's keys quickly, set a longer timeout.`,
  }),
  defineKind({
    id: 'server-busy',
    retryS: Infinity,
    match: network(CLOSED, isBusy),
    example: () => unreached('read ECONNRESET', { code: 'ECONNRESET', hasResponded: true }),
    advice: ({ host }) =>
      `${host} has responded before but now closes connections. It is probably busy. Raise http_max_conns_per_client in the limits block of the Nomad servers, run fewer jobs at once, or set a longer timeout.`,
  }),
  defineKind({
    id: 'closed-after-handshake',
    retryS: 5,
    match: network(/UND_ERR_SOCKET/, isTls),
    example: () => unreached('other side closed', { code: 'UND_ERR_SOCKET' }),
    advice: ({ host }) =>
      `${host} closes the connection after the TLS handshake. Servers do this if they require a client certificate or refuse the one they get. Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key.`,
  }),
  defineKind({
    id: 'connection-closed',
    retryS: 10,
    match: network(CLOSED),
    example: () => unreached('read ECONNRESET', { code: 'ECONNRESET' }),
    variants: [
      'Cannot reach Nomad at http://nomad.example.com:4648: other side closed',
      'Cannot reach Nomad at https://nomad.example.com:4648: Client network socket disconnected before secure TLS connection was established',
    ],
    advice: (facts) =>
      `${new URL(facts.url).host} closes connections without a response, so it is probably not Nomad's HTTP API. The API uses port 4646 by default; Nomad servers use ports 4647 and 4648 among themselves. Check the port${isTls(facts) ? '' : ', and whether it needs https://'}.`,
  }),
  defineKind({
    id: 'tls-handshake-failed',
    match: network(/^ERR_SSL|EPROTO/),
    example: () => unreached('unsupported protocol', { code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' }),
    advice: ({ host }) =>
      `${host} and this runner cannot negotiate a TLS connection. Check tls_min_version and tls_cipher_suites in the tls block of the Nomad servers, and any load balancer or proxy in between.`,
  }),
  defineKind({
    id: 'not-http',
    match: network(/HPE_|RESPONSE_TOO_LONG/),
    example: () => unreached('Response does not match the HTTP/1.1 protocol', { code: 'HPE_INVALID_CONSTANT' }),
    advice: ({ host }) =>
      `${host} does not respond like Nomad. If this port uses TLS, change the input url to https://. Otherwise, it is not the port of Nomad's HTTP API.`,
  }),
];
