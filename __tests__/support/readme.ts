import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository's folder. */
export const ROOT = join(import.meta.dirname, '../..');

/** The README's text. */
export const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Returns what stands below a heading, down to the next one of its level or above. */
export function readSection(heading: string): string {
  const [before = '', section = ''] = README.split(new RegExp(`^(#+) ${heading}\\n`, 'm')).slice(1);
  return section.split(new RegExp(`^#{1,${String(before.length)}} `, 'm'))[0] ?? '';
}

/** Returns the code blocks of a language below a heading, in order. */
export function readBlocks(heading: string, language: string): string[] {
  const blocks = readSection(heading).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...blocks].map(([, code = '']) => code);
}

/** Returns the cells of a table's rows below a heading, without the back-ticks of code. */
export function readRows(heading: string): string[][] {
  const rows = readSection(heading)
    .split('\n')
    .filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) =>
    row
      .split(' | ')
      .map((cell) => cell.replace(/^\| | \|$/g, '').trim())
      .map((cell) => cell.replaceAll('`', '')),
  );
}
