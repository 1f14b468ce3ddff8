import { mapClaims } from '../nomad-rules/attributes.js';
import { Unknown } from '../nomad-rules/errors.js';
import { computeBindName, computeTokenName } from '../nomad-rules/names.js';
import {
  evaluate,
  lookUp,
  parseSelector,
  type Attributes,
  type Collection,
  type Condition,
  type Expression,
} from '../nomad-rules/selector.js';
import type { AuthMethod, BindingRule } from '../nomad-rules/api.js';
import type { Claims } from './identities.js';
import { describeRule, listAttributes, nameAttribute, type Attribute } from './rules.js';
import type { Configuration, FromFile } from './setup-folder.js';

/** What a binding rule does in a login. */
export interface Verdict {
  rule: FromFile<BindingRule>;
  matches: boolean;
  /** What the rule grants, such as "role repo-74"; undefined if it grants nothing. */
  grants?: string;
  /** Whether Nomad refuses the login because of the name that the rule binds. */
  isInvalid?: boolean;
  /** Whether only Nomad knows what the rule does. */
  isUnknown?: boolean;
  /** How far the rule is from granting something. */
  distance: number;
  /** Returns why the rule grants nothing. */
  explain(): string[];
}

/** What all binding rules do in a login, and what its token grants, as in --expect. */
export interface Prediction {
  verdicts: Verdict[];
  grant: string;
}

interface Failed {
  condition: Condition | Collection;
  /** The result that the condition needs for the selector to match. */
  expected: boolean;
}

const selectors = new Map<string, Expression>();

/** Predicts a login without Nomad. */
export function predict(configuration: Configuration, claims: Claims): Prediction {
  const { method, rules } = configuration;
  let attributes: Attributes;
  try {
    attributes = mapClaims(claims, method.Config);
  } catch (error) {
    return { verdicts: rules.map((rule) => fail(rule, error)), grant: 'refused' };
  }
  const known = listAttributes(method.Config);
  const verdicts = rules.map((rule) => judge(rule, attributes, known, configuration));
  const grants = [...new Set(verdicts.flatMap((verdict) => verdict.grants ?? []))].sort();
  const isManagement = grants.includes('management');
  const { BoundIssuer } = method.Config;
  const isAccepted = !BoundIssuer?.length || BoundIssuer.some((issuer) => issuer === claims['iss']);
  const isValid = isManagement || !verdicts.some(({ isInvalid }) => isInvalid);
  const grant = isManagement ? 'management' : grants.join(', ');
  return {
    verdicts,
    grant: isAccepted && isValid && hasTokenName(method, attributes) && grant !== '' ? grant : 'refused',
  };
}

function hasTokenName(method: AuthMethod, attributes: Attributes): boolean {
  try {
    computeTokenName(method, attributes);
    return true;
  } catch (error) {
    return error instanceof Unknown;
  }
}

function judge(
  rule: FromFile<BindingRule>,
  attributes: Attributes,
  known: Attribute[],
  configuration: Configuration,
): Verdict {
  try {
    const failed = rule.Selector ? findFailed(parse(rule.Selector), attributes, true) : [];
    return failed.length > 0
      ? refuse(rule, failed, attributes, known)
      : { rule, matches: true, ...bind(rule, attributes, configuration) };
  } catch (error) {
    return fail(rule, error);
  }
}

function fail(rule: FromFile<BindingRule>, error: unknown): Verdict {
  const isUnknown = error instanceof Unknown;
  const reason = isUnknown ? 'only Nomad can judge this rule' : (error as Error).message;
  return {
    rule,
    matches: true,
    distance: 1,
    explain: () => [reason],
    ...(isUnknown ? { isUnknown } : { isInvalid: true }),
  };
}

function refuse(rule: FromFile<BindingRule>, failed: Failed[], attributes: Attributes, known: Attribute[]): Verdict {
  // A condition on another repository or owner is further away than others.
  const isOther = ({ condition }: Failed): boolean =>
    known.some(({ name, claim }) => name === nameAttribute(condition) && /^repository|^sub$/.test(claim));
  return {
    rule,
    matches: false,
    distance: failed.map((each) => (isOther(each) ? 1.5 : 1)).reduce((a, b) => a + b, 0),
    explain: () => failed.map((each) => explain(each, attributes, known)),
  };
}

function bind(
  rule: BindingRule,
  attributes: Attributes,
  { method, roles, policies }: Configuration,
): Pick<Verdict, 'grants' | 'distance' | 'explain'> {
  const isManagement = rule.BindType === 'management';
  const name = isManagement ? '' : computeBindName(rule, attributes, method);
  const targets = rule.BindType === 'role' ? roles : policies;
  const target = describeRule({ ...rule, BindName: name });
  return isManagement || targets.some(({ Name }) => Name === name)
    ? { grants: target, distance: 0, explain: () => [] }
    : { distance: 0.5, explain: () => [`there is no ${target}`] };
}

function parse(selector: string): Expression {
  const expression = selectors.get(selector) ?? parseSelector(selector);
  selectors.set(selector, expression);
  return expression;
}

// Returns the conditions because of which a selector has another result.
function findFailed(expression: Expression, attributes: Attributes, expected: boolean): Failed[] {
  if (evaluate(expression, attributes) === expected) {
    return [];
  }
  switch (expression.type) {
    case 'and':
    case 'or':
      return [expression.left, expression.right].flatMap((operand) => findFailed(operand, attributes, expected));
    case 'not':
      return findFailed(expression.operand, attributes, !expected);
    case 'any':
    case 'all':
    case 'condition':
      return [{ condition: expression, expected }];
  }
}

function explain({ condition, expected }: Failed, attributes: Attributes, known: Attribute[]): string {
  const name = nameAttribute(condition);
  const reason = known.some((attribute) => attribute.name === name)
    ? describeValue(condition, attributes)
    : `${name} is not an attribute of the auth method`;
  return `${expected ? '' : 'not '}${condition.text}, but ${reason}`;
}

function describeValue(condition: Condition | Collection, attributes: Attributes): string {
  const name = nameAttribute(condition);
  const actual = lookUp(condition.path, attributes);
  if (actual === undefined) {
    return `the JWT has no claim for ${name}`;
  }
  if (condition.type !== 'condition') {
    return `${name} is ${JSON.stringify(actual)}`;
  }
  const { operator, value, isNegated } = condition;
  if (Array.isArray(actual) && condition.path.length === 2 && /^(?:==|matches)$/.test(operator)) {
    const advice = `write ${JSON.stringify(value)} ${isNegated ? 'not in' : 'in'} ${name}`;
    return `${name} is a list, for which ==, != and matches do not work: ${advice}`;
  }
  const differsInCase =
    operator === '==' && !Array.isArray(actual) && actual !== value && actual.toLowerCase() === value.toLowerCase();
  return `${name} is ${JSON.stringify(actual)}${differsInCase ? ' (values are case-sensitive)' : ''}`;
}
