import { listVariables } from '../nomad-rules/formats.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import { GITHUB_CLAIMS, GITHUB_ISSUERS } from './identities.js';
import { describeRule, listAttributes, listConditions, nameAttribute } from './rules.js';
import type { Configuration, FromFile } from './setup-folder.js';
import type { Warning } from './simulate.js';

/** Returns each probable mistake in a setup, whichever job logs in. */
export function findProblems({ method, rules, roles, policies, untested = [] }: Configuration): Warning[] {
  const { Name, Config, TokenNameFormat = '' } = method;
  const attributes = listAttributes(Config).map(({ name }) => name);
  // Lists cannot be used in names.
  const values = attributes.filter((name) => name.startsWith('value.'));
  const problems = [
    !Config.BoundAudiences?.length &&
      `The auth method ${Name} has no BoundAudiences, so it also accepts JWTs that a job requested for another service.`,
    !Config.BoundIssuer?.length &&
      `The auth method ${Name} has no BoundIssuer, so it accepts JWTs of any issuer if one of the keys fits.`,
    rules.length === 0 && `The auth method ${Name} has no binding rules, so no job can log in.`,
    ...[Config.ClaimMappings, Config.ListClaimMappings].flatMap(findAmbiguous),
    ...findUnknownMappings(Config),
    ...findUnmapped(listVariables(TokenNameFormat), ['auth_method_type', 'auth_method_name', ...values]).map(
      (problem) => `TokenNameFormat: ${problem} Until then, every login fails.`,
    ),
  ].filter((problem) => problem !== false);
  const ofRules = rules.flatMap((rule) =>
    [
      ...(rule.Selector ? [] : ['The rule has no selector, so it matches every JWT.']),
      ...findUnmapped(listVariables(rule.BindName ?? ''), values),
      ...findUnmapped(listTested(rule), attributes),
    ].map((problem) => warnAbout(rule, problem)),
  );
  const ofRoles = roles.flatMap((role) =>
    findMissingPolicies(role, policies).map((text) => ({ text, file: role.file })),
  );
  const ofOthers = untested.map((rule) =>
    warnAbout(rule, `The rule is not tested, because its auth method ${rule.AuthMethod} is not in the configuration.`),
  );
  return [...problems.map((text) => ({ text, file: method.file })), ...ofRules, ...ofRoles, ...ofOthers];
}

/** A warning about a binding rule. */
export function warnAbout(rule: FromFile<BindingRule>, problem: string): Warning {
  return { text: `${describeRule(rule)}: ${problem}`, file: rule.file };
}

/** Returns a description of each claim of a job that neither GitHub nor a claim mapping knows. */
export function findUnknownClaims(names: string[], { Config }: AuthMethod): string[] {
  const mapped = listAttributes(Config).map(({ claim }) => claim.replace(/^\/([^/]*).*$/, '$1'));
  return describeUnknown(names, [...mapped, ...GITHUB_CLAIMS]);
}

/** Tells whether a claim is a custom property of a repository, which can have any name. */
export function isProperty(claim: string): boolean {
  return claim.startsWith('repo_property_');
}

// Only the claims of GitHub are known. A JSON pointer, which begins with a slash, is not a name.
function findUnknownMappings(Config: AuthMethod['Config']): string[] {
  const isGithub = (Config.BoundIssuer ?? []).every((issuer) => GITHUB_ISSUERS.test(issuer));
  const claims = listAttributes(Config).map(({ claim }) => claim);
  return isGithub
    ? describeUnknown(
        claims.filter((claim) => !claim.startsWith('/') && !isProperty(claim)),
        GITHUB_CLAIMS,
      )
    : [];
}

function describeUnknown(names: string[], known: string[]): string[] {
  return [...new Set(names)]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const [nearest = ''] = known.toSorted((a, b) => compare(name, b) - compare(name, a));
      const hint = compare(name, nearest) < 0.5 ? '' : ` The nearest name is ${nearest}.`;
      return `The claim ${name} is not one of GitHub's.${hint}`;
    });
}

// The share of pairs of letters that two names have in common.
function compare(name: string, other: string): number {
  const [pairs, others] = [name, other].map((text) => new Set(Array.from(text, (_, at) => text.slice(at, at + 2))));
  const common = [...(pairs ?? [])].filter((pair) => others?.has(pair));
  return common.length / Math.max(pairs?.size ?? 0, others?.size ?? 0);
}

// Nomad goes through the mappings in random order.
function findAmbiguous(mappings: Record<string, string> | null | undefined): string[] {
  const entries = Object.entries(mappings ?? {});
  return [...new Set(entries.map(([, name]) => name))].flatMap((name) => {
    const claims = entries.filter((entry) => entry[1] === name).map(([claim]) => claim);
    return claims.length > 1
      ? `The claim mappings map ${claims.join(' and ')} to ${name}. Nomad uses one of them at random in each login.`
      : [];
  });
}

function findUnmapped(names: string[], attributes: string[]): string[] {
  const unmapped = [...new Set(names)].filter((name) => !attributes.includes(name));
  const others = attributes.length === 0 ? '' : `, or use one of ${attributes.join(', ')}`;
  return unmapped.map((name) => `${name} is not an attribute of the auth method. Add a claim mapping for it${others}.`);
}

function listTested(rule: BindingRule): string[] {
  try {
    return listConditions(rule).map(nameAttribute);
  } catch {
    // Only the real Nomad knows the selector.
    return [];
  }
}

function findMissingPolicies(
  { Name, Policies }: Configuration['roles'][number],
  policies: Configuration['policies'],
): string[] {
  const missing = Policies.filter((link) => policies.every((policy) => policy.Name !== link.Name));
  return Policies.length === 0
    ? [`The role ${Name} links to no policies, so it grants no permissions.`]
    : missing.map((link) => `The role ${Name} links to the policy ${link.Name}, which does not exist.`);
}
