const VARIABLE = /(?<!\$)\$\{\s*([^}]*?)\s*\}/g;
const UNFINISHED = /(?<!\$)\$\{[^}]*$/;

/** Fills in the `${…}` of a bind name or a token name format; throws Nomad's message if that is impossible. */
export function interpolate(format: string, variables: Map<string, string>): string {
  if (UNFINISHED.test(format)) {
    throw new Error(`parse error at 1:${String(format.length + 1)}: expected "}" but found end of string`);
  }
  const filled = format.replace(VARIABLE, (_, variable: string, offset: number) => {
    const value = variables.get(variable);
    if (value === undefined) {
      throw new Error(`1:${String(offset + 3)}: unknown variable accessed: ${variable}`);
    }
    return value;
  });
  return filled.replaceAll('$${', '${');
}

/** Returns the names of the variables in a bind name or a token name format. */
export function listVariables(format: string): string[] {
  return [...format.matchAll(VARIABLE)].map(([, variable = '']) => variable);
}
