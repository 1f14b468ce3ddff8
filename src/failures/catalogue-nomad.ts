import { quoteName } from '../secrets.js';
import type { Facts, Kinds } from './failure.js';

function listMethods({ methods }: Facts): string {
  if (methods === undefined) {
    return 'To list the methods, run: nomad acl auth-method list';
  }
  return methods.length === 0
    ? 'This cluster has no auth method of type JWT. Create one as docs/nomad-setup.md describes.'
    : `This cluster has these methods of type JWT: ${methods.join(', ')}.`;
}

function adviseRedirect(url: string, target: string): string {
  const { hostname, pathname } = new URL(url);
  const isUpgrade = url.startsWith('http:') && URL.canParse(target) && new URL(target).protocol === 'https:';
  return isUpgrade && new URL(target).hostname === hostname
    ? `Set the input url to ${new URL(target).origin}${pathname.replace(/\/$/, '')}.`
    : `Redirects are not followed, because they would send secrets to another server. Set the input url to the address of Nomad itself, instead of ${url}.`;
}

/** What else Nomad, or a server in front of it, can respond. */
export const NOMAD_KINDS = {
  'method-not-found': {
    match: /^nomad 400 .*auth-method "[^"]*" not found/s,
    advice: (facts) =>
      `Set the input methodName to an auth method of type JWT; names are case-sensitive. ${listMethods(facts)}`,
  },
  'method-not-jwt': {
    match: /^nomad 400 .*unsupported auth-method type/s,
    advice: (facts) =>
      `The auth method ${facts.methodName} is for people who log in with a browser. Set the input methodName to a method of type JWT. ${listMethods(facts)}`,
  },
  'malformed-jwt': {
    match: /^action malformed-jwt|^nomad 401 .*malformed jwt/s,
    advice:
      'A JWT has three base64url parts joined by dots, with JSON objects in the first two. Pass the whole token, unaltered, and nothing else.',
  },
  'keys-invalid': {
    match:
      /^nomad \d+ .*((fetching keys|get keys failed|validation keys).*(: 3\d\d|: 4(?!08|29)\d\d |did not match|Content-Type|failed to decode|x509:|tls:|unsupported protocol|HTTPS client|malformed HTTP|CA PEM|Proxy Auth|invalid URI|must not be)|parse public key|keySet must not be nil)/is,
    advice: ({ methodName }) =>
      `The Nomad servers get no keys from the address in the auth method ${methodName}. OIDCDiscoveryURL must be exactly the issuer, and JWKSURL the jwks_uri in ISSUER/.well-known/openid-configuration. JWTValidationPubKeys must be public keys in PEM. For a private CA, set JWKSCACert or DiscoveryCaPem. A firewall or login page may also have answered.`,
  },
  'keys-unavailable': {
    retry: 1,
    match: /^nomad 401 .*(fetching keys|get keys failed|validation keys)/is,
    advice: ({ methodName }) =>
      `The Nomad servers cannot fetch the keys of the issuer. They need access to the JWKSURL or OIDCDiscoveryURL of the auth method ${methodName}: check its spelling, and the DNS, firewall and proxy settings of the servers. Servers without internet access can use JWTValidationPubKeys.`,
  },
  'acl-disabled': {
    match: /^nomad 400 ACL support disabled/,
    advice: ({ url }) =>
      `Check that ${url} is the right cluster: it does not use ACLs, so there are no tokens, and the step is not needed. If you enable ACLs (acl { enabled = true } on all servers, then nomad acl bootstrap), Nomad denies all requests without a token.`,
  },
  'unknown-region': {
    match: /^nomad 500 .*No path to region/s,
    advice: ({ region }) =>
      region === undefined
        ? 'The servers cannot reach the authoritative region, which creates global tokens. Check the servers of the region in authoritative_region of the acl block, or have the auth method create local tokens (-token-locality=local).'
        : `The servers do not know the region ${quoteName(region, 100)} of the input region, or cannot reach it or the authoritative region, which creates global tokens. To list the regions, run: nomad server members`,
  },
  'token-ttl-not-allowed': {
    match: /^nomad \d+ .*expiration time cannot be/s,
    advice: ({ methodName }) =>
      `MaxTokenTTL of the auth method ${methodName} is outside the limits of the servers. Change it to a value between token_min_expiration_ttl and token_max_expiration_ttl in the acl block of the servers.`,
  },
  'nomad-too-old': {
    match: /^nomad [45]\d\d .*(servers should be running version|can't find method|Unknown rpc method)/s,
    advice:
      'JWT auth methods require Nomad 1.5.4 or later on every server of every region. Upgrade the servers that are older.',
  },
  'https-required': {
    match: /^nomad (497 |400 .*(HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL|requires TLS))/s,
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
      /^nomad 500 (?!\s*<).*(no cluster leader|not the leader|leadership|failed to get conn|lead thread|not ready to serve|connection re|broken pipe|time(d )?out|EOF|shutdown|stream closed|start stream|snapshot restored|not accepting|closed network|deadline)/is,
    advice:
      'The Nomad servers have no leader, or cannot reach it. Check nomad server members, nomad operator raft list-peers and the logs of the servers, or set a longer timeout.',
  },
  redirect: {
    match: /^nomad 3\d\d a redirect to (.*)/,
    advice: ({ url }, [, target = '']) => adviseRedirect(url, target),
  },
  'login-not-found': {
    match: /^nomad 40[45]/,
    advice: ({ url }) =>
      `There is no Nomad API at ${url}/v1/acl/login. Set the input url to the address of Nomad's API, without /ui or /v1. Nomad must be 1.5.4 or later.`,
  },
  'server-error': {
    match: /^nomad 500 (?!\s*[<{])./,
    advice: "Look for this error in the logs of the Nomad servers, above all the leader's, at the time of this step.",
  },
  'nomad-refused': {
    match: /^nomad (400 (?!\s*[<{]).|401 unable to validate|403 (Permission denied|ACL token not found))/,
    advice:
      "This action has no specific advice for this message. If it is Nomad's, look at the auth method, its binding rules and the logs of the servers. Otherwise, a server in front of Nomad sent it.",
  },
  'not-nomad': {
    match: /^nomad/,
    advice: ({ url, proxy }) =>
      `${proxy === undefined ? 'A' : `The proxy ${proxy.origin}, a`} server in front of Nomad, or another server answered at ${url}: a login page, Nomad's web UI, a firewall or a load balancer. Set the input url to the address of Nomad's API, without /ui or /v1, or pass what that server requires in the input extraHeaders.`,
  },
} as const satisfies Kinds;
