import { formatTime } from '../deadline.js';
import type { Jwt } from '../jwt.js';
import { quote, quoteId } from '../secrets.js';
import { isFromGithub, showClaim } from './claims.js';
import { Failure, type AuthMethod, type Login, type Target } from './failure.js';
import { code, defineKind, refusal, response, type Kind } from './match.js';

const GITHUB_JWKS = 'https://token.actions.githubusercontent.com/.well-known/jwks';
const NOMAD: Target = { peer: 'Nomad', url: 'https://nomad.example.com:4646' };
const JWT: Jwt = {
  token: '',
  header: { alg: 'RS256', kid: '38826b17-6a30-5f9b-b169-8beb8202f723' },
  claims: {
    iss: 'https://token.actions.githubusercontent.com',
    aud: 'https://github.com/octo-org',
    repository: 'octo-org/octo-repo',
    workflow: 'Nomad JWT Auth',
    ref: 'refs/heads/feature',
    event_name: 'push',
    nbf: 1_790_000_000,
    iat: 1_790_000_000,
    exp: 1_790_000_300,
  },
};
const LOGIN: Login = { methodName: 'github-adv', jwt: JWT, isJwtSupplied: false };

const refused = (status: number, body: string, login: Partial<Login> = {}): Failure =>
  new Failure(`Nomad refused the login (${String(status)}): ${body || 'an empty response'}`, {
    target: NOMAD,
    response: { status, body },
    login: { ...LOGIN, ...login },
  });

const invalidJwt = (reason: string): Failure =>
  refused(401, `unable to validate provided token: unable to verify signature of JWT token: ${reason}`);

function show(jwt: Jwt, claim: string): string {
  return claim in jwt.claims ? showClaim(claim, jwt.claims[claim], 200) : 'missing';
}

function nameIssuer({ claims: { iss } }: Jwt): string {
  return typeof iss === 'string' && iss !== '' ? quote(iss, 200) : 'the issuer';
}

// The claims of a GitHub job that rules usually check.
function describeJob(jwt: Jwt): string {
  const names = ['repository', 'workflow', 'ref', 'environment', 'event_name'].filter((name) => name in jwt.claims);
  return isFromGithub(jwt) && names.length > 0
    ? `The job has ${names.map((name) => `${name} ${showClaim(name, jwt.claims[name], 100)}`).join(', ')}. `
    : '';
}

function listMethods(methods: AuthMethod[] | undefined): string {
  if (methods === undefined) {
    return 'To list the methods, run: nomad acl auth-method list';
  }
  const names = methods.filter(({ type }) => type === 'JWT').map(({ name }) => name);
  const shown = names.slice(0, 20).map(quoteId).join(', ');
  const more = names.length > 20 ? ` and ${String(names.length - 20)} more` : '';
  return names.length === 0
    ? 'This cluster has no auth method of type JWT. Create one as docs/nomad-setup.md describes.'
    : `This cluster has these methods of type JWT: ${shown}${more}.`;
}

function describeTime(seconds: unknown, now: number): string | undefined {
  if (typeof seconds !== 'number' || !Number.isFinite(new Date(seconds * 1000).getTime())) {
    return undefined;
  }
  const distance = Math.round(seconds - now / 1000);
  return `${formatTime(seconds * 1000)}, ${String(Math.abs(distance))} s ${distance < 0 ? 'ago' : 'from now'} by this runner's clock`;
}

/** What Nomad, or a server in front of it, can respond instead of a token. */
export const NOMAD_KINDS: Kind[] = [
  defineKind({
    id: 'method-not-found',
    match: refusal(/auth-method "[^"]*" not found/),
    example: () =>
      refused(400, 'auth-method "gihub" not found', {
        methodName: 'gihub',
        methods: ['github', 'github-adv'].map((name) => ({ name, type: 'JWT' })),
      }),
    advice: ({ methods }) =>
      `Set the input methodName to an auth method of type JWT; names are case-sensitive. ${listMethods(methods)}`,
  }),
  defineKind({
    id: 'method-not-jwt',
    match: refusal(/unsupported auth-method type/),
    example: () => refused(400, 'unsupported auth-method type: OIDC', { methodName: 'people' }),
    advice: ({ methodName, methods }) =>
      `The auth method ${methodName} is for people who log in with a browser. Set the input methodName to a method of type JWT. ${listMethods(methods)}`,
  }),
  defineKind({
    id: 'audience-mismatch',
    isAboutClaims: true,
    match: refusal(/audience \(aud\)/),
    example: () => invalidJwt('invalid audience (aud) claim: audience claim does not match any expected audience'),
    advice: ({ jwt, methodName, isJwtSupplied }) =>
      `The aud claim of the JWT is ${show(jwt, 'aud')}. ${
        isJwtSupplied
          ? 'Request the JWT in the input identityToken for one of the audiences'
          : 'Set the input jwtGithubAudience to one of the audiences'
      } in BoundAudiences of the auth method ${methodName}, or add this one there. The values must match exactly, including scheme and trailing slash.`,
  }),
  defineKind({
    id: 'issuer-mismatch',
    isAboutClaims: true,
    match: refusal(/invalid JWT issuer|BoundIssuer|issuer information/),
    example: () =>
      refused(
        401,
        'unable to validate provided token: invalid JWT issuer: https://token.actions.githubusercontent.com',
      ),
    advice: ({ jwt, methodName }) =>
      `The iss claim of the JWT is ${show(jwt, 'iss')}. If you trust this issuer, add it to BoundIssuer of the auth method ${methodName}. The values must match exactly. The issuer of GitHub Enterprise Server is https://HOST/_services/token. An enterprise on github.com or GHE.com may have its name at the end of the issuer.`,
  }),
  defineKind({
    id: 'malformed-claims',
    isAboutClaims: true,
    match: refusal(/cannot unmarshal|value to unmarshal/),
    example: () => invalidJwt('json: cannot unmarshal object into Go struct field Claims.sub of type string'),
    advice: () =>
      'A registered claim of the JWT has the wrong type: iss, sub and jti must be strings, aud a string or a list of strings, and exp, nbf and iat numbers. Have the issuer correct it.',
  }),
  defineKind({
    id: 'jwt-expired',
    isAboutClaims: true,
    match: refusal(/token is expired/),
    example: () => invalidJwt('invalid expiration time (exp) claim: token is expired'),
    advice: ({ jwt, methodName }, now) => {
      const end = describeTime(jwt.claims['exp'], now);
      return `${end === undefined ? 'The JWT has no valid exp claim' : `The JWT expired at ${end}`}. Nomad accepts an expired JWT only for the ClockSkewLeeway of the auth method ${methodName} (60 s if unset). Request the JWT right before this step (GitHub's are valid for 5 minutes), or correct the clocks of the runner and of the Nomad servers.`;
    },
  }),
  defineKind({
    id: 'jwt-not-yet-valid',
    isAboutClaims: true,
    match: refusal(/not yet valid|issued in the future/),
    example: () => invalidJwt('invalid not before (nbf) claim: token not yet valid'),
    advice: ({ jwt, methodName }, now) => {
      const start = describeTime(jwt.claims['nbf'] ?? jwt.claims['iat'], now);
      return `${start === undefined ? 'The JWT has no valid nbf or iat claim' : `The JWT is valid from ${start}`}. If that is in the past, the clock of the Nomad servers is slow and must be corrected. Nomad accepts differences up to the ClockSkewLeeway of the auth method ${methodName} (60 s if unset).`;
    },
  }),
  defineKind({
    id: 'jwt-without-times',
    isAboutClaims: true,
    match: refusal(/no issued at/),
    example: () => invalidJwt('no issued at (iat), not before (nbf), or expiration time (exp) claims in token'),
    advice: () => 'Have the issuer of the JWT in the input identityToken add an exp claim.',
  }),
  defineKind({
    id: 'algorithm-not-allowed',
    isAboutClaims: true,
    match: refusal(/\(alg\)|signature algorithm/),
    example: () => invalidJwt('invalid algorithm (alg) header parameter: token signed with unexpected algorithm'),
    advice: ({ jwt, methodName }) =>
      `The JWT is signed with ${showClaim('alg', jwt.header['alg'] ?? 'no algorithm', 100)}. Add this algorithm to SigningAlgs of the auth method ${methodName} (RS256 if unset), or have the issuer sign with an algorithm that is listed there.`,
  }),
  defineKind({
    id: 'malformed-jwt',
    match: refusal(/malformed jwt/),
    example: () =>
      invalidJwt(
        'error verifying token signature: oidc: malformed jwt: go-jose/go-jose: compact JWS format must have three parts',
      ),
    advice: () => 'The input identityToken must contain a signed JWT (three parts joined by dots) and nothing else.',
  }),
  defineKind({
    id: 'keys-unavailable',
    retryS: Infinity,
    match: refusal(/fetching keys|get keys failed|unable to get validation keys/i, /^401$/),
    example: () =>
      invalidJwt(
        `error verifying token signature: fetching keys oidc: get keys failed Get "${GITHUB_JWKS}": dial tcp: connect: connection refused`,
      ),
    advice: ({ jwt, methodName }) =>
      `The Nomad servers cannot fetch the keys of ${nameIssuer(jwt)}. They need access to the JWKSURL or OIDCDiscoveryURL of the auth method ${methodName}: check its spelling, and the DNS, firewall and proxy settings of the servers. For a private CA, set JWKSCACert or DiscoveryCaPem. Servers without internet access can use JWTValidationPubKeys.`,
  }),
  defineKind({
    id: 'signature-invalid',
    isAboutClaims: true,
    match: refusal(/verify id token signature|verifying token signature|parse public key/),
    example: () => invalidJwt('error verifying token signature: failed to verify id token signature'),
    advice: ({ jwt, methodName }) =>
      `None of the keys of the auth method ${methodName} verifies this JWT (iss ${show(jwt, 'iss')}, kid ${showClaim('kid', jwt.header['kid'] ?? 'none', 100)}). Compare the JWKSURL of the method with jwks_uri in ${nameIssuer(jwt)}/.well-known/openid-configuration. For github.com, it is ${GITHUB_JWKS}. If the method uses JWTValidationPubKeys, the issuer may have replaced its keys.`,
  }),
  defineKind({
    id: 'no-rule-matched',
    isAboutClaims: true,
    match: refusal(/no role or policy bindings matched/),
    example: () => refused(400, 'no role or policy bindings matched'),
    advice: ({ jwt, methodName }) =>
      `${describeJob(jwt)}No binding rule of the auth method ${methodName} matches this JWT, or the rule that matches names a role or policy that does not exist. Selectors use the names on the right side of ClaimMappings, written value.NAME, not the names of the claims. Compare the claims in this log with:\n\n    nomad operator api /v1/acl/auth-method/${methodName}\n    nomad acl binding-rule list    # then: nomad acl binding-rule info ID\n    nomad acl role list\n    nomad acl policy list`,
  }),
  defineKind({
    id: 'bind-name-invalid',
    isAboutClaims: true,
    match: refusal(/computed "(\w+)" bind name [^:]*invalid: "([^"]*)"/),
    example: () => refused(500, 'computed "role" bind name for bind target is invalid: "octo-org/octo-repo"'),
    advice: ({ found: [kind = 'role', name = ''] }) =>
      `${name === '' ? `The name of the ${kind} is empty` : `A ${kind} cannot be named "${quote(name, 200)}"`}. Names consist of 1 to 128 letters, digits and hyphens, and the value of a claim that the JWT lacks is empty. Map repository_id instead of repository in ClaimMappings, and use a BindName such as repo-\${value.repo_id}.`,
  }),
  defineKind({
    id: 'bind-name-unknown-attribute',
    isAboutClaims: true,
    match: refusal(/cannot compute "\w+" bind name/),
    example: () =>
      refused(500, 'cannot compute "policy" bind name for bind target: 1:3: unknown variable accessed: value.nope'),
    advice: ({ methodName }) =>
      `A BindName can only contain \${value.NAME}, where NAME is on the right side of ClaimMappings of the auth method ${methodName}. Lists and functions do not work. Correct the BindName, or add the mapping.`,
  }),
  defineKind({
    id: 'token-name-invalid',
    isAboutClaims: true,
    match: refusal(/ACL token name:|token name too long/),
    example: () => refused(500, 'failed to generate ACL token name: 1:24: unknown variable accessed: value.run_id'),
    advice: ({ methodName }) =>
      `Nomad cannot fill in the TokenNameFormat of the auth method ${methodName}. Unlike a BindName, it fails if the JWT lacks a claim. Use \${value.NAME} only for claims that every JWT has (repository_id and run_id for GitHub), and map them in ClaimMappings. Names can have at most 256 characters.`,
  }),
  defineKind({
    id: 'claim-not-a-single-value',
    isAboutClaims: true,
    match: refusal(/claim '([^']*)' to string|"([^"]*)" list claim/),
    example: () =>
      refused(500, "error converting claim 'workflow' to string from unknown type map[string]interface {}"),
    advice: ({ found: [single, list], methodName }) => {
      const claim = quote(single ?? list ?? '', 100);
      return `The claim ${claim} is not a single value. In the auth method ${methodName}, map a list with ListClaimMappings, and a value inside an object with a JSON pointer such as /${claim}/NAME.`;
    },
  }),
  defineKind({
    id: 'acl-disabled',
    match: response(/^400$/, /^ACL support disabled/),
    example: () => refused(400, 'ACL support disabled'),
    advice: () =>
      'This cluster does not use ACLs, so there are no tokens. Set acl { enabled = true } on its servers and run nomad acl bootstrap, or remove this step.',
  }),
  defineKind({
    id: 'unknown-region',
    match: refusal(/No path to region/),
    example: () => refused(500, 'No path to region', { region: 'west' }),
    advice: ({ region }) =>
      `The cluster does not know the region ${region === undefined ? 'of the server' : quote(region, 100)}. Correct the input region. To list the regions, run: nomad server members`,
  }),
  defineKind({
    id: 'nomad-too-old',
    match: response(/^[45]..$/, /servers should be running version/),
    example: () => refused(500, 'all servers should be running version 1.5.4 or later to use JWT ACL auth methods'),
    advice: () =>
      'JWT auth methods require Nomad 1.5.4 or later on every server of every region. Upgrade the servers that are older.',
  }),
  defineKind({
    id: 'https-required',
    match: response(/^400$/, /HTTP request (was sent )?to (an )?HTTPS/),
    example: () => refused(400, 'Client sent an HTTP request to an HTTPS server.'),
    advice: () => 'This port uses TLS. Change the input url to https://, and set caCertificate for a private CA.',
  }),
  defineKind({
    id: 'too-many-connections',
    retryS: Infinity,
    match: response(/^429$/),
    example: () => refused(429, 'Your IP is issuing too many concurrent connections, please rate limit your calls'),
    advice: () =>
      'Too many connections come from this IP address. Runners behind the same NAT share it. Raise http_max_conns_per_client in the limits block of the Nomad servers (100 by default), run fewer jobs at once, or set a longer timeout.',
  }),
  defineKind({
    id: 'no-leader',
    retryS: Infinity,
    // A cluster that loses its leader elects another within seconds. "rpc error" alone proves nothing: a follower also
    // adds it to final refusals.
    match: response(
      /^500$/,
      /no cluster leader|not the leader|leadership|failed to get conn|lead thread|not ready to serve|connection re|broken pipe|timeout|EOF/i,
    ),
    example: () => refused(500, 'No cluster leader'),
    advice: () =>
      'The Nomad servers have no leader, or cannot reach it. Check nomad server members, nomad operator raft list-peers and the logs of the servers, or set a longer timeout.',
  }),
  defineKind({
    id: 'server-error',
    match: response(/^500$/),
    example: () => refused(500, 'Unexpected failure'),
    advice: () => 'Look for this error in the logs of the Nomad servers.',
  }),
  defineKind({
    id: 'gateway-error',
    retryS: Infinity,
    match: response(/^50[234]$/),
    example: () => refused(502, 'a web page (502 Bad Gateway)'),
    advice: () =>
      'The load balancer or proxy in front of Nomad cannot reach a Nomad server. Check its health checks and the Nomad servers.',
  }),
  defineKind({
    id: 'redirect',
    match: response(/^30[12378]$/),
    example: () => refused(307, 'a redirect to https://login.example.com'),
    advice: ({ url }) =>
      `Redirects are not followed, because they would send secrets to another server. Set the input url to the address of Nomad itself, instead of ${url}.`,
  }),
  defineKind({
    id: 'login-not-found',
    match: response(/^40[45]$/),
    example: () => refused(404, ''),
    advice: ({ url }) =>
      `There is no Nomad API at ${url}/v1/acl/login. Set the input url to the address of Nomad's API, without /ui or /v1. Nomad must be 1.5.4 or later.`,
  }),
  defineKind({
    id: 'invalid-token',
    match: ({ code: actual, target }) => (actual === 'INVALID_TOKEN' ? target : undefined),
    example: () =>
      new Failure("Nomad's response does not contain a valid token", { code: 'INVALID_TOKEN', target: NOMAD }),
    advice: ({ url }) =>
      `A server other than Nomad's API may have answered at ${url}: a login page, Nomad's web UI or a load balancer. Set the input url to the address of Nomad's API, without /ui or /v1, or pass what that server requires in the input extraHeaders.`,
  }),
  defineKind({
    id: 'not-revoked',
    match: code('NOT_REVOKED'),
    example: () => new Failure('Nomad does not confirm that the token is revoked', { code: 'NOT_REVOKED' }),
    advice: () =>
      'A server in front of Nomad may have answered instead. Revoke the token with: nomad acl token delete ACCESSOR_ID',
  }),
  defineKind({
    id: 'not-nomad',
    match: response(/^(200|40[013])$/),
    example: () => refused(403, 'a web page (403 Forbidden)'),
    advice: ({ url }) =>
      `A server other than Nomad's API may have answered at ${url}: a login page, a firewall or a load balancer. Correct the input url, or pass what that server requires in the input extraHeaders.`,
  }),
];
