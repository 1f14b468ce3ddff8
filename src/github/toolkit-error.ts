import { Failure, type Event } from '../failures/failure.js';
import { describeServer, type Proxy } from '../proxy.js';
import { quote } from '../secrets.js';

// The toolkit only passes on the texts of Node and OpenSSL. The first that matches decides; a host name only follows what they match.
const CODES: [text: RegExp, code: string][] = [
  [/^(?:connect|read|write|getaddrinfo) (?!EPROTO)(E[A-Z_]+)\b.*/s, '$1'],
  [/^(?:socket hang up|Client network socket disconnected).*/s, 'ECONNRESET'],
  [/^(?:Parse Error|Unexpected (?:token|end|non-whitespace)|.* JSON at position).*/s, 'HPE_INVALID'],
  [/^Hostname\/IP does not match.*/s, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/^(?:\w+ EPROTO|\w+:error:\w+:SSL routines:).*/s, 'EPROTO'],
  // OpenSSL's texts for the reasons why a certificate does not pass verification.
  [/^.*\b(?:certificate|issuer|CRL|CA|trust|purpose|path length|subtree|mismatch)\b.*/s, 'UNABLE_TO_VERIFY'],
  [/^.*/s, 'unknown error'],
];

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
  const [text, code] = CODES.find(([pattern]) => pattern.test(cause)) ?? [/^/, ''];
  const reached = /^(connect|getaddrinfo) /.test(cause) ? 'nothing' : 'TCP';
  return { to: cause === said ? 'github' : 'proxy', code: cause.replace(text, code), reached };
}
