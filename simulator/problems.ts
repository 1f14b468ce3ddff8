import { listVariables } from '../nomad-rules/formats.js';
import { parseSelector, type Condition, type Expression } from '../nomad-rules/selector.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import { GITHUB_CLAIMS, GITHUB_ISSUERS } from './identities.js';
import { describeRule, listAttributes, nameAttribute, type Attribute } from './rules.js';
import type { FromFile } from './setup-folder.js';
import type { Setup } from './setups.js';
import type { Warning } from './simulate.js';

const TOKEN_NAME_VARIABLES = [
  { name: 'auth_method_type', claim: '' },
  { name: 'auth_method_name', claim: '' },
];

/** Returns each probable mistake in a setup, whichever job logs in. */
export function findProblems({ method, rules, roles, policies, untested = [] }: Omit<Setup, 'claims'>): Warning[] {
  const { Name, Config, TokenNameFormat = '' } = method;
  const attributes = listAttributes(Config);
  const problems = [
    !Config.BoundAudiences?.length &&
      `The auth method ${Name} has no BoundAudiences, so it also accepts JWTs that a job requested for another service.`,
    !Config.BoundIssuer?.length &&
      `The auth method ${Name} has no BoundIssuer, so it accepts JWTs of any issuer if one of the keys fits.`,
    rules.length === 0 && `The auth method ${Name} has no binding rules, so no job can log in.`,
    ...findAmbiguous(Config.ClaimMappings),
    ...findUnknownMappings(Config),
    ...findUnknownVariables(TokenNameFormat, [...attributes, ...TOKEN_NAME_VARIABLES]).map(
      (problem) => `TokenNameFormat: ${problem} Until then, every login fails.`,
    ),
  ].filter((problem) => problem !== false);
  const ofRules = rules.flatMap((rule) =>
    [
      ...(rule.Selector ? [] : ['The rule has no selector, so it matches every JWT.']),
      ...findUnknownVariables(rule.BindName ?? '', attributes),
      ...findSelectorProblems(rule.Selector ?? '', attributes),
      ...findMissingTarget(rule, roles, policies),
    ].map((problem) => warnAbout(rule, problem)),
  );
  const ofRoles = roles.flatMap((role) =>
    findMissingPolicies(role, policies).map((text) => ({ text, file: role.file })),
  );
  const ofOthers = untested.map((rule) =>
    warnAbout(rule, `The rule is not tested, because its auth method ${rule.AuthMethod} is not in the configuration.`),
  );
  const warnings = [...problems.map((text) => ({ text, file: method.file })), ...ofRules, ...ofRoles, ...ofOthers];
  return [...new Map(warnings.map((warning) => [warning.text, warning])).values()];
}

/** A warning about a binding rule. */
export function warnAbout(rule: FromFile<BindingRule>, problem: string): Warning {
  return { text: `${describeRule(rule)}: ${problem}`, file: rule.file };
}

/** Returns a description of each claim of a job that neither GitHub nor a claim mapping knows. */
export function findUnknownClaims(names: string[], { Config }: AuthMethod, allowsProperties = true): string[] {
  const mapped = listAttributes(Config).map(({ claim }) => claim.replace(/^\/([^/]*).*$/, '$1'));
  return describeUnknown(
    names,
    [...mapped, ...GITHUB_CLAIMS],
    (name) => `No claim mapping uses the claim ${name}, and it is`,
    allowsProperties,
  );
}

// Only the claims of GitHub are known. A JSON pointer, which begins with a slash, is not a name.
function findUnknownMappings(Config: AuthMethod['Config']): string[] {
  const claims = listAttributes(Config).map(({ claim }) => claim);
  const isGithub = (Config.BoundIssuer ?? []).every((issuer) => GITHUB_ISSUERS.test(issuer));
  const names = isGithub ? claims.filter((claim) => !claim.startsWith('/')) : [];
  return describeUnknown(names, GITHUB_CLAIMS, (name) => `A claim mapping uses the claim ${name}, which is`);
}

function describeUnknown(
  names: string[],
  known: string[],
  describe: (name: string) => string,
  allowsProperties = true,
): string[] {
  const unknown = [...new Set(names)].filter(
    (name) => !known.includes(name) && !(allowsProperties && name.startsWith('repo_property_')),
  );
  return unknown.map((name) => {
    const [nearest = ''] = known.toSorted((a, b) => compare(name, b) - compare(name, a));
    const hint = compare(name, nearest) < 0.5 ? '' : ` The nearest name is ${nearest}.`;
    return `${describe(name)} not one of GitHub's.${hint}`;
  });
}

// Nomad goes through the mappings in random order.
function findAmbiguous(mappings: Record<string, string> | null | undefined): string[] {
  const entries = Object.entries(mappings ?? {});
  const twice = entries.filter(([claim, name]) => entries.some((other) => other[1] === name && other[0] !== claim));
  return [...new Set(twice.map(([, name]) => name))].map((name) => {
    const claims = twice.filter((entry) => entry[1] === name).map(([claim]) => claim);
    return `The claim mappings map ${claims.join(' and ')} to ${name}. Nomad uses one of them at random in each login.`;
  });
}

// The share of pairs of letters that two names have in common.
function compare(name: string, other: string): number {
  const [pairs, others] = [name, other].map((text) => new Set(Array.from(text, (_, at) => text.slice(at, at + 2))));
  const common = [...(pairs ?? [])].filter((pair) => others?.has(pair));
  return common.length / Math.max(pairs?.size ?? 0, others?.size ?? 0);
}

function findUnknownVariables(format: string, attributes: Attribute[]): string[] {
  // Lists cannot be used in names.
  const usable = attributes.filter(({ name }) => !name.startsWith('list.'));
  return listVariables(format).flatMap((name) => explainUnknown(name, usable) ?? []);
}

function findSelectorProblems(text: string, attributes: Attribute[]): string[] {
  const selector = parse(text);
  if (selector === undefined) {
    return [];
  }
  const names = new Set(listConditions(selector).map(nameAttribute));
  return [...names].flatMap((name) => explainUnknown(name, attributes) ?? []);
}

/** Parses a selector; undefined if it is empty, or if only the real Nomad knows it. */
export function parse(selector: string): Expression | undefined {
  try {
    return parseSelector(selector);
  } catch {
    return undefined;
  }
}

function findMissingTarget(
  { BindType, BindName = '' }: BindingRule,
  roles: Setup['roles'],
  policies: Setup['policies'],
): string[] {
  const known = BindType === 'role' ? roles : policies;
  return BindType === 'management' || listVariables(BindName).length > 0 || known.some(({ Name }) => Name === BindName)
    ? []
    : [`There is no ${BindType} ${BindName}, so the rule grants nothing.`];
}

function findMissingPolicies({ Name, Policies }: Setup['roles'][number], policies: Setup['policies']): string[] {
  if (Policies.length === 0) {
    return [`The role ${Name} links to no policies, so it grants no permissions.`];
  }
  return Policies.filter((link) => policies.every((policy) => policy.Name !== link.Name)).map(
    (link) => `The role ${Name} links to the policy ${link.Name}, which does not exist.`,
  );
}

/** Says how to write a name that is not an attribute; undefined if it is one. */
function explainUnknown(name: string, attributes: Attribute[]): string | undefined {
  if (attributes.some((attribute) => attribute.name === name)) {
    return undefined;
  }
  const short = name.replace(/^(?:value|list)\./, '');
  const meant =
    attributes.find((attribute) => attribute.name.replace(/^\w+\./, '') === short) ??
    attributes.find(({ claim }) => claim === short);
  const names = attributes.map((attribute) => attribute.name).join(', ');
  const others = names === '' ? '' : `, or use one of ${names}`;
  const advice = meant === undefined ? `Add a claim mapping for it${others}.` : `Use ${meant.name}.`;
  return `${name} is not an attribute of the auth method. ${advice}`;
}

/** Returns all conditions of a selector; those on the elements of a list have its path. */
export function listConditions(selector: Expression): Condition[] {
  switch (selector.type) {
    case 'and':
    case 'or':
      return [...listConditions(selector.left), ...listConditions(selector.right)];
    case 'not':
      return listConditions(selector.operand);
    case 'any':
    case 'all':
      return listConditions(selector.inner).map((condition) =>
        condition.path[0] === selector.name ? { ...condition, path: selector.path } : condition,
      );
    case 'condition':
      return [selector];
  }
}
