import { Failure, type Event } from '../failures/failure.js';
import { describeServer, type Proxy } from '../proxy.js';
import { quote } from '../secrets.js';

// The toolkit only passes on the texts of Node and OpenSSL. Only those with a code of Node contain a host name.
const CODE = /^(?:connect|read|write|getaddrinfo) (E[A-Z_]+)\b/;
const MALFORMED = /^(?:Parse Error|Unexpected (?:token|end|non-whitespace)|.* JSON at position)/;
// Also OpenSSL's reasons why a certificate does not pass verification.
const TLS =
  /:SSL routines:|^Hostname\/IP does not match|\b(?:certificate|issuer|CRL|CA|trust|purpose|path length|subtree|mismatch)\b/;

/** Returns the failure that an error of `core.getIDToken` describes, only in its text; an empty text stands for a response without a JWT. */
export function parseToolkitError(error: Error, facts: { url: string; proxy: Proxy | undefined }): Failure {
  const place = describeServer('GitHub', facts);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'NO_RESPONSE') {
    return new Failure({ to: 'github', code, reached: 'nothing' }, `Cannot reach ${place}: ${message}`, facts);
  }
  // At the end, Node may advise changing how it is started.
  const [, status = '', said = ''] =
    /Error Code : (\w+)\s+Error Message: (.*?)(?:; if the root CA is installed locally.*)?$/s.exec(message) ?? [];
  if (status === '') {
    return new Failure({ from: 'github', status: 200, text: '' }, "GitHub's response does not contain a JWT", facts);
  }
  // Without a response, the status is the text "undefined".
  if (status !== 'undefined') {
    const summary = `GitHub did not issue an OIDC token (${status}): ${quote(said) || 'an empty response'}`;
    return new Failure({ from: 'github', status: Number(status), text: said }, summary, facts);
  }
  const [, proxyStatus] = /^tunneling socket .*statusCode=(\d+)/.exec(said) ?? [];
  const reason = proxyStatus === undefined ? said : `the proxy answered ${proxyStatus}`;
  return new Failure(
    proxyStatus === undefined ? findEvent(said) : { from: 'proxy', status: Number(proxyStatus), text: '' },
    `Cannot reach ${place}: ${quote(reason)}`,
    facts,
  );
}

function findEvent(said: string): Event {
  const cause = said.replace(/^tunneling socket could not be established, cause=/, '');
  const [, ofNode] = CODE.exec(cause) ?? [];
  const code = ofNode ?? (MALFORMED.test(cause) ? 'HPE_INVALID' : TLS.test(cause) ? 'EPROTO' : 'unknown error');
  const reached = /^(connect|getaddrinfo) /.test(cause) ? 'nothing' : 'TCP';
  return { to: cause === said ? 'github' : 'proxy', code, reached };
}
