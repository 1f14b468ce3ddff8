import { listVariables } from '../testbed/fake-nomad/interpolation.js';
import { parseSelector, type Expression } from '../testbed/fake-nomad/selector.js';
import type { BindingRule } from '../testbed/nomad-api.js';
import { explainUnknown, listAttributes, type Attribute } from './attributes.js';
import { findOnlyExcluded, listConditions, nameAttribute } from './explain.js';
import { describeRule } from './rules.js';
import type { Setup } from './setups.js';

const TOKEN_NAME_VARIABLES = [
  { name: 'auth_method_type', claim: '' },
  { name: 'auth_method_name', claim: '' },
];

/** Returns a description of each probable mistake in a setup, whichever job logs in. */
export function findProblems({ method, rules, roles, policies }: Omit<Setup, 'claims' | 'name'>): string[] {
  const { Name, Config, TokenNameFormat = '' } = method;
  const attributes = listAttributes(Config);
  const problems = [
    ...(rules.length === 0 ? [`The auth method ${Name} has no binding rules, so no job can log in.`] : []),
    ...findUnknownVariables(TokenNameFormat, [...attributes, ...TOKEN_NAME_VARIABLES]).map(
      (problem) => `TokenNameFormat: ${problem} Until then, every login fails.`,
    ),
    ...rules.flatMap((rule) =>
      [
        ...findUnknownVariables(rule.BindName ?? '', attributes),
        ...findSelectorProblems(rule.Selector ?? '', attributes),
        ...findMissingTarget(rule, roles, policies),
      ].map((problem) => `${describeRule(rule)}: ${problem}`),
    ),
    ...roles.flatMap((role) => findMissingPolicies(role, policies)),
  ];
  return [...new Set(problems)];
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
  const unknown = [...names].flatMap((name) => explainUnknown(name, attributes) ?? []);
  const excluded = findOnlyExcluded(selector);
  const advice = `The selector only excludes values of ${excluded.join(' and ')}, so it also matches JWTs without such a claim. Add a condition that lists the allowed values.`;
  return excluded.length > 0 ? [...unknown, advice] : unknown;
}

// An empty selector has no conditions, and Nomad itself rejects one that does not parse.
function parse(selector: string): Expression | undefined {
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
