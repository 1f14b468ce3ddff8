import { Unknown } from './errors.js';

// What Go's regular expressions have in common with those of JavaScript: https://github.com/google/re2/wiki/Syntax
const COUNT = /(?:0|[1-9]\d{0,2}|1000)/;
const PUNCTUATION = /\\[ !"#%&',:;<=>@_`~-]/;
const KNOWN = new RegExp(
  [
    `(?:[*+?]|\\{${COUNT.source}(?:,${COUNT.source}?)?\\})\\??`,
    /\[\^?(?:[^\\[\]^]|\\[\\^$.|?*+()[\]{}/dwtnrfv-])+\]/.source,
    /\\[\\^$.|?*+()[\]{}/dDwWbBsSAztnrfv]/.source,
    PUNCTUATION.source,
    /\((?:\?:|(?!\?))/.source,
    /[^\\[\]{}*+?(]/.source,
  ].join('|'),
  'gu',
);
const TRANSLATIONS: Record<string, string> = {
  '.': '[^\\n]',
  '\\s': '[\\t\\n\\f\\r ]',
  '\\S': '[^\\t\\n\\f\\r ]',
  '\\A': '^',
  '\\z': '$',
};
// Go limits the repetitions of a part, and multiplies nested ones.
const MAX_REPETITIONS = 1000;

/** Converts a regular expression of Go; throws a refusal if it is invalid, or may mean something else in JavaScript. */
export function toRegExp(pattern: string): RegExp {
  const rest = pattern.replace(/^(\^?)\(\?i\)/, '$1');
  const ignoresCase = rest !== pattern;
  const counts = [...rest.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map(([, min, max]) => Number(max || min) || 1);
  const isKnown =
    rest.replace(KNOWN, '') === '' &&
    counts.reduce((product, count) => product * count, 1) <= MAX_REPETITIONS &&
    // Where JavaScript ignores case, other characters belong to a word.
    !(ignoresCase && /\\b|[^\0-\x7f]/i.test(rest));
  try {
    return new RegExp(isKnown ? rest.replace(KNOWN, translate) : '[', ignoresCase ? 'iu' : 'u');
  } catch {
    throw new Unknown(`the regular expression ${pattern}`);
  }
}

function translate(token: string): string {
  return TRANSLATIONS[token] ?? (token.length === 2 && PUNCTUATION.test(token) ? token.slice(1) : token);
}
