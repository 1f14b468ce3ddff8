import { DEFAULT_URL } from '../inputs/values.js';
import { quoteName } from '../secrets.js';
import { formatTime } from '../times.js';
import { showClaim } from './claims.js';
import type { Facts, Failure } from './failure.js';

/** The share of the timeout for which a server that cannot be reached is tried. */
export const SIXTH = 1 / 6;

interface Kind {
  /** Matches the sign of a failure; if it is left out, the sign is "action" and the id. */
  match?: RegExp;
  /** How long to retry, as a share of the timeout: 1 for until the deadline; never if it is left out. */
  retry?: number;
  /** What to change and where; `found` is what `match` found. */
  advice: string | ((facts: Facts, found: string[]) => string);
}

const EMPTY = 'If it is set, the secret or output that it comes from is empty in this job.';

const host = ({ url }: Pick<Facts, 'url'>): string => new URL(url).hostname;
const address = ({ url }: Facts): string => {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
};
const variable = ({ proxy }: Facts): string => proxy?.variable ?? 'HTTPS_PROXY';
const show = (values: Record<string, unknown>, name: string): string =>
  name in values ? showClaim(values[name], 200) : 'missing';

// A JWT that the action has just requested is valid, so a clock is wrong.
function adviseTime({ jwt, methodName, isJwtSupplied, now }: Facts, name: string): string {
  const claim = name in jwt.claims ? name : 'iat';
  const seconds = (each: string): number => Number(jwt.claims[each]);
  const age = Math.round(now / 1000 - seconds('iat'));
  const reason = isJwtSupplied
    ? 'Request the JWT right before this step, or correct the clocks of the runner and of the Nomad servers'
    : Math.abs(age) > 60
      ? `It was issued ${String(age)} s ago by that clock: the login took too long because of retries, or the clock of the runner or of the Nomad servers is wrong`
      : "It was issued moments ago, and the runner's clock agrees with the issuer's, so the clock of the Nomad servers is wrong: correct it";
  return `The ${claim} of the JWT is ${formatTime(seconds(claim) * 1000)}, and the runner's clock says ${formatTime(now)}. ${reason}. Nomad accepts differences up to the ClockSkewLeeway of the auth method ${methodName} (60 s if unset).`;
}

/** The kinds of refusals for which Nomad judged the JWT, so that the log lists its claims. */
export const JWT_KINDS = {
  'audience-mismatch': {
    match: /^nomad 401 .*audience \(aud\)/,
    advice: ({ jwt, methodName, isJwtSupplied }) =>
      `The aud claim of the JWT is ${show(jwt.claims, 'aud')}. ${isJwtSupplied ? 'Request the JWT in the input identityToken for' : 'Set the input jwtGithubAudience to'} one of the audiences in BoundAudiences of the auth method ${methodName}. The values must match exactly, including scheme and trailing slash.`,
  },
  'issuer-mismatch': {
    match: /^nomad 401 .*(invalid JWT issuer|issuer information)/,
    advice: ({ jwt, methodName }) =>
      `The iss claim of the JWT is ${show(jwt.claims, 'iss')}. If you trust this issuer, add exactly this value to BoundIssuer of the auth method ${methodName}. GitHub Enterprise Server and enterprises with their own issuer have other values than github.com.`,
  },
  'malformed-claims': {
    match: /^nomad 401 .*(cannot unmarshal|value to unmarshal|no issued at)/,
    advice:
      'A registered claim of the JWT is missing or has the wrong type: iss, sub and jti must be strings, aud a string or a list of strings, and exp, nbf and iat numbers. A JWT needs at least exp. Have the issuer correct it.',
  },
  'jwt-expired': { match: /^nomad 401 .*\(exp\) claim: /, advice: (facts) => adviseTime(facts, 'exp') },
  'jwt-not-yet-valid': { match: /^nomad 401 .*\((nbf|iat)\) claim: /, advice: (facts) => adviseTime(facts, 'nbf') },
  'algorithm-not-allowed': {
    match: /^nomad 401 .*(\(alg\)|signature algorithm)/,
    advice: ({ jwt, methodName }) =>
      `The alg of the JWT is ${show(jwt.header, 'alg')}. If it is an RS, ES or PS algorithm or EdDSA, add it to SigningAlgs of the auth method ${methodName} (RS256 if unset). Otherwise, have the issuer sign with RS256.`,
  },
  'signature-invalid': {
    match:
      /^nomad 401 (?!.*(fetching keys|get keys failed|malformed jwt|parse public key)).*(verify id token signature|verifying token signature)/,
    advice: ({ jwt, methodName }) =>
      `None of the keys of the auth method ${methodName} verifies this JWT (iss ${show(jwt.claims, 'iss')}, kid ${show(jwt.header, 'kid')}). The JWKSURL of the method must be the jwks_uri in ISSUER/.well-known/openid-configuration, where ISSUER is the iss claim. If it uses JWTValidationPubKeys, the issuer may have replaced its keys.`,
  },
  'no-rule-matched': {
    match: /^nomad 400 .*no role or policy bindings matched/,
    advice: ({ jwt: { claims }, methodName }) => {
      const names = ['repository', 'ref', 'environment', 'event_name', 'workflow'].filter((name) => name in claims);
      const job = names.map((name) => `${name} ${showClaim(claims[name], 100)}`);
      return `${job.length === 0 ? '' : `The job has ${job.join(', ')}. `}No binding rule of the auth method ${methodName} matches, or the rule names a role or policy that does not exist. Compare with:\n\n    nomad acl auth-method info -json ${methodName}\n    nomad acl binding-rule list    # then: nomad acl binding-rule info ID\n    nomad acl role list\n\nTo see which condition fails, save the claims in this log as claims.txt, and run this in a clone of this action:\n\n    npm run --silent simulate -- --config DIR --claims claims.txt`;
    },
  },
  'bind-name-invalid': {
    match: /^nomad \d+ .*computed "(\w+)" bind name [^:]*invalid: "([^"]*)"/,
    advice: (_, [, kind = 'role', name = '']) =>
      `A ${kind} cannot be named "${quoteName(name, 200)}". Names consist of 1 to 128 letters, digits and hyphens, and a claim that the JWT lacks counts as empty. Change the BindName of the rule. For one name per repository, map repository_id in ClaimMappings, and use repo-\${value.repo_id}.`,
  },
  'bind-name-unknown-attribute': {
    match: /^nomad \d+ .*cannot compute "\w+" bind name/,
    advice: ({ methodName }) =>
      `A BindName can only contain \${value.NAME}, where NAME is on the right side of ClaimMappings of the auth method ${methodName}. Lists and functions do not work. Correct the BindName, or add the mapping.`,
  },
  'token-name-invalid': {
    match: /^nomad \d+ .*(ACL token name:|token name too long)/,
    advice: ({ methodName }) =>
      `Nomad cannot fill in the TokenNameFormat of the auth method ${methodName}. Unlike a BindName, it fails if the JWT lacks a claim. Use \${value.NAME} only for claims that every JWT has (repository_id and run_id for GitHub), and map them in ClaimMappings. Names can have at most 256 characters.`,
  },
  'claim-not-a-single-value': {
    match: /^nomad \d+ .*(?:claim '([^']*)' to string|"([^"]*)" list claim)/,
    advice: ({ methodName }, [, single, list]) => {
      const claim = quoteName(single ?? list ?? '', 100);
      return `The claim ${claim} is not ${list === undefined ? 'a single value' : 'a list of single values'}. In the auth method ${methodName}, map a single value with ClaimMappings, a list of single values with ListClaimMappings, and a value inside an object with a JSON pointer such as /${claim}/NAME.`;
    },
  },
} satisfies Record<string, Kind>;

/** All kinds of failures, by their ids in docs/troubleshooting.md; the first that matches decides, and the last of each source describes whatever is not listed. */
const CATALOGUE = {
  'invalid-input': {
    advice: ({ input }) =>
      `Correct ${input} under "with:" in the step that uses this action, or the environment variable INPUT_${input.toUpperCase()} if you run it by hand.`,
  },
  'invalid-proxy': {
    advice:
      'Set it to an address such as http://USER:PASSWORD@proxy.example.com:3128, or unset it on the runner. Percent-encode special characters in the user name and password, such as %23 for # and %5C for a backslash. SOCKS proxies are not supported.',
  },
  'unwritable-file': {
    advice:
      "Usually, the image of the job's container runs as a user who cannot write the runner's files. Run it as root, with this under container: in the workflow, or use an image whose user has the runner's user ID (1001 on GitHub-hosted runners):\n\n    options: --user root",
  },
  'missing-permission': {
    advice:
      'Add this to the job in the workflow file, and for a reusable workflow also to the job that calls it:\n\n    permissions:\n      contents: read\n      id-token: write\n\nRuns that Dependabot triggers have read-only permissions unless the workflow sets them. If you have set the input identityToken, the secret or output that it comes from is empty in this job.',
  },
  'fork-pull-request': {
    advice:
      "The permissions in the workflow cannot change this. Log in to Nomad in a job that runs after the merge (on: push), and skip this step for forks:\n\n    if: github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository",
  },
  'not-in-actions': { advice: 'Outside GitHub Actions, set the environment variable INPUT_IDENTITYTOKEN to a JWT.' },
  act: {
    advice:
      'Set the input identityToken to a JWT of another issuer that Nomad trusts, or skip this step in act:\n\n    if: ${{ !env.ACT }}',
  },
  forgejo: {
    advice:
      'Add this to the job in the workflow file (Forgejo 15 or later), or set the input identityToken. Forgejo does not issue tokens to pull requests from forks:\n\n    enable-openid-connect: true',
  },
  gitea: {
    advice:
      'This server does not offer OIDC tokens to its jobs. Set the input identityToken to a JWT of another issuer that Nomad trusts.',
  },
  'github-job-pending': {
    retry: SIXTH,
    match: /^github 403 .*Can't issue ID_TOKEN for job in '(Pending|Delayed)' state/,
    advice: 'GitHub had not yet recorded that the job is running. Run the job again.',
  },
  'github-unavailable': {
    retry: 1,
    match: /^github (408|429|5\d\d)/,
    advice:
      "GitHub's token endpoint is overloaded or failing. Check https://www.githubstatus.com and run the job again, or set a longer timeout.",
  },
  'github-refused': {
    match: /^github \d/,
    advice:
      "Run the job again, because its credentials may have expired. Then check the job's permissions (id-token: write), the input jwtGithubAudience and the OIDC settings of your organization.",
  },
  'github-invalid-response': {
    match: /^github (invalid-response|error .*(Parse Error|JSON))/,
    advice:
      'Another server may have answered instead of GitHub. Check the proxy settings of the runner, and https://www.githubstatus.com.',
  },
  'github-certificate': {
    match: /^github error (?!.*disconnected).*(certificate|altname|EPROTO|SSL|TLS|issuer)/i,
    advice:
      "The runner cannot verify the certificate of GitHub's token endpoint. For GitHub Enterprise Server with a private CA, or behind TLS inspection, install the CA on the runner. Alternatively, set NODE_EXTRA_CA_CERTS in the runner's environment to a PEM file that contains the CA.",
  },
  'github-unknown-host': {
    retry: SIXTH,
    match: /^github error .*(ENOTFOUND|EAI_AGAIN)/,
    advice: (facts) =>
      `This runner cannot resolve the host name ${host(facts)}. Correct its DNS settings, or set HTTPS_PROXY.`,
  },
  'github-unreachable': {
    retry: 1,
    match: /^github/,
    advice: (facts) =>
      `GitHub's token endpoint does not respond, or the network is failing. A self-hosted runner must be able to reach ${host(facts)}, through HTTPS_PROXY if necessary. Otherwise check https://www.githubstatus.com.`,
  },
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
    advice: ({ url, certificate, now }) =>
      `The certificate of ${certificate?.validity || `${host({ url })}, or of its CA, has expired or is not yet valid`}. Renew it on the server, update the input caCertificate, or correct the runner's clock (${formatTime(now)}).`,
  },
  'certificate-name-mismatch': {
    match: /^network ERR_TLS_CERT_ALTNAME/,
    advice: ({ url, certificate: { names } = { names: [] } }) => {
      const serverName = names.find((name) => /^server\.[\w-]+\.nomad$/.test(name));
      const change = serverName === undefined ? 'In' : `Set the input tlsServerName to ${serverName} or, in`;
      return names.length === 0
        ? `The certificate of ${host({ url })} does not name its server in a subject alternative name. Create a new one, for example with: nomad tls cert create -server`
        : `${change} the input url, use an address for which the certificate is valid: ${names.slice(0, 10).join(', ')}.`;
    },
  },
  'untrusted-certificate': {
    match: /^network (UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA)/,
    advice: ({ certificate, caNames }) => {
      const signed = `The server's certificate is signed by ${certificate ? `"${certificate.issuer}"` : 'another CA'}`;
      if (caNames === undefined) {
        return `${signed}, which this step does not trust. Set the input caCertificate to the certificate of that CA. ${EMPTY}`;
      }
      return certificate && caNames.includes(certificate.issuer)
        ? `${signed}. The input caCertificate contains a CA of the same name but with another key, probably an older one or that of another cluster. Replace it.`
        : `${signed}, and the input caCertificate contains: ${caNames || 'CAs without a common name'}. Add the CA that signed it, and intermediate CAs that the server does not send.`;
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
      /^network ERR_SSL\S*(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)|^nomad (400 .*No required SSL certificate|496 )/,
    advice: (facts) =>
      `${host(facts)} probably requires a client certificate (mTLS). Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key. ${EMPTY}`,
  },
  'client-certificate-refused': {
    match:
      /^network ERR_SSL\S*ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)|^nomad (400 .*SSL certificate error|495 )/,
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
      `${address(facts)} does not respond as Nomad does. If this port uses TLS, change the input url to https://. Otherwise, it is not the port of Nomad's HTTP API, or a server in front of it sends malformed responses, or more than 1 MiB.`,
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
    match: /^network (.* after a response$|ERR_SSL\S*DECRYPTION_FAILED)|^nomad 429 .*too many concurrent connections/,
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
      `${host(facts)} and this runner cannot negotiate a TLS connection. Check tls_min_version and tls_cipher_suites in the tls block of the Nomad servers, and any load balancer or proxy in between. If the server does not have a certificate for the requested name, correct the host in the input url, or the input tlsServerName.`,
  },
  'network-error': {
    match: /^network/,
    advice: (facts) =>
      `The connection to ${address(facts)} failed for the reason above. Check the input url and the network between this runner and the server.`,
  },
  ...JWT_KINDS,
  'method-not-found': {
    match: /^nomad 400 .*(auth-method "[^"]*" not found|unsupported auth-method type)/,
    advice: ({ methods }) =>
      `Set the input methodName to an auth method of type JWT; methods of type OIDC are for people who log in with a browser. Names are case-sensitive. ${methods === undefined ? 'To list the methods, run: nomad acl auth-method list' : `This cluster has ${methods.length === 0 ? 'no method of type JWT; docs/nomad-setup.md describes how to create one' : `these methods of type JWT: ${methods.join(', ')}`}.`}`,
  },
  'malformed-jwt': {
    match: /^action malformed-jwt|^nomad 401 .*malformed jwt/,
    advice:
      'A JWT has three base64url parts joined by dots, with JSON objects in the first two. Pass the whole token, unaltered, and nothing else.',
  },
  'keys-invalid': {
    match:
      /^nomad \d+ .*((fetching keys|get keys failed|validation keys).*(: 3\d\d|: 4(?!08|29)\d\d |did not match|Content-Type|failed to decode|x509:|tls:|unsupported protocol|HTTPS client|malformed HTTP|CA PEM|Proxy Auth|invalid URI|must not be)|parse public key|keySet must not be nil)/,
    advice: ({ methodName }) =>
      `The Nomad servers get no keys from the address in the auth method ${methodName}. OIDCDiscoveryURL must be exactly the issuer, and JWKSURL the jwks_uri in ISSUER/.well-known/openid-configuration. JWTValidationPubKeys must be public keys in PEM. For a private CA, set JWKSCACert or DiscoveryCaPem. A firewall or login page may also have answered.`,
  },
  'keys-unavailable': {
    retry: 1,
    match: /^nomad 401 .*(fetching keys|get keys failed|validation keys)/,
    advice: ({ methodName }) =>
      `The Nomad servers cannot fetch the keys of the issuer. They need access to the JWKSURL or OIDCDiscoveryURL of the auth method ${methodName}: check its spelling, and the DNS, firewall and proxy settings of the servers. Servers without internet access can use JWTValidationPubKeys.`,
  },
  'acl-disabled': {
    match: /^nomad 400 ACL support disabled/,
    advice: ({ url }) =>
      `Check that ${url} is the right cluster: it does not use ACLs, so there are no tokens, and the step is not needed. If you enable ACLs (acl { enabled = true } on all servers, then nomad acl bootstrap), Nomad denies all requests without a token.`,
  },
  'unknown-region': {
    match: /^nomad 500 .*No path to region/,
    advice:
      'If the input region is set, look for it in the output of: nomad server members. If it is right, the servers cannot reach that region, or the authoritative region, which creates global tokens: check the servers there, or have the auth method create local tokens (-token-locality=local).',
  },
  'token-ttl-not-allowed': {
    match: /^nomad \d+ .*expiration time cannot be/,
    advice: ({ methodName }) =>
      `MaxTokenTTL of the auth method ${methodName} is outside the limits of the servers. Change it to a value between token_min_expiration_ttl and token_max_expiration_ttl in the acl block of the servers.`,
  },
  'nomad-too-old': {
    match: /^nomad [45]\d\d .*(servers should be running version|can't find method|Unknown rpc method)/,
    advice:
      'JWT auth methods require Nomad 1.5.4 or later on every server of every region. Upgrade the servers that are older.',
  },
  'https-required': {
    match: /^nomad (497 |400 .*(HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL|requires TLS))/,
    advice: 'This port uses TLS. Change the input url to https://, and set caCertificate for a private CA.',
  },
  'rate-limited': {
    retry: 1,
    match: /^nomad 429/,
    advice:
      'A server in front of Nomad limits the number of requests. Raise its limit, run fewer jobs at once, or set a longer timeout.',
  },
  'gateway-error': {
    retry: 1,
    match: /^nomad (408|502|503|504|52[0-7]|530)/,
    advice:
      'The load balancer, tunnel or proxy in front of Nomad cannot reach a Nomad server. Check its health checks and the Nomad servers.',
  },
  'no-leader': {
    retry: 1,
    // A cluster that loses its leader elects another within seconds. "rpc error" alone proves nothing: a follower also adds it to
    // final refusals.
    match:
      /^nomad 500 (?!\s*<).*(no cluster leader|not the leader|leadership|failed to get conn|lead thread|not ready to serve|connection re|broken pipe|time(d )?out|EOF|shutdown|stream closed|start stream|snapshot restored|not accepting|closed network|deadline)/i,
    advice:
      'The Nomad servers have no leader, or cannot reach it. Check nomad server members, nomad operator raft list-peers and the logs of the servers, or set a longer timeout.',
  },
  redirect: {
    match: /^nomad 3\d\d a redirect to (.*)/,
    advice: ({ url }, [, target = '']) =>
      url.startsWith('http:') && target.startsWith('https:') && host({ url: target }) === host({ url })
        ? `Set the input url to ${url.replace(new URL(url).origin, target)}.`
        : `Redirects are not followed, because they would send secrets to another server. Set the input url to the address of Nomad itself, instead of ${url}.`,
  },
  'login-not-found': {
    match: /^nomad 40[45]/,
    advice: ({ url }) =>
      `There is no Nomad API at ${url}/v1/acl/login. Set the input url to the address of Nomad's API, without /ui or /v1. Nomad must be 1.5.4 or later.`,
  },
  'nomad-refused': {
    match: /^nomad ([45]00 (?!\s*[<{]).|401 unable to validate|403 (Permission denied|ACL token not found))/,
    advice:
      "This action has no specific advice for this message. If it is Nomad's, look for it in the logs of the Nomad servers, above all the leader's; after a login, also check the auth method and its binding rules. Otherwise, a server in front of Nomad sent it.",
  },
  'not-nomad': {
    match: /^nomad/,
    advice: ({ url, proxy }) =>
      `${proxy === undefined ? 'A' : `The proxy ${proxy.origin}, a`} server in front of Nomad, or another server answered at ${url}: a login page, Nomad's web UI, a firewall or a load balancer. Set the input url to the address of Nomad's API, without /ui or /v1, or pass what that server requires in the input extraHeaders.`,
  },
  // Everything that no other kind describes, such as a full disk.
  unexpected: {
    match: /(?:)/,
    advice:
      'This action has no advice for this failure. Run the job again with step debugging (the secret ACTIONS_STEP_DEBUG set to true), and open an issue with the log if it persists.',
  },
} satisfies Record<string, Kind>;

/** The ids of all kinds. */
export type KindId = keyof typeof CATALOGUE;

/** Returns the first kind that describes a failure, with its id and its advice. */
export function findKind({ sign, facts }: Failure): { id: string; retry: number; advice: string } {
  const line = sign.replace(/\s+/g, ' ');
  for (const [id, { match = new RegExp(`^action ${id}$`), retry = 0, advice }] of Object.entries<Kind>(CATALOGUE)) {
    const found = match.exec(line);
    if (found !== null) {
      return { id, retry, advice: typeof advice === 'string' ? advice : advice(facts, found) };
    }
  }
  throw new Error(`No kind describes ${sign}`);
}
