import type { Remedy } from './failure.js';

/** What to change where Nomad, or what stands in its place, answers something else than a token: the first that fits. */
export const ANSWER_REMEDIES: Remedy[] = [
  {
    said: /auth-method ".*" not found/,
    example: 'auth-method "gihub" not found',
    advice: '{methods}Set the input methodName to the name of an auth method of type JWT.{nearest}',
  },
  {
    said: /unsupported auth-method type/,
    example: 'unsupported auth-method type: OIDC',
    advice:
      'The auth method {methodName} is for people who log in with a browser. {methods}Set the input methodName to one of type JWT.',
  },
  {
    said: /audience \(aud\)/,
    example: 'invalid audience (aud) claim: audience claim does not match any expected audience',
    advice:
      "The JWT's aud is {aud}. Add it to BoundAudiences of the auth method {methodName}, or {audienceInput}. " +
      'Names must be equal to the letter, with scheme and slashes.',
  },
  {
    said: /invalid JWT issuer|BoundIssuer|read iss/,
    example: 'invalid JWT issuer: https://token.actions.githubusercontent.com',
    advice:
      "The JWT's iss is {iss}. Add it, equal to the letter, to BoundIssuer of the auth method {methodName} if you trust it. " +
      'GitHub Enterprise Server is https://HOST/_services/token, and an enterprise may have its name at the end of the issuer.',
  },
  {
    said: /token is expired/,
    example: 'invalid expiration time (exp) claim: token is expired',
    advice:
      '{expiry}. A GitHub JWT lives for 5 minutes. Clocks that differ by more than 60 s need ClockSkewLeeway on the auth method {methodName}; ExpirationLeeway only counts where a JWT has no exp.',
  },
  {
    said: /not yet valid|issued in the future/,
    example: 'invalid not before (nbf) claim: token not yet valid',
    advice:
      '{start}. If that is past, the clock of the Nomad servers is behind: correct it, or raise ClockSkewLeeway (60 s by default) on the auth method {methodName}.',
  },
  {
    said: /no issued at/,
    example: 'no issued at (iat), not before (nbf), or expiration time (exp) claims in token',
    advice: 'The JWT in the input identityToken says nothing of its time. Have its issuer add exp.',
  },
  {
    said: /\(alg\)|signature algorithm/,
    example: 'invalid algorithm (alg) header parameter: token signed with unexpected algorithm',
    advice:
      'The JWT is signed with {alg}. List that in SigningAlgs of the auth method {methodName} (RS256 alone by default), or have the issuer sign with one that is listed.',
  },
  {
    said: /malformed jwt/,
    example: 'oidc: malformed jwt: go-jose/go-jose: compact JWS format must have three parts',
    advice: 'The input identityToken must hold a signed JWT (three parts joined by dots), and nothing else.',
  },
  {
    said: /fetching keys|get keys failed|unable to get validation keys/,
    example: 'fetching keys oidc: get keys failed Get "https://…": connect: connection refused',
    advice:
      'The Nomad servers could not fetch the keys of {iss}. They need a way out to the JWKSURL or OIDCDiscoveryURL of the auth method {methodName}: check its spelling, DNS, firewall and proxy, and JWKSCACert or DiscoveryCaPem for a private CA. Without a way out, use JWTValidationPubKeys.',
  },
  {
    said: /verify id token signature|verifying token signature|parse public key/,
    example: 'error verifying token signature: failed to verify id token signature',
    advice:
      "The keys of the auth method {methodName} are not those of {iss} (kid {kid}). Compare its JWKSURL with the jwks_uri in {iss}/.well-known/openid-configuration; GitHub's is https://token.actions.githubusercontent.com/.well-known/jwks.",
  },
  {
    said: /no role or policy bindings matched/,
    example: 'no role or policy bindings matched',
    advice:
      "No binding rule of the auth method {methodName} matches the claims that the log lists, or a rule that matches names a role or policy that does not exist, which reads the same. Compare: nomad acl binding-rule list, then nomad acl binding-rule info ID; nomad acl role list; nomad acl policy list. With VerboseLogging on the method (not in production), the servers' debug log says which rule fails.",
  },
  {
    said: /computed "(?<kind>\w+)" bind name .* invalid: "(?<name>.*)"/,
    example: 'computed "role" bind name for bind target is invalid: "octo-org/octo-repo"',
    advice:
      'No {kind} can be called "{name}": names have letters, digits and hyphens only, and a claim that the JWT lacks is empty. Map repository_id in ClaimMappings instead of repository, and use a BindName such as repo-${value.repo_id}.',
  },
  {
    said: /cannot compute "\w+" bind name/,
    example: 'cannot compute "policy" bind name for bind target: 1:3: unknown variable accessed: value.nope',
    advice:
      'A BindName can hold ${value.NAME} only, for a NAME that ClaimMappings of the auth method {methodName} has: no list, and no function. Correct the BindName, or add the mapping.',
  },
  {
    said: /claim '(?<claim>[^']*)' to string|"(?<list>[^"]*)" list claim/,
    example: "error converting claim 'workflow' to string from unknown type map[string]interface {}",
    advice:
      'The claim {claim}{list} is no single value. In the auth method {methodName}, map a list with ListClaimMappings, and a value within an object with a JSON pointer such as /{claim}{list}/name.',
  },
  {
    said: /ACL support disabled/,
    example: 'ACL support disabled',
    advice:
      'This cluster has no ACLs, and so no tokens. Set acl { enabled = true } on its servers, then nomad acl bootstrap; or leave this step out.',
  },
  {
    said: /No path to region/,
    example: 'No path to region',
    advice:
      'The cluster knows no region {region}. Correct the input region; nomad server members lists the regions that the servers know.',
  },
  {
    said: /servers should be running version/,
    example: 'all servers should be running version 1.5.4 or later to use JWT ACL auth methods',
    advice: 'JWT auth methods need Nomad 1.5.4 on every server of every region. Upgrade those that are older.',
  },
  {
    said: /HTTP request (was sent )?to (an )?HTTPS/,
    example: 'Client sent an HTTP request to an HTTPS server.',
    advice:
      'This port speaks TLS. Begin the input url with https://, and set caCertificate if the CA is a private one.',
  },
  {
    status: /429/,
    example: 'Your IP is issuing too many concurrent connections, please rate limit your calls',
    advice:
      'Too many connections come from this address, which runners behind one NAT share. Raise http_max_conns_per_client in limits of the Nomad servers (100 by default), run fewer jobs at once, or raise the input timeout.',
  },
  {
    status: /500/,
    example: 'No cluster leader',
    advice:
      "The Nomad servers cannot serve the login now. Look at nomad server members, nomad operator raft list-peers and the servers' logs; raise the input timeout to wait longer.",
  },
  {
    status: /50[234]/,
    example: '502, 503 or 504',
    advice:
      'What stands before Nomad (a load balancer or proxy) finds no Nomad server behind it. Look at its health checks, and at the servers.',
  },
  {
    status: /404|405/,
    example: 'Nomad refused the login (404): an empty answer',
    advice:
      "There is no login at {url}/v1/acl/login. The input url must be the address of Nomad's API alone, without /ui or /v1; and Nomad must be 1.5.4 or later.",
  },
  {
    status: /200|40[013]/,
    said: /^(?!unable to validate provided token)/,
    example: 'a web page instead of a token, or 401 or 403 from a server that is not Nomad',
    advice:
      "Something that is not Nomad's API answers at {url}: a login page, Nomad's web UI, a firewall or a load balancer. Correct the input url, or pass what it asks for in the input extraHeaders.",
  },
];
