import type { Token } from '../nomad-rules/api.js';
import type { Setup } from './setups.js';

type Rights = Pick<Token, 'Type' | 'Policies' | 'Roles'>;

/** Names what a token grants as a file for --expect does: "role a, policy b", "management" or "refused". */
export function nameGrant(token: Rights | undefined, describeRole = (name: string): string => `role ${name}`): string {
  if (token?.Type !== 'client') {
    return token?.Type ?? 'refused';
  }
  const roles = (token.Roles ?? []).map(({ Name }) => describeRole(Name));
  // Nomad applies rules in no particular order.
  return [...roles, ...(token.Policies ?? []).map((name) => `policy ${name}`)].sort().join(', ');
}

/** Describes a token in one line: its type, its lifetime, and its roles and policies with the policies of each role. */
export function describeToken(token: Token, roles: Setup['roles']): string {
  const rights = nameGrant(token, (name) => `role ${name} (${listPolicies(name, roles).join(', ') || 'no policies'})`);
  const place = token.Global ? '' : ' in one region';
  return `${token.Type} token for ${token.ExpirationTTL ?? 'ever'}${place}${token.Type === 'client' ? `: ${rights}` : ''}`;
}

function listPolicies(roleName: string, roles: Setup['roles']): string[] {
  return (roles.find(({ Name }) => Name === roleName)?.Policies ?? []).map(({ Name }) => Name);
}
