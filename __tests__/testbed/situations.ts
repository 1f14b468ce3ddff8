import { UnsecuredJWT } from 'jose';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import type { Claims } from '../../simulator/identities.js';
import type { Issuer } from '../../testbed/issuer.js';
import type { AuthMethod, BindingRule } from '../../nomad-rules/api.js';

/** A request to Nomad, by default a login through the situation's own method. */
export interface Request {
  method?: string;
  /** "ACCESSOR" is replaced by the accessor ID of the token that Nomad has just created through the situation's method. */
  path?: string;
  headers?: Record<string, string>;
  methodName?: string;
  body?: string;
  /** The token of the request: "own" is one that Nomad has just created through the situation's method. */
  as?: 'own';
  /** An earlier request with the same token. */
  after?: Pick<Request, 'method' | 'path'>;
}

/** The configuration of Nomad and the request of a recorded situation; everything else has its usual value. */
export interface Situation {
  /** Where the method finds the issuer's keys. */
  keys?: 'JWKSURL' | 'JWTValidationPubKeys' | 'OIDCDiscoveryURL';
  config?: AuthMethod['Config'] & { OIDCClientID?: string; AllowedRedirectURIs?: string[] };
  fields?: Partial<AuthMethod>;
  rules?: Omit<BindingRule, 'AuthMethod'>[];
  /** Claims that differ from the usual ones. */
  claims?: Claims;
  jwt?: string | ((issuer: Issuer, stranger: Issuer) => Promise<string>);
  request?: Request;
}

const now = Math.floor(Date.now() / 1000);
const HOUR = 3600;
const management = [{ BindType: 'management' }];
const role = (BindName: string): Omit<BindingRule, 'AuthMethod'> => ({ BindType: 'role', BindName });
/** A rule that binds a policy. */
export const policy = (BindName: string): Omit<BindingRule, 'AuthMethod'> => ({ BindType: 'policy', BindName });
const oneself: Request = { method: 'GET', path: '/v1/acl/token/self' };
const policies: Request = { method: 'GET', path: '/v1/acl/policies' };
const UNKNOWN = { 'X-Nomad-Token': 'ffffffff-ffff-ffff-ffff-ffffffffffff' };
const oidc = { OIDCClientID: 'nomad', AllowedRedirectURIs: ['http://localhost:4649/oidc/callback'] };
const bound = { BoundAudiences: ['nomad.example.com'] };
const named = (TokenNameFormat: string, claims: Claims = {}): Situation => ({ fields: { TokenNameFormat }, claims });
const own = (request: Request): Request => ({ ...request, as: 'own' });
const revocation: Request = { method: 'DELETE', path: '/v1/acl/token/ACCESSOR', as: 'own' };

/** The situations, by their names in the recordings. */
export const SITUATIONS: Record<string, Situation> = {
  'client token by policy': {},
  'PUT instead of POST': { request: { method: 'PUT' } },
  'GET is refused': { request: { method: 'GET' } },
  'audience not bound': { claims: { aud: 'any' } },
  'method not found': { request: { methodName: 'nope' } },
  'empty method name': { request: { methodName: '' } },
  'empty login token': { jwt: '' },
  'both empty': { jwt: '', request: { methodName: '' } },
  'not a JWT': { jwt: 'nonsense' },
  expired: { claims: { nbf: now - 2 * HOUR, iat: now - 2 * HOUR, exp: now - HOUR } },
  'not yet valid': { claims: { nbf: now + HOUR, iat: now, exp: now + 2 * HOUR } },
  'no exp': { claims: { exp: undefined } },
  'no exp, nbf, iat': { claims: { exp: undefined, nbf: undefined, iat: undefined } },
  'wrong key': { jwt: (issuer) => issuer.issue({ forged: true }) },
  'unknown kid': { jwt: (_, stranger) => stranger.issue() },
  'alg none': { jwt: new UnsecuredJWT({ ...exampleClaims, exp: now + HOUR }).encode() },
  'wrong issuer': { config: { BoundIssuer: ['https://token.example.com'] }, claims: { iss: 'https://evil.example' } },
  'no rule matched': { rules: [{ ...policy('deploy'), Selector: 'value.ref == "refs/heads/other"' }] },
  'claim that the mapping names is absent': { config: { ClaimMappings: { environment: 'environment' } } },
  'mapped claim is a list': { claims: { workflow: ['a'] } },
  'mapped claim is an object': { claims: { workflow: { a: 1 } } },
  'mapped claim is a number': { claims: { workflow: 7 } },
  'body is not JSON': { request: { body: 'not JSON' } },
  'body is empty': { request: { body: '' } },
  'unknown region': { request: { path: '/v1/acl/login?region=nowhere' } },
  'unknown namespace': { request: { path: '/v1/acl/login?namespace=nowhere' } },
  'a bad X-Nomad-Token beside it': { request: { headers: { 'X-Nomad-Token': 'nonsense' } } },
  'trailing slash in the path': { request: { path: '/v1/acl/login/' } },
  'double slash in the path': { request: { path: '//v1/acl/login' } },
  'audience bound and right': { config: { BoundAudiences: [exampleClaims.aud] } },
  'audience bound and wrong': { config: { BoundAudiences: ['https://github.com/octo-org'] } },
  'audience bound, aud a list': { config: bound, claims: { aud: ['other', 'nomad.example.com'] } },
  'audience bound, aud absent': { config: bound, claims: { aud: undefined } },
  'management token': { fields: { MaxTokenTTL: '23h' }, rules: [policy('deploy'), ...management] },
  'client token by role and policy': { rules: [role('repo-${value.repo_id}'), policy('read')] },
  'local token': { fields: { TokenLocality: 'local' } },
  'bound role and policy do not exist': { rules: [role('absent'), policy('absent')] },
  'method without rules': { rules: [] },
  'bind name with a slash': { rules: [role('${value.repo}')] },
  'bind name of an unmapped claim': { rules: [policy('${value.nope}')] },
  'bind name with spaces and an absent claim': { rules: [policy('${ value.owner }${value.environment}')] },
  'bind name is lower-cased': { rules: [policy('${value.owner}')], claims: { repository_owner: 'Octo-Org' } },
  'token name': named('gha-${value.repo_id}-${value.run_id}'),
  'token name of a claim that the JWT lacks': named('gha-${value.repo_id}-${value.run_id}', { run_id: undefined }),
  'token name of an unmapped claim': named('gha-${value.nope}'),
  'token name that keeps its case': named('${value.repo_id}-A', { repository_id: 'X' }),
  'token name with an escaped variable': named('$${value.repo_id}'),
  'token name with an unfinished variable': named('x${value.repo_id'),
  'token name that is too long': named('${value.repo_id}', { repository_id: 'x'.repeat(257) }),
  'token name of a JWT that no rule matches': { ...named('${value.nope}'), rules: [] },
  'sub is an object': { claims: { sub: { a: 1 } } },
  'jti is a list': { claims: { jti: ['a'] } },
  'iss is a boolean': { claims: { iss: true } },
  'iss is absent': { config: { BoundIssuer: ['https://token.example.com'] }, claims: { iss: undefined } },
  'aud is a number': { claims: { aud: 7 } },
  'aud is null': { claims: { aud: null } },
  'exp is text': { claims: { exp: 'soon' } },
  'sub and exp have the wrong type': { claims: { exp: 'soon', sub: 7 } },
  'OIDC method': { keys: 'OIDCDiscoveryURL', config: oidc, fields: { Type: 'OIDC' }, jwt: 'nonsense' },
  'JWKS unreachable': { config: { JWKSURL: 'http://127.0.0.1:1/jwks' } },
  'public key in the method': { keys: 'JWTValidationPubKeys' },
  'discovery, issuer right': { keys: 'OIDCDiscoveryURL', jwt: (own) => own.issue({ claims: { iss: own.url } }) },
  'discovery, issuer wrong': { keys: 'OIDCDiscoveryURL', claims: { iss: 'https://evil.example' } },
  'signing algorithm refused': { config: { SigningAlgs: ['ES256'] } },
  'signing algorithm unsupported beside the right one': { config: { SigningAlgs: ['RS256', 'HS256'] } },
  'config key in another case': { config: { boundaudiences: ['https://github.com/octo-org'] } as AuthMethod['Config'] },
  'attribute named like a property of every object': {
    config: { ClaimMappings: { repository: 'constructor' } },
    rules: [{ ...policy('deploy'), Selector: 'value.constructor == "octo-org/octo-repo" and value.valueOf is empty' }],
  },
  'expired inside the leeway': { config: { ClockSkewLeeway: '1h' }, claims: { exp: now - 600 } },
  'expired inside the default leeway': { claims: { exp: now - 100 } },
  'JSON pointers and lists': {
    config: { ClaimMappings: { '/a~1b/c': 'c' }, ListClaimMappings: { '/groups/all': 'all' } },
    rules: [{ ...policy('deploy'), Selector: 'value.c == "d" and "e" in list.all' }],
    claims: { 'a/b': { c: 'd' }, groups: { all: ['e', 'f'] } },
  },
  'method list without a token': { request: { method: 'GET', path: '/v1/acl/auth-methods' } },
  'no token lookup': { request: { ...oneself, headers: UNKNOWN } },
  'self without a token': { request: oneself },
  'self with a malformed token': { request: { ...oneself, headers: { 'X-Nomad-Token': 'nonsense' } } },
  'self by a client token': { rules: [role('repo-${value.repo_id}'), policy('read')], request: own(oneself) },
  'revoke by a client token': { request: revocation },
  'revoke by a management token': { rules: management, request: revocation },
  'revoke a second time': { rules: management, request: { ...revocation, after: revocation } },
  'self after revocation': { rules: management, request: own({ ...oneself, after: revocation }) },
  'policies of a client token': { rules: [role('repo-${value.repo_id}'), policy('deploy')], request: own(policies) },
  'policies of a management token': { rules: management, request: own(policies) },
  'policies of an unknown token': { request: { ...policies, headers: UNKNOWN } },
  'policies without a token': { request: policies },
  'policies after revocation': { rules: management, request: own({ ...policies, after: revocation }) },
  'role whose policies have been deleted': { rules: [role('emptied')] },
  'policies of a role whose policies have been deleted': { rules: [role('emptied')], request: own(policies) },
  'policies of a role with one deleted policy': { rules: [role('half-emptied')], request: own(policies) },
};

/** Recorded situations that depend on the state of the servers, which no configuration can create. */
export const SERVER_STATES = [
  'ACLs disabled',
  'ACLs disabled, method list',
  'too many connections',
  'no leader',
  'plain HTTP to a TLS port',
];
