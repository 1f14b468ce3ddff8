import type { Token } from '../testbed/nomad-api.js';
import type { Setup } from './setups.js';

type Rights = Pick<Token, 'Type' | 'Policies' | 'Roles'>;

/** Names the roles and policies of a token as a file for --expect does: "role a, policy b", "management" or "refused". */
export function nameGrant(token: Rights | undefined): string {
  if (token?.Type !== 'client') {
    return token?.Type ?? 'refused';
  }
  const roles = (token.Roles ?? []).map(({ Name }) => `role ${Name}`);
  return [...roles, ...(token.Policies ?? []).map((name) => `policy ${name}`)].sort().join(', ');
}

/** Describes a token in one line: its type, its lifetime, its roles and its policies. */
export function describeToken(token: Token, roles: Setup['roles']): string {
  const place = token.Global ? '' : ' in one region';
  const rights = token.Type === 'management' ? '' : `: ${describeRights(token, roles)}`;
  return `${token.Type} token for ${token.ExpirationTTL ?? 'ever'}${place}${rights}`;
}

/** Describes the roles and policies of a token, with the policies of each role. */
export function describeRights({ Type, Policies, Roles }: Rights, roles: Setup['roles']): string {
  if (Type === 'management') {
    return 'everything';
  }
  const throughRoles = (Roles ?? []).map(
    ({ Name }) => `role ${Name} (${listPolicies(Name, roles).join(', ') || 'no policies'})`,
  );
  const direct = (Policies ?? []).map((name) => `policy ${name}`);
  // Nomad applies rules in no particular order.
  return [...throughRoles.sort(), ...direct.sort()].join(', ');
}

/** Tells whether one token allows something that another, or no token, does not. */
export function allowsMore(token: Rights, than: Rights | undefined, roles: Setup['roles']): boolean {
  if (than === undefined || token.Type === 'management') {
    return than?.Type !== 'management';
  }
  const allowed = listRights(than, roles);
  return than.Type !== 'management' && listRights(token, roles).some((policy) => !allowed.includes(policy));
}

function listRights({ Policies, Roles }: Rights, roles: Setup['roles']): string[] {
  return [...(Policies ?? []), ...(Roles ?? []).flatMap(({ Name }) => listPolicies(Name, roles))];
}

function listPolicies(roleName: string, roles: Setup['roles']): string[] {
  return (roles.find(({ Name }) => Name === roleName)?.Policies ?? []).map(({ Name }) => Name);
}
