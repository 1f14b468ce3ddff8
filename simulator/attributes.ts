import type { AuthMethod } from '../testbed/nomad-api.js';

/** An attribute of an auth method, with its full name, such as value.ref. */
export interface Attribute {
  name: string;
  claim: string;
}

/** Returns the attributes that an auth method's mappings create from claims. */
export function listAttributes({ ClaimMappings, ListClaimMappings }: AuthMethod['Config']): Attribute[] {
  const list = (scope: string, mappings: Record<string, string> | null | undefined): Attribute[] =>
    Object.entries(mappings ?? {}).map(([claim, name]) => ({ name: `${scope}.${name}`, claim }));
  return [...list('value', ClaimMappings), ...list('list', ListClaimMappings)];
}

/** Says how to write a name that is not an attribute; undefined if it is one. */
export function explainUnknown(name: string, attributes: Attribute[]): string | undefined {
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
