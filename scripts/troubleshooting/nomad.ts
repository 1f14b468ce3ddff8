import { refuse, type Entries } from './entry.js';

const RETRIES = '[Retries and timeouts](networking.md#retries-and-timeouts)';
const KEYS = '[Where Nomad finds the keys](claims-and-selectors.md#where-nomad-finds-the-keys)';
const GATEWAY = '[HTTP authentication in front of Nomad](networking.md#http-authentication-in-front-of-nomad)';
const OFFLINE = '[Servers without internet access](nomad-setup.md#servers-without-internet-access)';
const REGIONS = '[Several regions](nomad-setup.md#several-regions)';

const FETCHING =
  'unable to validate provided token: unable to verify signature of JWT token: error verifying token signature: fetching keys oidc:';
const GITHUB_JWKS = 'https://token.actions.githubusercontent.com/.well-known/jwks';

/** The entries for the other responses of Nomad, or of a server in front of it. */
export const NOMAD_ENTRIES = {
  'method-not-found': {
    sample: refuse(400, 'auth-method "github-avd" not found', { methodName: 'github-avd', methods: ['github-adv'] }),
    why: 'Without the input `methodName`, the action uses `github`. The recommended setup creates `github-adv`. Of the two types of auth methods, `OIDC` sends a person to a browser, and `JWT` takes a JWT that a program has.',
    check: [
      'Is it the right cluster? Each cluster has its own methods. Compare `url` with that of a job that works.',
      'Was the method created a moment ago in a federated cluster? The other regions learn of it from the authoritative region.',
      'Is the error in an older run? Then the method may have been renamed or replaced since.',
    ],
    fix: 'With an ACL token, `nomad acl auth-method info NAME` shows more about a method. If there is none for your jobs, set it up.',
    links: [
      '[Recommended: one role per repository](nomad-setup.md#recommended-one-role-per-repository)',
      '[Log in as a person](oidc.md)',
    ],
  },
  'malformed-jwt': {
    sample: refuse(
      401,
      'unable to validate provided token: unable to verify signature of JWT token: error verifying token signature: oidc: malformed jwt: go-jose/go-jose: compact JWS format must have three parts',
      { isJwtSupplied: true },
    ),
    variants: ['Input identityToken is not a JWT.'],
    why: 'Typical mistakes are a JSON response in which the JWT is one property, a JWT whose end is cut off, and an encrypted token (five parts).',
    links: ['[Tokens in other systems](tokens-in-other-systems.md)'],
  },
  'keys-invalid': {
    sample: refuse(401, `${FETCHING} get keys failed: 404 Not Found`),
    why: 'The servers reach an address, but what they get are not the keys.',
    links: [KEYS, '[Private CA](nomad-setup.md#private-ca)'],
  },
  'keys-unavailable': {
    sample: refuse(
      401,
      `${FETCHING} get keys failed Get "${GITHUB_JWKS}": dial tcp 192.0.2.20:443: connect: connection refused`,
    ),
    why: "Nomad fetches the keys of the issuer for each login. The server that handles the login does so, which is the leader of the region, or of the authoritative region if the method creates global tokens. The runner's network does not matter.",
    check: [
      'Does the leader reach the keys? Find it with `nomad server members`, then run there: `curl -sS JWKSURL`.',
      'Does it only fail after another server became the leader? Then that server lacks the access: all servers need it.',
      'Do the servers need a proxy? The variable `HTTPS_PROXY` must be in the environment of the Nomad process, such as its systemd unit, not only in your shell.',
      'Is it a private issuer, such as GitHub Enterprise Server? Its name must resolve on the Nomad servers.',
    ],
    fix: 'Allow outbound HTTPS from all servers to the issuer. If that is not possible, store the keys in the auth method, and replace them whenever the issuer does.',
    links: [OFFLINE, KEYS, '[Private CA](nomad-setup.md#private-ca)'],
  },
  'acl-disabled': {
    sample: refuse(400, 'ACL support disabled'),
    why: 'A cluster without ACLs gives everyone who reaches its API full access.',
    links: ['[Before you start](nomad-setup.md#before-you-start)'],
  },
  'unknown-region': {
    sample: refuse(500, 'No path to region'),
    why: "A server forwards a request to another region through that region's servers, which it knows from gossip (port 4648).",
    links: [REGIONS],
  },
  'token-ttl-not-allowed': {
    sample: refuse(
      400,
      'token 0 invalid: 1 error occurred:\n\t* expiration time cannot be more than 1h0m0s in the future (was 8h0m0s)\n',
    ),
    why: 'Nomad also checks the limits when the method is saved, so they were changed on the servers afterwards.',
  },
  'nomad-too-old': {
    sample: refuse(500, 'all servers should be running version 1.5.4 or later to use JWT ACL auth methods'),
    why: 'Run `nomad server members` in each region to see the versions; servers that have left may still be listed.',
  },
  'https-required': {
    sample: refuse(400, 'Client sent an HTTP request to an HTTPS server.\n'),
    why: 'The request was sent without encryption, so log in again with `https` before you rely on the JWT having stayed secret.',
    links: ['[TLS and trust stores](networking.md#tls-and-trust-stores)'],
  },
  'rate-limited': {
    sample: refuse(429, '<html><head><title>429 Too Many Requests</title></head></html>'),
    why: 'The step waits as long as the header `Retry-After` asks for, if that fits into `timeout`.',
    links: [RETRIES],
  },
  'gateway-error': {
    sample: refuse(502, '<html><head><title>502 Bad Gateway</title></head></html>'),
    variants: [
      'Nomad refused the login (504): a web page (504 Gateway Time-out).',
      'Nomad refused the login (530): error code: 1033.',
    ],
    why: 'Statuses 520 to 527 and 530 come from Cloudflare, whose documentation describes each of them.',
    links: [RETRIES],
  },
  'no-leader': {
    sample: refuse(500, 'No cluster leader'),
    why: 'An election takes a few seconds; a cluster that has lost the majority of its servers stays without a leader.',
    links: [RETRIES],
  },
  redirect: {
    sample: refuse(307, '', {}, 'https://login.example.com/'),
    why: 'Typical reasons are a login page in front of Nomad, and `http` where the server wants `https`.',
    links: [GATEWAY],
  },
  'login-not-found': {
    sample: refuse(404, ''),
    why: 'If a gateway serves Nomad below a path, `url` contains this path: `https://gateway.example.com/nomad`.',
    links: [GATEWAY],
  },
  'nomad-refused': {
    sample: refuse(403, 'Permission denied'),
    variants: ['Nomad refused the login (500): raft apply failed: no space left on device.'],
    why: 'Nomad sends its messages as plain text, and so do some gateways. The logs of both show which of them answered.',
    links: [GATEWAY],
  },
  'not-nomad': {
    sample: refuse(403, '<html><head><title>403 Forbidden</title></head></html>'),
    variants: ["Nomad's response does not contain a valid token."],
    why: 'The title in parentheses is that of the web page, and often names the product that answered.',
    links: [GATEWAY],
  },
} satisfies Entries;
