import { expect, test } from '@jest/globals';
import { ENTRIES } from '../../scripts/troubleshooting/page.js';
import { findKind, SIXTH } from '../../src/failures/catalogue.js';
import { render } from '../../src/failures/explain.js';
import { Failure } from '../../src/failures/failure.js';
import { refuse, useProcess } from '../support/in-process.js';
import { readLogins, VERSIONS } from '../../testbed/recordings/recorded.js';

// docs/troubleshooting.md shows each kind's sample, advice, retry policy and recorded responses.
const PAGE = 'https://github.com/octo-org/nomad-jwt-auth/blob/v1.0.0/docs/troubleshooting.md';
const GENERAL_KINDS = ['nomad-refused', 'not-nomad', 'unexpected'];
// Responses to requests that the action never makes.
const NEVER_ASKED = /GET|empty|body is|lookup|revo|method list|PUT|policies|^self/;

useProcess();

/** Checks the properties of every annotation, and that the text of a server cannot choose a kind; returns the kind. */
function judge(failure: Failure): string {
  const { id, retry, advice } = findKind(failure);
  const text = render(failure, PAGE);
  expect([0, SIXTH, 1]).toContain(retry);
  expect(text).not.toMatch(/undefined|NaN|\[object|\n\s+at |(?<!\$)[{]\w+[}]|eyJ|valid for \./);
  expect(text).toContain(`${advice}\n${PAGE}#${id}`);
  expect(findKind(new Failure(`x ${failure.sign}`, 'It failed')).id).toBe('unexpected');
  return id;
}

/** Returns the cases of a table of kinds, each with its kind. */
function readCases(table: string): string[][] {
  const rows = table.trim().split('\n');
  return rows
    .map((row) => row.split(' | '))
    .flatMap(([id = '', cases = '']) => cases.split('; ').map((each) => [each, id]));
}

test.each(Object.entries(ENTRIES))('the sample of the kind %s is of this kind', (id, { sample }) =>
  expect(judge(sample)).toBe(id),
);

test.each(VERSIONS)('each refusal that Nomad %s sends has advice of its own', (version) => {
  const refusals = readLogins(version).filter(({ name, response }) => response.status > 200 && !NEVER_ASKED.test(name));
  const kinds = refusals.map(({ response: { status, body } }) => judge(refuse({ status, text: body })));
  expect(kinds.filter((id) => GENERAL_KINDS.includes(id))).toEqual([]);
});

test.each(
  readCases(`
gateway-error | 408; 503; 504; 520; 527; 530
not-nomad | 400; 402; 403 Forbidden; 406; 451; 501; 505; 511; 519; 528; 531; 401 something new; 409 something new
not-nomad | 400 <p>; 401 <title>Sign in</title> timeout; 500 <title>Sign in</title> timeout; 500 {"error":"x"}
client-certificate-required | 400 <title>400 No required SSL certificate was sent</title>; 496
client-certificate-refused | 400 <title>400 The SSL certificate error</title>; 495
https-required | 400 <title>The plain HTTP request was sent to HTTPS port</title>; 497
https-required | 400 You're speaking plain HTTP to an SSL-enabled server port.; 400 This combination requires TLS.
login-not-found | 405 <html>
redirect | 302; 308
nomad-refused | 400 something new; 401 unable to validate provided token: something new; 403 ACL token not found
bind-name-invalid | 500 rpc error: computed "role" bind name x is invalid: ""
claim-not-a-single-value | 500 rpc error: error converting claim 'x' to string; 500 rpc error: "x" list claim
nomad-too-old | 400 all servers should be running version 1.5.0 or later; 501 rpc: can't find method ACL.Login
nomad-too-old | 500 Unknown rpc method: "ACL.Login"
issuer-mismatch | 401 no issuer information in the JWT
no-leader | 500 rpc error: EOF; 500 node is not the leader; 500 leadership lost while committing log
no-leader | 500 rpc error: failed to get conn: dial; 500 rpc error: lead thread didn't respond; 500 i/o timeout
no-leader | 500 not ready to serve consistent reads; 500 write: broken pipe; 500 read: connection reset by peer
no-leader | 500 session shutdown; 500 snapshot restored while committing log; 500 timed out enqueuing operation
no-leader | 500 rpc error: stream closed; 500 failed to start stream; 500 raft is not accepting new entries
no-leader | 500 use of closed network connection; 500 context deadline exceeded
keys-unavailable | 401 fetching keys oidc: EOF; 401 get keys failed: 503; 401 get keys failed: 429 Too Many Requests
keys-unavailable | 401 get keys failed: 408 Request Timeout; 401 validation keys: EOF
keys-unavailable | 401 failed to verify id token signature: fetching keys: EOF
keys-unavailable | 401 error verifying token signature: get keys failed: EOF
signature-invalid | 401 error verifying token signature: no known key
keys-invalid | 401 fetching keys oidc: failed to decode keys; 401 get keys failed Get "https://a.com": x509: unknown
keys-invalid | 401 fetching keys: oidc: issuer did not match the issuer returned by provider; 401 parse public key
keys-invalid | 401 get keys failed: unsupported protocol scheme ""; 401 get keys failed: 302 Found
keys-invalid | 401 fetching keys: expected Content-Type = application/json; 401 fetching keys: remote error: tls: handshake
keys-invalid | 401 get keys failed: server gave HTTP response to HTTPS client; 401 get keys failed: malformed HTTP response
keys-invalid | 401 get keys failed: could not parse CA PEM value; 401 fetching keys: Proxy Authentication Required
keys-invalid | 401 get keys failed: invalid URI for request; 401 validation keys: must not be empty
keys-invalid | 401 keySet must not be nil; 401 failed to verify id token signature: parse public key
`),
)('the response %j is of the kind %s', (response, id) => {
  const [status = '', ...words] = response.split(' ');
  expect(judge(refuse({ status: Number(status), text: words.join(' ') }))).toBe(id);
});

test.each(
  readCases(`
unknown-host | network EAI_AGAIN x
unreachable | network ETIMEDOUT x; network EHOSTUNREACH x; network ENETUNREACH x
no-response | network NO_RESPONSE after a response; network NO_RESPONSE over https after a response
server-busy | network UND_ERR_SOCKET x over https after a response; network ERR_SSL_DECRYPTION_FAILED x
connection-closed | network EPIPE x; network UND_ERR_SOCKET x; network ERR_SSL_UNEXPECTED_EOF_WHILE_READING x
not-http | network HPE_INVALID_CONSTANT x; network HTTPParserError x; network UND_ERR_HEADERS_OVERFLOW x
not-http | network UND_ERR_RES_CONTENT_LENGTH_MISMATCH x
certificate-expired | network CERT_NOT_YET_VALID x
untrusted-certificate | network SELF_SIGNED_CERT_IN_CHAIN x; network DEPTH_ZERO_SELF_SIGNED_CERT x
untrusted-certificate | network INVALID_CA x; network CERT_UNTRUSTED x; network CERT_SIGNATURE_FAILURE x
certificate-invalid | network INVALID_PURPOSE x; network SOMETHING_NEW x
client-certificate-weak | network ERR_SSL_CA_KEY_TOO_SMALL x; network ERR_SSL_CA_MD_TOO_WEAK x
client-certificate-required | network ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE x
client-certificate-refused | network ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED x; network ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE x
client-certificate-refused | network ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE x
client-certificate-refused | network ERR_SSL_TLSV1_ALERT_ACCESS_DENIED x; network ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR x
tls-not-supported | network ERR_SSL_PACKET_LENGTH_TOO_LONG x; network EPROTO wrong version number
tls-not-supported | network ERR_SSL_HTTP_REQUEST x
tls-handshake-failed | network EPROTO x; network ERR_TLS_HANDSHAKE_TIMEOUT x
tls-handshake-failed | network ERR_SSL_SOMETHING_NEW x; network ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR x
network-error | network ESOMETHING x; network TypeError fetch failed; network ABORT_ERR x
proxy-refused | proxy 400
proxy-unavailable | proxy 408; proxy 429; proxy 500
proxy-certificate | proxy UNABLE_TO_VERIFY_LEAF_SIGNATURE certificate; proxy ERR_TLS_HANDSHAKE_TIMEOUT x
proxy-certificate | proxy SUBJECT_ISSUER_MISMATCH x; proxy UNSPECIFIED x
proxy-certificate | proxy ERR_TLS_CERT_ALTNAME_INVALID x; proxy ERR_SSL_WRONG_VERSION_NUMBER x
github-refused | github 404; github 403 Can't issue ID_TOKEN for job in 'Done' state
github-unavailable | github 408; github 429; github 500
github-job-pending | github 403 Can't issue ID_TOKEN for job in 'Delayed' state
github-invalid-response | github error Parse Error: Expected HTTP/; github error Unexpected token < in JSON
github-certificate | github error write EPROTO x; github error Hostname/IP does not match certificate's altnames
github-certificate | github error tlsv1 alert internal error; github error ssl error; github error subject issuer mismatch
github-unknown-host | github error getaddrinfo EAI_AGAIN a
github-unreachable | github error Client network socket disconnected before secure TLS connection was established
github-unreachable | github error connect ECONNREFUSED; github error socket hang up; github no-response
malformed-jwt | action malformed-jwt
`),
)('the sign %j is of the kind %s', (sign, id) =>
  expect(judge(new Failure(sign, 'It failed', refuse({}).facts))).toBe(id),
);
