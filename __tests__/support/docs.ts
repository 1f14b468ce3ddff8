import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root folder of the repository. */
export const ROOT = join(import.meta.dirname, '../..');

/** Returns the text of a document. */
export function readDocument(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Returns the text below a heading of a document, up to the next heading of the same or a higher level. */
export function readSection(file: string, heading: string): string {
  const lines = readDocument(file).split('\n');
  const levels = findLevels(lines);
  const start = lines.findIndex((line, index) => levels[index] !== undefined && line.replace(/^#+ /, '') === heading);
  const level = levels[start];
  if (level === undefined) {
    throw new Error(`${file} has no heading "${heading}".`);
  }
  const length = levels.slice(start + 1).findIndex((other) => other !== undefined && other <= level);
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

// The level of each line that is a heading. In a code block, a line that begins with # is a comment.
function findLevels(lines: string[]): (number | undefined)[] {
  let isCode = false;
  return lines.map((line) => {
    isCode = line.startsWith('```') ? !isCode : isCode;
    return isCode ? undefined : /^(#+) /.exec(line)?.[1]?.length;
  });
}

/** Returns the code blocks of a language below a heading, in order. */
export function readBlocks(file: string, heading: string, language: string): string[] {
  const blocks = readSection(file, heading).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...blocks].map(([, code = '']) => code);
}

/** Returns the cells of all table rows below a heading, without the backticks of code. */
export function readRows(file: string, heading: string): string[][] {
  const tables = readSection(file, heading).matchAll(/(?:^\|.*\n)+/gm);
  return [...tables].flatMap(([table]) =>
    table
      .trimEnd()
      .split('\n')
      .slice(2)
      .map((row) =>
        row
          .slice(2, -2)
          .split(' | ')
          .map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|')),
      ),
  );
}
