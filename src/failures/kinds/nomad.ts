import type { Kind } from '../catalogue.js';
import { host } from './facts.js';

/** Kinds of other responses of Nomad, or of a server in front of it. */
export const NOMAD_KINDS = {
  'method-not-found': {
    from: [/nomad/, /400/, /auth-method "" not found|unsupported auth-method type/],
    advice: `Set the input methodName to an auth method of type JWT; methods of type OIDC are for people who log in with a browser. Names are case-sensitive. To list the methods, run: nomad acl auth-method list`,
  },
  'keys-invalid': {
    // What follows a status is the text of the issuer's server.
    from: [
      /nomad/,
      /401|500/,
      /^(?!.*?: (?:408|429|5\d\d)\b).*((fetching keys|get keys failed|validation keys).*(: [34]\d\d\b|did not match|expected Content-Type|failed to decode|: x509: |: tls: |unsupported protocol|to HTTPS client|malformed HTTP|CA PEM|Proxy Auth|invalid URI|must not be )|parse public key|keySet must not be nil)/,
    ],
    advice: ({ methodName }) =>
      `The Nomad servers get no keys from the address in the auth method ${methodName}. OIDCDiscoveryURL must be exactly the issuer, and JWKSURL the jwks_uri in ISSUER/.well-known/openid-configuration. JWTValidationPubKeys must be public keys in PEM. For a private CA, set JWKSCACert or DiscoveryCaPem. A firewall or login page may also have answered.`,
  },
  'keys-unavailable': {
    from: [/nomad/, /401/, /fetching keys|get keys failed|validation keys/],
    retry: 1,
    advice: ({ methodName }) =>
      `The Nomad servers cannot fetch the keys of the issuer. They need access to the JWKSURL or OIDCDiscoveryURL of the auth method ${methodName}: check its spelling, and the DNS, firewall and proxy settings of the servers. Servers without internet access can use JWTValidationPubKeys.`,
  },
  'acl-disabled': {
    from: [/nomad/, /400/, /^ACL support disabled/],
    advice: ({ url }) =>
      `Check that ${url} is the right cluster: it does not use ACLs. Either remove this step, or enable ACLs: set acl { enabled = true } on all servers, then run nomad acl bootstrap. Nomad then denies all requests without a token.`,
  },
  'unknown-region': {
    from: [/nomad/, /500/, /No path to region/],
    advice: ({ region }) =>
      `The servers ${region === undefined ? 'cannot reach' : `do not know the region ${region} (the input region), or cannot reach it or`} the authoritative region, which creates global tokens. Check the servers of each region with nomad server members, or have the auth method create local tokens (-token-locality=local).`,
  },
  'token-ttl-not-allowed': {
    from: [/nomad/, /./, /expiration time cannot be/],
    advice: ({ methodName }) =>
      `MaxTokenTTL of the auth method ${methodName} is outside the limits of the servers. Change it to a value between token_min_expiration_ttl and token_max_expiration_ttl in the acl block of the servers.`,
  },
  'nomad-too-old': {
    from: [/nomad/, /[45]\d\d/, /servers should be running version|can't find method|Unknown rpc method/],
    advice: `JWT auth methods require Nomad 1.5.4 or later on every server of every region. Upgrade the servers that are older.`,
  },
  'gateway-error': {
    from: [/nomad/, /408|502|503|504|52[0-7]|530/],
    retry: 1,
    advice: ({ proxy }) =>
      `The load balancer, tunnel or proxy in front of Nomad${proxy === undefined ? '' : `, or the proxy ${proxy.origin} (${proxy.variable}),`} cannot reach a Nomad server. Check its health checks and the Nomad servers.`,
  },
  'no-leader': {
    // A cluster that loses its leader elects another within seconds. "rpc error" alone proves nothing: a follower also adds it to
    // final refusals. A name has no spaces and colons, so none of these is part of one.
    from: [
      /nomad/,
      /500/,
      /^(?!\s*<).*(no cluster leader|not the leader|leadership (lost|transfer)|failed to get conn|lead thread|not ready to serve|connection re(set|fused)|broken pipe|(i\/o|write|keepalive) timeout|timeout (wait|await|exce|enqueu)|timed out |(^|: )(unexpected )?EOF$|(session|already) shutdown|stream (closed|reset)|failed to start stream|snapshot restored|not accepting |closed network|deadline (exceeded|reached))/i,
    ],
    retry: 1,
    advice: `The Nomad servers have no leader, or cannot reach it. Check nomad server members, nomad operator raft list-peers and the logs of the servers, or set a longer timeout.`,
  },
  'nomad-refused': {
    from: [/nomad/, /40[013]|500/, /^(?!\s*[<{])./],
    advice: ({ status, proxy }) =>
      `If this message is Nomad's, look for it in the logs of the servers, above all the leader's, and check the auth method and its binding rules. Otherwise, ${proxy === undefined ? '' : `the proxy ${proxy.origin}, or `}a server in front of Nomad sent it: ${status === 401 || status === 403 ? 'pass what that server requires in the input extraHeaders' : 'check its log'}.`,
  },
  'not-nomad': {
    from: [/nomad/],
    advice: (facts) => {
      const { url, target, proxy } = facts;
      return url.startsWith('http:') && target.startsWith('https:') && host({ url: target }) === host(facts)
        ? `Set the input url to ${url.replace(new URL(url).origin, target)}.`
        : `${proxy === undefined ? 'A' : `The proxy ${proxy.origin}, a`} server in front of Nomad, or another server, answered at ${url}, such as a firewall or a login page. If it requires a login, pass what it accepts from programs, such as a service token, in the input extraHeaders. Otherwise, set the input url to the address of Nomad's API (1.5.4 or later), without /ui or /v1. Redirects are not followed.`;
    },
  },
} satisfies Record<string, Kind>;
