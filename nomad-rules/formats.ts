import { Unknown } from './errors.js';

const UNIT_S = new Map(Object.entries({ h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 }));
const VARIABLE = /(?<!\$)\$\{ *(?!(?:true|false) *\})([a-zA-Z][\w.-]*) *\}/g;

/** Converts a duration of Nomad's API, such as "1h30m" or a number of nanoseconds, to whole seconds; throws Go's message. */
export function parseDuration(value: string | number): number {
  if (typeof value === 'number') {
    return checkSeconds(value / 1e9, value);
  }
  const [, sign, rest = ''] = /^([-+]?)(.*)$/s.exec(value) ?? [];
  const parts = [...rest.matchAll(/(\d+\.?\d*|\.\d+)([^\d.]*)/g)];
  if (rest !== '0' && (rest === '' || parts.map(([part]) => part).join('') !== rest)) {
    throw new Error(`time: invalid duration "${value}"`);
  }
  const seconds = parts.map(([, amount, unit = '']) => {
    const unitS = rest === '0' ? 0 : UNIT_S.get(unit);
    if (unitS === undefined) {
      throw new Error(`time: ${unit === '' ? 'missing unit' : `unknown unit "${unit}"`} in duration "${value}"`);
    }
    return Number(amount) * unitS;
  });
  return checkSeconds(seconds.reduce((sum, part) => sum + part, 0) * (sign === '-' ? -1 : 1), value);
}

// Go counts nanoseconds in 64 bits.
function checkSeconds(seconds: number, value: string | number): number {
  if (!Number.isInteger(seconds) || Math.abs(seconds) > 9e9) {
    throw new Unknown(`the duration ${String(value)}`);
  }
  return seconds;
}

/** Formats seconds as Go does: "1h0m0s", "10m0s", "30s". */
export function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60);
  const parts = [
    hours > 0 && `${String(hours)}h`,
    minutes > 0 && `${String(minutes % 60)}m`,
    `${String(seconds % 60)}s`,
  ];
  return parts.filter(Boolean).join('');
}

/** Fills in the `${…}` of a bind name or a token name format; throws Nomad's message if that is impossible. */
export function interpolate(format: string, variables: Map<string, string>): string {
  // Nomad only reads a text with "${" as a template, which can contain expressions.
  if (format.includes('${') && /\$\$|\$\{/.test(format.replace(VARIABLE, ''))) {
    throw new Unknown(`the template ${format}`);
  }
  return format.replace(VARIABLE, (_, variable: string, offset: number) => {
    const value = variables.get(variable);
    if (value === undefined) {
      throw new Error(`1:${String(offset + 3)}: unknown variable accessed: ${variable}`);
    }
    return value;
  });
}

/** Returns the names of the variables in a bind name or a token name format. */
export function listVariables(format: string): string[] {
  return [...format.matchAll(VARIABLE)].map(([, variable = '']) => variable);
}
