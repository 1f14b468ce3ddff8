import { describe, expect, test } from '@jest/globals';
import { ENTRIES } from '../../scripts/troubleshooting/page.js';
import { CATALOGUE, findKind } from '../../src/failures/catalogue.js';
import { render } from '../../src/failures/explain.js';
import { Failure, type Kind } from '../../src/failures/failure.js';
import { NOW, readTable, refuse, URL_OF_NOMAD } from '../support/in-process.js';
import { readLogins, VERSIONS } from '../support/recorded.js';

const PAGE = 'https://github.com/octo-org/nomad-jwt-auth/blob/v1.0.0/docs/troubleshooting.md';
const RETRIES = new Map([
  [0, 'never'],
  [1 / 6, 'a sixth'],
  [1, 'deadline'],
]);

/** Checks the properties of every annotation; returns the kind, how long it is retried, and the words that its text lacks. */
function judge(failure: Failure, words: string[] = []): [id: string, retries: string | undefined, missing: string[]] {
  const { id, retry, advice } = findKind(failure);
  const text = render(failure, PAGE);
  expect(text.length).toBeLessThanOrEqual(1_450);
  expect(text).not.toMatch(/undefined|NaN|\[object|\n\s+at |(?<!\$)[{]\w+[}]|eyJ|valid for \./);
  expect(text).toContain(`${advice}\n${PAGE}#${id}`);
  return [id, RETRIES.get(retry), words.filter((word) => !text.includes(word))];
}

/** Returns the rows of a table; the first cell of a row can list several cases with the same result. */
const readCases = (table: string): string[][] =>
  readTable(table).flatMap(([cases = '', ...rest]) => cases.split('; ').map((each) => [each, ...rest]));

test('the text of a server cannot choose the kind of another source, because each pattern is anchored', () => {
  const kinds = Object.values(CATALOGUE).flatMap((group) => Object.entries<Kind>(group));
  const loose = kinds.filter(([, { match }]) => match.source.split(/\|(?=\^)/).some((part) => !part.startsWith('^')));
  expect(loose.map(([id]) => id)).toEqual(['unexpected']);
});

test.each(Object.entries(ENTRIES))('the sample of the kind %s is of this kind', (id, { sample }) => {
  expect(judge(sample)[0]).toBe(id);
});

// The kind of each recorded refusal, how long it is retried, and words of its annotation.
const RECORDED = readCases(`
method not found | method-not-found | never | methodName | these methods of type JWT: github, github-adv.
OIDC method | method-not-jwt | never | The auth method gihub is for people | methodName | github, github-adv
not a JWT | malformed-jwt | never | three base64url parts
expired | jwt-expired | never | The exp of the JWT is 2 | It was issued moments ago
expired inside the default leeway | jwt-expired | never | ClockSkewLeeway of the auth method gihub
not yet valid | jwt-not-yet-valid | never | The nbf of the JWT is 2 | the Nomad servers is wrong
no exp, nbf, iat | malformed-claims | never | A JWT needs at least exp | issuer
wrong key; unknown kid | signature-invalid | never | JWKSURL | https://token.actions.githubusercontent.com | kid
alg none | algorithm-not-allowed | never | RS256
signing algorithm refused | algorithm-not-allowed | never | SigningAlgs | RS256
wrong issuer | issuer-mismatch | never | BoundIssuer | https://token.actions.githubusercontent.com
iss is absent | issuer-mismatch | never | BoundIssuer
no rule matched | no-rule-matched | never | repository "octo-org/octo-repo" | auth-method info -json gihub | simulate
bound role and policy do not exist | no-rule-matched | never | does not exist | nomad acl role list
method without rules; token name of a JWT that no rule matches | no-rule-matched | never | nomad acl binding-rule list
mapped claim is a list | claim-not-a-single-value | never | ListClaimMappings | claim workflow
mapped claim is an object | claim-not-a-single-value | never | JSON pointer | /workflow/NAME
unknown region | unknown-region | never | authoritative region
trailing slash in the path | login-not-found | never | url | 1.5.4 | https://nomad.example.com:4646/v1/acl/login
double slash in the path | redirect | never | url | a redirect to /elsewhere
audience bound and wrong | audience-mismatch | never | BoundAudiences of the auth method gihub | jwtGithubAudience
audience bound, aud absent | audience-mismatch | never | BoundAudiences
bind name with a slash | bind-name-invalid | never | role cannot be named "octo-org/octo-repo" | repo-\${value.repo_id}
bind name of an unmapped claim | bind-name-unknown-attribute | never | value.nope | ClaimMappings
token name of a claim that the JWT lacks | token-name-invalid | never | TokenNameFormat | value.run_id
token name with an unfinished variable | token-name-invalid | never | TokenNameFormat
token name that is too long | token-name-invalid | never | 256 characters
token name of an unmapped claim | token-name-invalid | never | TokenNameFormat | value.nope
sub is an object; jti is a list; iss is a boolean; aud is a number | malformed-claims | never | wrong type
aud is null; exp is text; sub and exp have the wrong type | malformed-claims | never | wrong type
JWKS unreachable | keys-unavailable | deadline | JWKSURL | JWTValidationPubKeys
ACLs disabled | acl-disabled | never | Check that https://nomad.example.com:4646 is the right cluster | acl { enabled = true }
too many connections | server-busy | deadline | http_max_conns_per_client | timeout
no leader | no-leader | deadline | nomad server members
plain HTTP to a TLS port | https-required | never | https:// | caCertificate
`);

// Responses to requests that the action never makes.
const NEVER_ASKED = /GET|empty|body is|lookup|revo|method list|PUT|policies|^self/;

describe.each(VERSIONS)('a refusal of Nomad %s', (version) => {
  const refusals = readLogins(version).filter(
    ({ name, response }) => response.status !== 200 && !NEVER_ASKED.test(name),
  );

  test.each(refusals.map(({ name, response }) => [name, response] as const))(
    'is of the expected kind, with its advice: %s',
    (name, { status, body }) => {
      // Nomad before 1.8 does not distinguish an unsigned JWT from a forged one.
      const situation = name === 'alg none' && body.includes('failed to verify') ? 'wrong key' : name;
      const [, id, retries, ...words] = RECORDED.find(([recorded]) => recorded === situation) ?? [];
      const failure = refuse({ status, text: body, headers: { location: '/elsewhere' } });
      expect(judge(failure, words)).toEqual([id, retries, []]);
    },
  );
});

test.each(
  readCases(`
502 | <html><title>502 Bad Gateway</title></html> | gateway-error | deadline | a web page (502 Bad Gateway) | balancer
408; 503; 504; 520; 527; 530 | | gateway-error | deadline | an empty response
519; 528; 531; 460; 464; 494 | | not-nomad | never
402; 406; 418; 421; 451 | Blocked | not-nomad | never | : Blocked
501; 505; 401; 409 | something new | not-nomad | never
511; 401; 403; 500 | <title>Sign in</title> timeout | not-nomad | never | a web page (Sign in) | extraHeaders
500 | {"error":"x"} | not-nomad | never
403 | Forbidden | not-nomad | never
400 | | not-nomad | never | an empty response
429 | Too Many Requests | rate-limited | deadline | A server in front of Nomad limits
400 | <title>400 No required SSL certificate was sent</title> | client-certificate-required | never | clientCertificate
496 | | client-certificate-required | never | secret or output that it comes from is empty
495; 400 | <title>400 The SSL certificate error</title> | client-certificate-refused | never
400 | <title>The plain HTTP request was sent to HTTPS port</title> | https-required | never | https://
404; 405 | <html> | login-not-found | never | a web page | /ui
301; 302; 303; 307; 308 | | redirect | never | url
403 | Permission denied | nomad-refused | never | look at the auth method
400 | something new | nomad-refused | never | logs of the servers
401 | unable to validate provided token: something new | nomad-refused | never
500 | something new | server-error | never | the leader's
500 | rpc error: computed "role" bind name x is invalid: "" | bind-name-invalid | never | The name of the role is empty
500 | rpc error: error converting claim 'x' to string | claim-not-a-single-value | never
400 | token 0 invalid: expiration time cannot be more than 1h0m0s | token-ttl-not-allowed | never | MaxTokenTTL | gihub
501 | all servers should be running version 1.5.0 or later | nomad-too-old | never | 1.5.4
500 | rpc error: EOF | no-leader | deadline
500 | node is not the leader | no-leader | deadline
500 | rpc error: failed to get conn: dial tcp: connection refused | no-leader | deadline
500 | rpc error: lead thread didn't get connection | no-leader | deadline
500 | leadership lost while committing log | no-leader | deadline
500 | not ready to serve consistent reads | no-leader | deadline
401 | no issuer information in the JWT | issuer-mismatch | never
500 | write: broken pipe | no-leader | deadline
500 | snapshot restored while committing log | no-leader | deadline
500 | session shutdown | no-leader | deadline
500 | read: connection reset by peer | no-leader | deadline
500 | i/o timeout | no-leader | deadline
401 | fetching keys oidc: get keys failed Get "https://a.example.com": EOF | keys-unavailable | deadline | firewall
401 | fetching keys oidc: get keys failed: 503 Service Unavailable | keys-unavailable | deadline
401 | fetching keys oidc: get keys failed: 429 Too Many Requests | keys-unavailable | deadline
401 | fetching keys oidc: get keys failed: 404 Not Found | keys-invalid | never | jwks_uri | OIDCDiscoveryURL
401 | fetching keys oidc: failed to decode keys: invalid character '<' | keys-invalid | never
401 | get keys failed Get "https://a": x509: certificate signed by unknown authority | keys-invalid | never | JWKSCACert
401 | fetching keys: oidc: issuer did not match the issuer returned by provider | keys-invalid | never
401 | get keys failed: unsupported protocol scheme "" | keys-invalid | never
401 | error parsing JWT validation keys: parse public key | keys-invalid | never
401 | invalid issued at (iat) claim: token issued in the future | jwt-not-yet-valid | never
`),
)('status %s with %j is of the kind %s, retried: %s', (status, text, id, retries, ...words) => {
  const failure = refuse({ status: Number(status), text, headers: { location: 'https://a.example.com' } });
  expect(judge(failure, words)).toEqual([id, retries, []]);
});

test.each(
  readCases(`
network ECONNREFUSED x | connection-refused | a sixth | Nothing listens | bind_addr
network ENOTFOUND x; network EAI_AGAIN x | unknown-host | a sixth | resolve the host name nomad.example.com
network ETIMEDOUT x; network UND_ERR_CONNECT_TIMEOUT x | unreachable | a sixth | nomad.example.com:4646
network EHOSTUNREACH x; network ENETUNREACH x | unreachable | a sixth
network NO_RESPONSE over https | no-response | deadline | 4647
network NO_RESPONSE after a response; network NO_RESPONSE over https after a response | no-response | deadline | keys
network ECONNRESET x after a response | server-busy | deadline | http_max_conns_per_client
network UND_ERR_SOCKET x over https after a response | server-busy | deadline
network ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC x | server-busy | deadline
network ECONNRESET x; network EPIPE x | connection-closed | a sixth | nomad.example.com:4646 closes | Check the port.
network UND_ERR_SOCKET x; network ERR_SSL_UNEXPECTED_EOF_WHILE_READING x | connection-closed | a sixth
network UND_ERR_SOCKET x over https | closed-after-handshake | a sixth | clientCertificate
network HPE_INVALID_CONSTANT x; network HTTPParserError x | not-http | never | a server in front of it sends malformed
network UND_ERR_HEADERS_OVERFLOW x; network UND_ERR_RES_EXCEEDED_MAX_SIZE x | not-http | never
network UND_ERR_RES_CONTENT_LENGTH_MISMATCH x | not-http | never
network CERT_HAS_EXPIRED x; network CERT_NOT_YET_VALID x | certificate-expired | never | has expired or is not | 14:14:20Z
network ERR_TLS_CERT_ALTNAME_INVALID x | certificate-name-mismatch | never
network UNABLE_TO_VERIFY_LEAF_SIGNATURE x; network SELF_SIGNED_CERT_IN_CHAIN x | untrusted-certificate | never
network UNABLE_TO_GET_ISSUER_CERT_LOCALLY x; network INVALID_CA x | untrusted-certificate | never | caCertificate
network DEPTH_ZERO_SELF_SIGNED_CERT x; network CERT_UNTRUSTED x | untrusted-certificate | never
network CERT_SIGNATURE_FAILURE x | untrusted-certificate | never
network INVALID_PURPOSE x | certificate-invalid | never | nomad tls cert create -server
network PATH_LENGTH_EXCEEDED x; network PERMITTED_VIOLATION x | certificate-invalid | never | for the reason above
network UNSPECIFIED x; network SOMETHING_NEW x | certificate-invalid | never | RSA keys need at least 2048 bits
network ERR_SSL_EE_KEY_TOO_SMALL x; network ERR_SSL_CA_KEY_TOO_SMALL x | client-certificate-weak | never | -cli
network ERR_SSL_CA_MD_TOO_WEAK x | client-certificate-weak | never
network ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE x | client-certificate-required | never
network ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR x | server-name-unknown | never | tlsServerName
network ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED x | client-certificate-refused | never | must not have expired
network ERR_SSL_SOMETHING_NEW x | tls-handshake-failed | never | tls_min_version
network ERR_SSL_PACKET_LENGTH_TOO_LONG x; network EPROTO wrong version number | tls-not-supported | never | http://
network ESOMETHING x; network TypeError fetch failed | network-error | never | 4646 failed for the reason above
proxy 407 | proxy-authentication | never | the credentials in HTTPS_PROXY | Negotiate or NTLM | NO_PROXY
proxy 403; proxy 400 | proxy-refused | never | does not allow connections to nomad.example.com:4646 | port 443
proxy 408; proxy 429; proxy 500; proxy 503 | proxy-unavailable | deadline | The proxy cannot reach nomad.example.com:4646
proxy UNABLE_TO_VERIFY_LEAF_SIGNATURE certificate | proxy-certificate | never | NODE_EXTRA_CA_CERTS | only for Nomad
proxy ERR_TLS_HANDSHAKE_TIMEOUT x; proxy ERR_TLS_CERT_ALTNAME_INVALID x; proxy ERR_SSL_WRONG_VERSION_NUMBER x | proxy-certificate | never | http://
proxy ECONNREFUSED x; proxy ENOTFOUND x | proxy-unreachable | a sixth | Correct its address in HTTPS_PROXY
github 401 Bad credentials; github 404 | github-refused | never | id-token: write
github 408; github 429; github 500 | github-unavailable | deadline | githubstatus
github 403 Can't issue ID_TOKEN for job in 'Pending' state | github-job-pending | a sixth | Run the job again
github 403 Can't issue ID_TOKEN for job in 'Delayed' state | github-job-pending | a sixth
github 403 Can't issue ID_TOKEN for job in 'Done' state | github-refused | never
github invalid-response; github error Parse Error: Expected HTTP/ | github-invalid-response | never | proxy settings
github error Unexpected token < in JSON | github-invalid-response | never
github error self-signed certificate; github error write EPROTO x | github-certificate | never | NODE_EXTRA_CA_CERTS
github error Hostname/IP does not match certificate's altnames | github-certificate | never
github error getaddrinfo ENOTFOUND a; github error getaddrinfo EAI_AGAIN a | github-unknown-host | a sixth
github error connect ECONNREFUSED; github error socket hang up | github-unreachable | deadline | reach nomad.example.com
github no-response | github-unreachable | deadline
action malformed-jwt | malformed-jwt | never | three base64url parts
action invalid-input | invalid-input | never
action invalid-proxy | invalid-proxy | never | %23 for #
action unwritable-file | unwritable-file | never | options: --user root
action missing-permission | missing-permission | never | id-token: write | identityToken
action fork-pull-request | fork-pull-request | never | if: github.event_name != 'pull_request' | github.event.pull_request.head.repo.full_name == github.repository
action not-in-actions | not-in-actions | never | INPUT_IDENTITYTOKEN
action act | act | never | !env.ACT
action forgejo | forgejo | never | enable-openid-connect: true
action gitea | gitea | never | identityToken
unexpected | unexpected | never | ACTIONS_STEP_DEBUG
`),
)('%s is of the kind %s, retried: %s', (sign = '', id, retries, ...words) => {
  const proxy = { origin: 'http://proxy.example.com:3128', variable: 'HTTPS_PROXY' };
  const facts = { url: URL_OF_NOMAD, now: NOW, proxy: sign.startsWith('proxy') ? proxy : undefined };
  expect(judge(new Failure(sign, 'It failed', facts), words)).toEqual([id, retries, []]);
});
