import { expect, test } from '@jest/globals';
import { makeSamples, refuse } from '../../scripts/samples.js';
import { SIXTH } from '../../src/time.js';
import { render } from '../../src/failures/explain.js';
import { Failure, type Event } from '../../src/failures/failure.js';
import { useProcess } from '../support/in-process.js';
import { readLogins, VERSIONS } from '../../testbed/recordings/recorded.js';

// docs/troubleshooting.md shows each kind's sample, advice, retry policy and recorded responses.
const GENERAL_KINDS = ['nomad-refused', 'not-nomad', 'unexpected'];
// Responses to requests that the action never makes.
const NEVER_ASKED = /GET|empty|body is|lookup|revo|method list|PUT|policies|^self|slash/;

useProcess();

/** Checks the properties of every annotation; returns the kind. */
function judge(failure: Failure): string {
  const { id, kind, advice } = failure;
  const text = render(failure);
  expect([undefined, SIXTH, 1]).toContain(kind.retry);
  expect(text).not.toMatch(/undefined|NaN|\[object|\n\s+at |(?<!\$)[{]\w+[}]|eyJ|valid for \./);
  expect(text).toContain(advice);
  return id;
}

/** Makes the failure of a response of Nomad, such as "401 text", of another one, or of an error such as "to nomad ECONNRESET TCP". */
function fail(event: string): Failure {
  if (/^\d/.test(event)) {
    return refuse(Number(event.slice(0, 3)), event.slice(4));
  }
  const [first, second = '', ...words] = event.split(' ');
  const [code = '', reached = 'nothing'] = words;
  const made =
    first === 'to' ? { to: second, code, reached } : { from: first, status: Number(second), text: words.join(' ') };
  return new Failure(made as Event, 'It failed', refuse(400, '').facts);
}

const CASES = `
gateway-error | 408; 503; 504; 520; 527; 530
not-nomad | 400; 402; 406; 451; 501; 505; 511; 519; 528; 531; 409 something new
not-nomad | 400 <p>; 401 <title>Sign in</title> timeout; 500 <title>Sign in</title> timeout; 500 {"error":"x"}
client-certificate | 400 <title>400 The SSL certificate error</title>
wrong-scheme | 400 <title>The plain HTTP request was sent to HTTPS port</title>
wrong-scheme | 400 You're speaking plain HTTP to an SSL-enabled server port.; 400 This combination requires TLS.
not-nomad | 405 <html>; 302; 308
nomad-refused | 400 something new; 401 something new; 403 Forbidden; 401 unable to validate provided token: something new; 403 ACL token not found
name-invalid | 500 rpc error: computed "role" bind name for bind target is invalid: ""
claim-not-a-single-value | 500 rpc error: error converting claim 'x' to string; 500 rpc error: "x" list claim
nomad-too-old | 400 all servers should be running version 1.5.0 or later; 501 rpc: can't find method ACL.Login
nomad-too-old | 500 Unknown rpc method: "ACL.Login"
issuer-mismatch | 401 BoundIssuers but the provided token does not contain issuer information
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
server-busy | 429
unknown-host | to nomad EAI_AGAIN; to github ENOTFOUND
unreachable | to nomad ETIMEDOUT; to nomad EHOSTUNREACH; to nomad ENETUNREACH; to nomad NO_RESPONSE
no-response | to nomad NO_RESPONSE response; to nomad NO_RESPONSE TCP; to proxy NO_RESPONSE TLS
server-busy | to nomad ERR_SSL_DECRYPTION_FAILED; 429 <title>Slow down</title>
connection-closed | to nomad EPIPE TCP; to nomad UND_ERR_SOCKET TLS; to nomad ERR_SSL_UNEXPECTED_EOF_WHILE_READING TCP
connection-closed | to nomad ETIMEDOUT TCP; to nomad UND_ERR_SOCKET response
network-error | to nomad HPE_INVALID_CONSTANT; to nomad HTTPParserError; to nomad UND_ERR_HEADERS_OVERFLOW
network-error | to nomad UND_ERR_RES_CONTENT_LENGTH_MISMATCH
certificate-invalid | to nomad CERT_NOT_YET_VALID; to nomad INVALID_PURPOSE; to nomad SOMETHING_NEW
untrusted-certificate | to nomad INVALID_CA; to nomad CERT_UNTRUSTED; to nomad CERT_SIGNATURE_FAILURE
client-certificate | to nomad ERR_SSL_CA_KEY_TOO_SMALL; to nomad ERR_SSL_CA_MD_TOO_WEAK
client-certificate | to nomad ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE; to nomad ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE
client-certificate | to nomad ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED; to nomad ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE response
client-certificate | to nomad ERR_SSL_TLSV1_ALERT_ACCESS_DENIED; to nomad ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR
wrong-scheme | to nomad ERR_SSL_PACKET_LENGTH_TOO_LONG; to nomad ERR_SSL_HTTP_REQUEST
tls-handshake-failed | to nomad EPROTO; to nomad ERR_TLS_SOMETHING; to nomad ERR_SSL_TLSV1_UNRECOGNIZED_NAME response
tls-handshake-failed | to nomad ERR_SSL_SOMETHING_NEW; to nomad ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR
network-error | to nomad ESOMETHING; to nomad TypeError; to nomad ABORT_ERR
proxy-refused | proxy 400; proxy 407
proxy-unavailable | proxy 408; proxy 429; proxy 500
proxy-unreachable | to proxy ECONNREFUSED; to proxy ECONNRESET TCP; to proxy NO_RESPONSE; to proxy ENOTFOUND
runner-trust-store | to proxy UNABLE_TO_VERIFY_LEAF_SIGNATURE; to proxy ERR_TLS_SOMETHING; to proxy SUBJECT_ISSUER_MISMATCH
runner-trust-store | to proxy UNSPECIFIED; to proxy ERR_TLS_CERT_ALTNAME_INVALID; to proxy ERR_SSL_WRONG_VERSION_NUMBER
github-refused | github 404; github 403 Can't issue ID_TOKEN for job in 'Done' state
github-unavailable | github 408; github 429; github 500; to github NO_RESPONSE; to github ECONNRESET TCP
github-job-pending | github 403 Can't issue ID_TOKEN for job in 'Delayed' state
`
  .trim()
  .split('\n')
  .map((row) => row.split(' | '))
  .flatMap(([id = '', events = '']) => events.split('; ').map((event) => [event, id]));

test('each sample is of its kind', () => {
  const wrong = Object.entries(makeSamples()).map(([id, samples]) => [
    id,
    samples.map(judge).filter((each) => each !== id),
  ]);
  expect(wrong.filter(([, ids]) => ids?.length !== 0)).toEqual([]);
});

test.each(VERSIONS)('each refusal that Nomad %s sends has advice of its own', (version) => {
  const refusals = readLogins(version).filter(({ name, response }) => response.status > 200 && !NEVER_ASKED.test(name));
  const kinds = refusals.map(({ response: { status, body } }) => judge(refuse(status, body)));
  expect(kinds.filter((id) => GENERAL_KINDS.includes(id))).toEqual([]);
});

test.each(CASES)('the event %j is of the kind %s', (event = '', id) => expect(judge(fail(event))).toBe(id));
