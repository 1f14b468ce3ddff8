import exampleClaims from '../jws-example.json' with { type: 'json' };
import { listVariables } from '../nomad-rules/formats.js';
import { evaluate, parseSelector, type Condition, type Expression } from '../nomad-rules/selector.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import { describeRule, listAttributes, nameAttribute, type Attribute } from './rules.js';
import type { Setup } from './setups.js';

const TOKEN_NAME_VARIABLES = [
  { name: 'auth_method_type', claim: '' },
  { name: 'auth_method_name', claim: '' },
];

/** Returns a description of each probable mistake in a setup, whichever job logs in. */
export function findProblems({ method, rules, roles, policies }: Omit<Setup, 'claims'>): string[] {
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

/** Returns a description of each claim that neither GitHub nor a claim mapping knows. */
export function findUnknownClaims(names: string[], { Config }: AuthMethod): string[] {
  const mapped = listAttributes(Config).map(({ claim }) => claim.replace(/^\/([^/]*).*$/, '$1'));
  const known = [...mapped, ...Object.keys(exampleClaims), 'environment', 'enterprise', 'enterprise_id'];
  return [...new Set(names)]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const [nearest = ''] = known.toSorted((a, b) => compare(name, b) - compare(name, a));
      return `No claim mapping uses the claim ${name}, and it is not one of GitHub's. The nearest name is ${nearest}.`;
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

/** Returns all conditions of a selector, without those on the elements of a list. */
function listConditions(selector: Expression): Pick<Condition, 'path'>[] {
  switch (selector.type) {
    case 'and':
    case 'or':
      return [...listConditions(selector.left), ...listConditions(selector.right)];
    case 'not':
      return listConditions(selector.operand);
    case 'any':
    case 'all':
      return [selector, ...listConditions(selector.inner).filter(({ path }) => path[0] !== selector.name)];
    case 'condition':
      return [selector];
  }
}

/** Returns the attributes for which a selector only excludes values, and therefore also matches JWTs without them. */
function findOnlyExcluded(selector: Expression): string[] {
  const parts = splitAnd(selector);
  const list = (some: Expression[]): string[] => some.flatMap(listConditions).map(nameAttribute);
  const required = list(parts.filter((part) => !isExclusion(part)));
  return [...new Set(list(parts.filter(isExclusion)))].filter((name) => !required.includes(name));
}

function splitAnd(selector: Expression): Expression[] {
  return selector.type === 'and' ? [selector.left, selector.right].flatMap(splitAnd) : [selector];
}

function isExclusion(part: Expression): boolean {
  // "is empty" is meant to match JWTs without the claim.
  if (part.type === 'condition' && part.operator === 'is empty' && !part.isNegated) {
    return false;
  }
  return evaluate(part, { value: {}, list: {} }) === true;
}
