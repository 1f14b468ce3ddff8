import type { DetailedPeerCertificate } from 'node:tls';
import type { KindId } from '../src/failures/catalogue.js';
import { Failure, type Facts, type Reached } from '../src/failures/failure.js';
import { explainMissingEndpoint, type Jwt } from '../src/github/identity.js';
import { parseToolkitError } from '../src/github/toolkit-error.js';
import { readInputs } from '../src/inputs/inputs.js';
import type { Progress } from '../src/nomad/socket.js';
import { explainError, explainResponse, ProxyError, type Response } from '../src/nomad/explain.js';
import { findProxy } from '../src/proxy.js';

const URL_OF_NOMAD = 'https://nomad.example.com:4646';
const PROXY = { origin: 'http://proxy.example.com:3128', variable: 'HTTPS_PROXY' };
const GITHUB = { url: 'https://pipelines.actions.githubusercontent.com', proxy: undefined };
const SUPPLIED: Jwt = {
  token: '',
  header: { alg: 'RS256', kid: '38826b17-6a30-5f9b-b169-8beb8202f723' },
  claims: {
    iss: 'https://token.actions.githubusercontent.com',
    aud: 'https://github.com/octo-org',
    repository: 'octo-org/octo-repo',
    repository_id: '74',
    ref: 'refs/pull/7/merge',
    event_name: 'pull_request',
    workflow: 'Deploy',
    iat: 1_790_000_000,
    nbf: 1_789_999_700,
    exp: 1_790_000_300,
  },
};
const JWT = { ...SUPPLIED, renewal: { dueMs: Infinity, request: () => Promise.resolve(SUPPLIED) } };
const FACTS = {
  url: URL_OF_NOMAD,
  proxy: undefined,
  methodName: 'github-adv',
  jwt: JWT,
  // 46 seconds after the JWT has expired.
  now: Date.parse('2026-09-21T14:19:06Z'),
};
const PAGE = { status: 200, headers: {}, text: '<html><title>Sign in</title></html>' };
const CERTIFICATE = {
  subject: { CN: 'server.global.nomad' },
  issuer: { CN: 'Nomad Agent CA' },
  subjectaltname: 'DNS:server.global.nomad, DNS:localhost',
  valid_from: 'Sep 20 00:00:00 2025 GMT',
  valid_to: 'Sep 20 00:00:00 2026 GMT',
} as DetailedPeerCertificate;

/** Returns failures of each kind as the action reports them, the most frequent first. */
export function makeSamples(): Record<KindId, Failure[]> {
  return {
    'invalid-input': [
      input('timeout', 'soon'),
      input('url', 'https://user:password@nomad.example.com'),
      input('caCertificate', '/etc/nomad/ca.pem'),
    ],
    // A longer value would be masked, which prints it.
    'invalid-proxy': [withEnv({ https_proxy: ':' }, () => findProxy(new URL(URL_OF_NOMAD)))],
    'unwritable-file': [
      new Failure('unwritable-file', 'This step cannot write to the path in the variable GITHUB_ENV (EACCES)'),
    ],
    'missing-permission': [job({ GITHUB_ACTIONS: 'true' })],
    'no-token-endpoint': [job({})],
    'github-job-pending': [github('403', "Can't issue ID_TOKEN for job in 'Pending' state")],
    'github-unavailable': [github('503', 'Service Unavailable'), github('undefined', 'read ECONNRESET')],
    'github-refused': [github('401', 'The token is expired.'), parseToolkitError(new Error(), GITHUB)],
    'runner-trust-store': [
      github('undefined', 'self-signed certificate in certificate chain'),
      lost('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'TCP', { to: 'proxy' }),
    ],
    'proxy-refused': [proxied(407), proxied(403)],
    'proxy-unavailable': [proxied(503)],
    'proxy-unreachable': [lost('ECONNREFUSED', 'connect ECONNREFUSED 192.0.2.1:3128', 'nothing', { to: 'proxy' })],
    'certificate-name-mismatch': [
      lost(
        'ERR_TLS_CERT_ALTNAME_INVALID',
        "Hostname/IP does not match certificate's altnames: Host: nomad.example.com. is not in the cert's altnames: DNS:server.global.nomad, DNS:localhost",
        'TCP',
        { certificate: CERTIFICATE },
      ),
    ],
    'untrusted-certificate': [
      lost('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', 'TCP', {
        certificate: CERTIFICATE,
      }),
      lost('UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unable to get local issuer certificate', 'TCP'),
      lost('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'TCP'),
      lost('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'TCP'),
    ],
    'certificate-invalid': [
      lost('CERT_HAS_EXPIRED', 'certificate has expired', 'TCP', { certificate: CERTIFICATE }),
      lost('CERT_NOT_YET_VALID', 'certificate is not yet valid', 'TCP'),
      lost('EE_KEY_TOO_SMALL', 'EE certificate key too weak', 'TCP'),
      lost('CA_MD_TOO_WEAK', 'CA signature digest algorithm too weak', 'TCP'),
      lost('INVALID_PURPOSE', 'unsuitable certificate purpose', 'TCP'),
    ],
    'client-certificate': [
      alert('TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tlsv13 alert certificate required'),
      alert('SSLV3_ALERT_HANDSHAKE_FAILURE', 'ssl/tls alert handshake failure'),
      alert('SSLV3_ALERT_BAD_CERTIFICATE', 'ssl/tls alert bad certificate'),
      alert('TLSV1_ALERT_UNKNOWN_CA', 'tlsv1 alert unknown ca'),
      alert('EE_KEY_TOO_SMALL', 'ee key too small'),
      refuse(400, '<html><title>400 No required SSL certificate was sent</title></html>'),
    ],
    'wrong-scheme': [
      alert('WRONG_VERSION_NUMBER', 'wrong version number'),
      refuse(400, 'Client sent an HTTP request to an HTTPS server.'),
    ],
    'tls-handshake-failed': [
      alert('TLSV1_ALERT_PROTOCOL_VERSION', 'tlsv1 alert protocol version'),
      alert('TLSV1_UNRECOGNIZED_NAME', 'tlsv1 unrecognized name'),
    ],
    'no-response': [lost('NO_RESPONSE', 'no response within 20.0 s', 'TLS')],
    'server-busy': [
      refuse(429, 'Your IP is issuing too many concurrent connections, please rate limit your calls'),
      refuse(429, '<title>429 Too Many Requests</title>'),
    ],
    'unknown-host': [
      lost('ENOTFOUND', 'getaddrinfo ENOTFOUND nomad.example.com', 'nothing'),
      lost('EAI_AGAIN', 'getaddrinfo EAI_AGAIN nomad.example.com', 'nothing'),
      github('undefined', 'getaddrinfo ENOTFOUND pipelines.actions.githubusercontent.com'),
    ],
    'connection-refused': [lost('ECONNREFUSED', 'connect ECONNREFUSED 192.0.2.10:4646', 'nothing')],
    unreachable: [
      lost('ETIMEDOUT', 'timed out after 10.0 s', 'nothing'),
      lost('ETIMEDOUT', 'connect ETIMEDOUT 192.0.2.10:4646', 'nothing'),
      lost('EHOSTUNREACH', 'connect EHOSTUNREACH 192.0.2.10:4646', 'nothing'),
    ],
    'connection-closed': [
      lost('ECONNRESET', 'read ECONNRESET', 'TCP'),
      lost('UND_ERR_SOCKET', 'other side closed', 'TLS'),
      lost('ECONNRESET', 'Client network socket disconnected before secure TLS connection was established', 'TCP'),
    ],
    'network-error': [
      lost('EADDRNOTAVAIL', 'connect EADDRNOTAVAIL 192.0.2.10:4646 - Local (0.0.0.0:0)', 'nothing'),
      lost('UND_ERR_RES_EXCEEDED_MAX_SIZE', 'Response content exceeded max size', 'TLS'),
      lost('UND_ERR_HEADERS_OVERFLOW', 'Headers Overflow Error', 'TLS'),
      lost(
        'HPE_INVALID_CONSTANT',
        'Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/ or ICE/)',
        'TLS',
      ),
    ],
    'audience-mismatch': [
      refuseJwt('invalid audience (aud) claim: audience claim does not match any expected audience'),
    ],
    'issuer-mismatch': [
      refuse(401, `${INVALID}invalid JWT issuer: https://github.example.com/_services/token`, {
        jwt: { ...JWT, claims: { ...JWT.claims, iss: 'https://github.example.com/_services/token' } },
      }),
    ],
    'jwt-expired': [
      refuseJwt('invalid expiration time (exp) claim: token is expired', SUPPLIED),
      refuseJwt('invalid not before (nbf) claim: token not yet valid'),
    ],
    'algorithm-not-allowed': [
      refuseJwt('invalid algorithm (alg) header parameter: token signed with unexpected algorithm', {
        ...JWT,
        header: { alg: 'ES256' },
      }),
    ],
    'signature-invalid': [refuseJwt('error verifying token signature: failed to verify id token signature')],
    'no-rule-matched': [refuse(400, 'no role or policy bindings matched')],
    'name-invalid': [
      refuse(500, 'computed "role" bind name for bind target is invalid: "octo-org/octo-repo"'),
      refuse(500, 'cannot compute "policy" bind name for bind target: 1:3: unknown variable accessed: value.nope'),
      refuse(500, 'failed to generate ACL token name: 1:24: unknown variable accessed: value.run_id'),
    ],
    'claim-not-a-single-value': [
      refuse(500, "error converting claim 'workflow' to string from unknown type []interface {}"),
    ],
    'method-not-found': [
      refuse(400, 'auth-method "github-avd" not found', { methodName: 'github-avd' }),
      refuse(400, 'unsupported auth-method type: OIDC'),
    ],
    'malformed-jwt': [
      refuseJwt(
        'error verifying token signature: oidc: malformed jwt: go-jose/go-jose: compact JWS format must have three parts',
        SUPPLIED,
      ),
      refuseJwt('json: cannot unmarshal object into Go struct field Claims.sub of type string'),
      refuseJwt('no issued at (iat), not before (nbf), or expiration time (exp) claims in token'),
      new Failure('malformed-jwt', 'Input identityToken is not a JWT'),
    ],
    'keys-invalid': [refuseJwt(`${FETCHING}: 404 Not Found`)],
    'keys-unavailable': [
      refuseJwt(
        `${FETCHING} Get "https://token.actions.githubusercontent.com/.well-known/jwks": dial tcp 192.0.2.20:443: connect: connection refused`,
      ),
    ],
    'acl-disabled': [refuse(400, 'ACL support disabled')],
    'unknown-region': [refuse(500, 'No path to region', { region: 'eu' })],
    'token-ttl-not-allowed': [
      refuse(
        400,
        'token 0 invalid: 1 error occurred:\n\t* expiration time cannot be more than 1h0m0s in the future (was 8h0m0s)\n',
      ),
    ],
    'nomad-too-old': [refuse(500, 'all servers should be running version 1.5.4 or later to use JWT ACL auth methods')],
    'gateway-error': [
      refuse(502, '<html><title>502 Bad Gateway</title></html>'),
      refuse(504, '<html><title>504 Gateway Time-out</title></html>'),
      refuse(530, 'error code: 1033'),
    ],
    'no-leader': [refuse(500, 'No cluster leader')],
    'nomad-refused': [refuse(403, 'Permission denied'), refuse(500, 'raft apply failed: no space left on device')],
    'not-nomad': [
      refuse(307, '', {}, { location: 'https://login.example.com/' }),
      refuse(404, ''),
      refuse(403, '<html><title>403 Forbidden</title></html>'),
      explainResponse("Nomad's response does not contain a valid token", PAGE, FACTS),
    ],
    unexpected: [
      new Failure(
        'unexpected',
        "ENOSPC: no space left on device, open '/home/runner/work/_temp/nomad-jwt-auth-x3Zc1r/NOMAD_CACERT.pem'",
      ),
    ],
  };
}

const NO_JOB = { ACT: '', FORGEJO_ACTIONS: '', GITEA_ACTIONS: '', GITHUB_ACTIONS: '' };
const INVALID = 'unable to validate provided token: ';
const FETCHING = 'error verifying token signature: fetching keys oidc: get keys failed';

const progress = (reached: Reached): Progress => ({ to: 'nomad', reached, hasResponded: false });

const input = (name: string, value: string): Failure => withEnv({ [`INPUT_${name.toUpperCase()}`]: value }, readInputs);

const job = (variables: Record<string, string>): Failure =>
  withEnv({ ...NO_JOB, ...variables }, explainMissingEndpoint);

const github = (status: string, text: string): Failure =>
  parseToolkitError(
    new Error(`Failed to get ID Token. \n \n        Error Code : ${status}\n \n        Error Message: ${text}`),
    GITHUB,
  );

/** Returns the failure of a connection that an error with this code ends. */
export function lost(code: string, message: string, reached: Reached, met: Partial<Progress> = {}): Failure {
  const error = Object.assign(new Error(message), { code });
  const facts = met.to === 'proxy' ? { ...FACTS, proxy: PROXY } : FACTS;
  return explainError(error, { ...progress(reached), ...met }, facts);
}

const alert = (code: string, reason: string): Failure => lost(`ERR_SSL_${code}`, reason, 'TLS');

const proxied = (status: number): Failure =>
  explainError(new ProxyError(status), progress('TCP'), { ...FACTS, proxy: PROXY });

/** Returns the failure of a login that gets this response. */
export function refuse(
  status: number,
  text: string,
  facts: Partial<Facts> = {},
  headers: Response['headers'] = {},
): Failure {
  return explainResponse('Nomad refused the login', { status, headers, text }, { ...FACTS, ...facts });
}

function refuseJwt(text: string, jwt: Jwt = JWT): Failure {
  return refuse(401, `${INVALID}unable to verify signature of JWT token: ${text}`, { jwt });
}

/** Returns the Failure that a function throws or returns, with these environment variables. */
function withEnv(variables: Record<string, string>, run: () => unknown): Failure {
  const before = { ...process.env };
  try {
    Object.assign(process.env, variables);
    return run() as Failure;
  } catch (error) {
    return error as Failure;
  } finally {
    process.env = before;
  }
}
