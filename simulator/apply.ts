import type { Issuer } from '../testbed/issuer.js';
import type { BindingRule } from '../testbed/nomad-api.js';
import { isSince, type NomadServer } from '../testbed/nomad.js';
import type { Setup } from './setups.js';

const KEY_SOURCES = ['JWKSURL', 'JWKSCACert', 'JWTValidationPubKeys', 'OIDCDiscoveryURL', 'DiscoveryCaPem'];
const PLACEHOLDER_RULES = 'namespace "default" { policy = "read" }';
const NO_POLICY = 'simulator-placeholder';

/** Creates the policies and roles of a setup; a missing policy that a role links to is created and then deleted. */
export async function putRolesAndPolicies({ policies, roles }: Setup, { admin }: NomadServer): Promise<void> {
  for (const { Name, Rules } of policies) {
    await admin.putPolicy(Name, Rules);
  }
  const deleted = new Set<string>();
  for (const { Name, Policies } of roles) {
    const links = Policies.length > 0 ? Policies.map((policy) => policy.Name) : [NO_POLICY];
    for (const missing of links.filter((link) => policies.every((policy) => policy.Name !== link))) {
      await admin.putPolicy(missing, PLACEHOLDER_RULES);
      deleted.add(missing);
    }
    await admin.putRole(Name, links);
  }
  for (const name of deleted) {
    await admin.deletePolicy(name);
  }
}

/** Creates the setup's auth method, or a copy of it under another name, with the keys of a fake issuer. */
export async function putMethod({ method }: Setup, name: string, nomad: NomadServer, issuer: Issuer): Promise<void> {
  const { Config, Name, Type, TokenLocality, MaxTokenTTL, TokenNameFormat } = method;
  const checks = Object.fromEntries(Object.entries(Config).filter(([field]) => !KEY_SOURCES.includes(field)));
  // A copy must not fail because of a token name.
  const isNamed = TokenNameFormat !== undefined && name === Name && isSince(nomad.version, '1.7.0');
  await nomad.admin.putMethod(
    name,
    { ...checks, JWKSURL: issuer.jwksUrl },
    { Type, TokenLocality, MaxTokenTTL, ...(isNamed && { TokenNameFormat }) },
  );
}

/** Creates a binding rule of an auth method; throws an error that names the rule. */
export async function putRule(
  { Selector = '', BindType, BindName = '' }: BindingRule,
  methodName: string,
  { admin }: NomadServer,
): Promise<void> {
  await admin.putRule({ AuthMethod: methodName, Selector, BindType, BindName }).catch((error: unknown) => {
    throw new Error(
      `Nomad rejects the rule ${BindType} ${BindName}, if ${Selector}: ${(error as Error).message.trim()}`,
    );
  });
}
