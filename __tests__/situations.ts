import type { MintOptions } from '../testbed/issuer.js';
import type { AuthMethod, BindingRule } from '../testbed/stand-in/cluster.js';

/** How a cluster is set up and what is asked of it in one of the recorded situations; what is left out is as usual. */
export interface Situation {
  config?: AuthMethod['Config'];
  fields?: Partial<AuthMethod>;
  rules?: Omit<BindingRule, 'AuthMethod'>[];
  jwt?: MintOptions | string;
  request?: { method?: string; path?: string; headers?: Record<string, string>; methodName?: string };
}

const now = Math.floor(Date.now() / 1000);
const HOUR = 3600;
const role = (BindName: string): Omit<BindingRule, 'AuthMethod'> => ({ BindType: 'role', BindName });
const policy = (BindName: string): Omit<BindingRule, 'AuthMethod'> => ({ BindType: 'policy', BindName });

/** The situations, by the names that the recordings give them. */
export const SITUATIONS: Record<string, Situation> = {
  'client token by policy': {},
  'PUT instead of POST': { request: { method: 'PUT' } },
  'GET is refused': { request: { method: 'GET' } },
  'audience not bound': { jwt: { claims: { aud: 'any' } } },
  'method not found': { request: { methodName: 'nope' } },
  'empty method name': { request: { methodName: '' } },
  'empty login token': { jwt: '' },
  'both empty': { jwt: '', request: { methodName: '' } },
  'not a JWT': { jwt: 'nonsense' },
  expired: { jwt: { claims: { nbf: now - 2 * HOUR, iat: now - 2 * HOUR, exp: now - HOUR } } },
  'not yet valid': { jwt: { claims: { nbf: now + HOUR, iat: now, exp: now + 2 * HOUR } } },
  'no exp': { jwt: { claims: { exp: undefined } } },
  'no exp, nbf, iat': { jwt: { claims: { exp: undefined, nbf: undefined, iat: undefined } } },
  'wrong key': { jwt: { forged: true } },
  'wrong issuer': {
    config: { BoundIssuer: ['https://token.example.com'] },
    jwt: { claims: { iss: 'https://evil.example' } },
  },
  'no rule matched': { rules: [{ ...policy('deploy'), Selector: 'value.ref == "refs/heads/other"' }] },
  'mapped claim is an object': { jwt: { claims: { workflow: { a: 1 } } } },
  'mapped claim is a number': { jwt: { claims: { workflow: 7 } } },
  'unknown region': { request: { path: '/v1/acl/login?region=nowhere' } },
  'unknown namespace': { request: { path: '/v1/acl/login?namespace=nowhere' } },
  'a bad X-Nomad-Token beside it': { request: { headers: { 'X-Nomad-Token': 'nonsense' } } },
  'trailing slash in the path': { request: { path: '/v1/acl/login/' } },
  'double slash in the path': { request: { path: '//v1/acl/login' } },
  'audience bound and right': { config: { BoundAudiences: ['https://github.com/octo-org'] } },
  'audience bound and wrong': { config: { BoundAudiences: ['https://nomad.example.com'] } },
  'audience bound, aud a list': {
    config: { BoundAudiences: ['https://nomad.example.com'] },
    jwt: { claims: { aud: ['other', 'https://nomad.example.com'] } },
  },
  'audience bound, aud absent': {
    config: { BoundAudiences: ['https://nomad.example.com'] },
    jwt: { claims: { aud: undefined } },
  },
  'management token': { fields: { MaxTokenTTL: '23h' }, rules: [policy('deploy'), { BindType: 'management' }] },
  'client token by role and policy': { rules: [role('repo-${value.repo_id}'), policy('read')] },
  'local token': { fields: { TokenLocality: 'local' } },
  'bound role and policy do not exist': { rules: [role('absent'), policy('absent')] },
  'method without rules': { rules: [] },
  'bind name with a slash': { rules: [role('${value.repo}')] },
  'bind name of an unmapped claim': { rules: [policy('${value.nope}')] },
  'bind name is lower-cased': {
    rules: [policy('${value.owner}')],
    jwt: { claims: { repository_owner: 'Octo-Org' } },
  },
  'public key in the method': {},
  'signing algorithm refused': { config: { SigningAlgs: ['ES256'] } },
  'expired inside the leeway': {
    config: { ExpirationLeeway: '1h', ClockSkewLeeway: '1h' },
    jwt: { claims: { nbf: now - HOUR, iat: now - HOUR, exp: now - 600 } },
  },
  'expired inside the default leeway': { jwt: { claims: { nbf: now - HOUR, iat: now - HOUR, exp: now - 100 } } },
};
