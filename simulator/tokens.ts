import type { Token } from '../nomad-rules/api.js';
import type { Configuration } from './setup-folder.js';

type Rights = Pick<Token, 'Type' | 'Policies' | 'Roles'>;

/** Names what a token grants as a file for --expect does: "role a, policy b", "management" or "refused". */
export function nameGrant(token: Rights | undefined, describeRole = (name: string): string => `role ${name}`): string {
  if (token?.Type !== 'client') {
    return token?.Type ?? 'refused';
  }
  const roles = (token.Roles ?? []).map(({ Name }) => describeRole(Name));
  // Nomad applies rules in no particular order.
  return [...new Set([...roles, ...(token.Policies ?? []).map((name) => `policy ${name}`)])].sort().join(', ');
}

/** Tells whether what a token grants is not a part of what another one grants; each as in --expect. */
export function grantsMore(grant: string, other: string): boolean {
  const others = other.split(', ');
  return grant !== 'refused' && other !== 'management' && grant.split(', ').some((part) => !others.includes(part));
}

/** Describes a token in one line: its type, its lifetime, and its roles and policies with the policies of each role. */
export function describeToken(token: Token, roles: Configuration['roles']): string {
  const rights = nameGrant(token, (name) => `role ${name} (${listPolicies(name, roles).join(', ') || 'no policies'})`);
  const place = token.Global ? '' : ' in one region';
  return `${token.Type} token for ${token.ExpirationTTL ?? 'ever'}${place}${token.Type === 'client' ? `: ${rights}` : ''}`;
}

function listPolicies(roleName: string, roles: Configuration['roles']): string[] {
  return roles.filter(({ Name }) => Name === roleName).flatMap(({ Policies }) => Policies.map(({ Name }) => Name));
}
