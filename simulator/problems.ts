import { listVariables } from '../testbed/fake-nomad/interpolation.js';
import { parseSelector } from '../testbed/fake-nomad/selector.js';
import type { AuthMethod, BindingRule } from '../testbed/nomad-api.js';
import { findExclusions, listConditions, nameAttribute } from './explain.js';
import { describeRule } from './rules.js';
import type { Setup } from './setups.js';

type Mappings = Pick<AuthMethod['Config'], 'ClaimMappings' | 'ListClaimMappings'>;

/** Returns what is probably wrong with a setup, whoever logs in: one sentence for each problem. */
export function findProblems({ method, rules, roles, policies }: Setup): string[] {
  const { Name, Config, TokenNameFormat = '' } = method;
  const problems = [
    ...(rules.length === 0 ? [`The auth method ${Name} has no binding rules, so nobody can log in.`] : []),
    ...findUnknownVariables(TokenNameFormat, Config, ['auth_method_type', 'auth_method_name']).map(
      (problem) => `TokenNameFormat: ${problem} Every login fails.`,
    ),
    ...rules.flatMap((rule) => findRuleProblems(rule, Config).map((problem) => `${describeRule(rule)}: ${problem}`)),
    ...rules.flatMap((rule) => findMissingTarget(rule, roles, policies) ?? []),
    ...roles.flatMap((role) => findMissingPolicies(role, policies)),
  ];
  return [...new Set(problems)];
}

function findRuleProblems({ Selector = '', BindName = '' }: BindingRule, mappings: Mappings): string[] {
  const variables = findUnknownVariables(BindName, mappings, []);
  if (Selector === '') {
    return variables;
  }
  const selector = parse(Selector);
  if (selector === undefined) {
    return variables;
  }
  const attributes = new Set(listConditions(selector).map(nameAttribute));
  const exclusions = findExclusions(selector).map(
    (condition) =>
      `${condition.text} also holds for a JWT without a claim for ${nameAttribute(condition)}. Add a condition that names the values to allow.`,
  );
  return [...variables, ...[...attributes].flatMap((name) => explainUnknown(name, mappings) ?? []), ...exclusions];
}

// Nomad itself says what is wrong with a selector that does not parse.
function parse(selector: string): ReturnType<typeof parseSelector> | undefined {
  try {
    return parseSelector(selector);
  } catch {
    return undefined;
  }
}

function findUnknownVariables(format: string, mappings: Mappings, known: string[]): string[] {
  return listVariables(format)
    .filter((name) => !known.includes(name))
    .flatMap((name) => explainUnknown(name, mappings, 'value') ?? []);
}

/** Says why a name is not an attribute of the auth method; undefined if it is one. */
function explainUnknown(
  attribute: string,
  { ClaimMappings, ListClaimMappings }: Mappings,
  onlyScope?: string,
): string | undefined {
  const made = { value: ClaimMappings ?? {}, list: ListClaimMappings ?? {} };
  const names = Object.entries(made)
    .filter(([scope]) => onlyScope === undefined || scope === onlyScope)
    .flatMap(([scope, mappings]) =>
      Object.entries(mappings).map(([claim, name]) => ({ claim, full: `${scope}.${name}` })),
    );
  if (names.some(({ full }) => full === attribute)) {
    return undefined;
  }
  const short = attribute.replace(/^(?:value|list)\./, '');
  const meant =
    names.find(({ full }) => full.replace(/^\w+\./, '') === short) ?? names.find(({ claim }) => claim === short);
  const advice =
    meant !== undefined
      ? `Write ${meant.full}.`
      : `Map a claim to it, or use one of ${names.map(({ full }) => full).join(', ') || 'none (there are no mappings)'}.`;
  return `${attribute} is not an attribute of the auth method. ${advice}`;
}

function findMissingTarget(
  rule: BindingRule,
  roles: Setup['roles'],
  policies: Setup['policies'],
): string[] | undefined {
  const { BindType, BindName = '' } = rule;
  const known = BindType === 'role' ? roles : policies;
  if (BindType === 'management' || listVariables(BindName).length > 0 || known.some(({ Name }) => Name === BindName)) {
    return undefined;
  }
  return [`${describeRule(rule)}: there is no ${BindType} ${BindName}, so the rule gives nothing.`];
}

function findMissingPolicies({ Name, Policies }: Setup['roles'][number], policies: Setup['policies']): string[] {
  if (Policies.length === 0) {
    return [`The role ${Name} links to no policies, so it gives no rights.`];
  }
  return Policies.filter((link) => policies.every((policy) => policy.Name !== link.Name)).map(
    (link) => `The role ${Name} links to the policy ${link.Name}, which does not exist.`,
  );
}
