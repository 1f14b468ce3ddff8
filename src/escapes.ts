// One character as URLs, JSON and HTML escape it.
const ESCAPED =
  /%[0-7][\da-f]|%[c-f][\da-f](?:%[89ab][\da-f]){1,3}|\\u[\da-f]{4}|\\x[\da-f]{2}|\\[/"'\\bfnrt]|&(?:#0*\d{1,6}|#x0*[\da-f]{1,5}|amp|lt|gt|quot|apos);/gi;
const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** A part of a text, and where it begins and ends there. */
export type Piece = [text: string, from: number, to: number];

/** Splits a text into its characters; with `unescaping`, it decodes the escapes of URLs, JSON and HTML. */
export function* split(text: string, unescaping: boolean): Generator<Piece> {
  let at = 0;
  for (const match of unescaping ? text.matchAll(ESCAPED) : []) {
    for (; at < match.index; at += 1) {
      yield [text.charAt(at), at, at + 1];
    }
    at += match[0].length;
    yield [unescape(match[0]), match.index, at];
  }
  for (; at < text.length; at += 1) {
    yield [text.charAt(at), at, at + 1];
  }
}

function unescape(text: string): string {
  if (text.startsWith('%')) {
    return Buffer.from(text.replaceAll('%', ''), 'hex').toString();
  }
  if (text.startsWith('\\')) {
    const isWhiteSpace = /^\\[bfnrt]$/i.test(text);
    return isWhiteSpace ? ' ' : text.length === 2 ? text.charAt(1) : String.fromCharCode(parseInt(text.slice(2), 16));
  }
  const name = text.slice(1, -1).toLowerCase();
  return (
    NAMED[name] ?? String.fromCodePoint(name.startsWith('#x') ? parseInt(name.slice(2), 16) : Number(name.slice(1)))
  );
}
