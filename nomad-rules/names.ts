import type { AuthMethod, BindingRule } from './api.js';
import { refuse, Refusal, Unknown } from './errors.js';
import { interpolate } from './formats.js';
import type { Attributes } from './selector.js';

/** The names of auth methods, roles and policies. */
export const NAME = /^[a-zA-Z0-9-]{1,128}$/;
const MAX_TOKEN_NAME_LENGTH = 256;
const DEFAULT_TOKEN_NAME = '${auth_method_type}-${auth_method_name}';

/** Computes the name of the role or policy that a rule binds; throws Nomad's refusal if it cannot be one. */
export function computeBindName(
  { BindType, BindName = '' }: BindingRule,
  { value }: Attributes,
  { Config }: Pick<AuthMethod, 'Config'>,
): string {
  // A mapped claim that the JWT lacks is empty. A list is unknown, like an unmapped name.
  const variables = Object.values(Config.ClaimMappings ?? {}).map(
    (name) => [`value.${name}`, value[name]?.toLowerCase() ?? ''] as const,
  );
  const name = fill(BindName, new Map(variables), `cannot compute "${BindType}" bind name for bind target`);
  if (/[^\0-\x7f]/.test(name)) {
    throw new Unknown(`the lower case of the bind name ${name}`);
  }
  if (!NAME.test(name)) {
    throw new Refusal(500, `computed "${BindType}" bind name for bind target is invalid: ${JSON.stringify(name)}`);
  }
  return name;
}

/** Computes the name of a token; throws Nomad's refusal if it is too long, or if the JWT lacks a claim that it needs. */
export function computeTokenName({ Name, Type, TokenNameFormat }: AuthMethod, { value }: Attributes): string {
  const variables = new Map([
    ['auth_method_type', Type],
    ['auth_method_name', Name],
    ...Object.entries(value).map(([name, text]) => [`value.${name}`, text] as const),
  ]);
  const name = fill(TokenNameFormat || DEFAULT_TOKEN_NAME, variables, 'failed to generate ACL token name');
  refuse('token 0 invalid', [Buffer.byteLength(name) > MAX_TOKEN_NAME_LENGTH && 'token name too long']);
  return name;
}

function fill(format: string, variables: Map<string, string>, problem: string): string {
  try {
    return interpolate(format, variables);
  } catch (error) {
    throw error instanceof Unknown ? error : new Refusal(500, `${problem}: ${(error as Error).message}`);
  }
}
