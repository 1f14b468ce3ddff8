import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../testbed/root.js';

/** Returns the text of a document. */
export function readDocument(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

// Returns the text below a heading, up to the next heading of the same or a higher level.
function readSection(file: string, heading: string): string {
  // In a code block, a line that begins with # is a comment.
  const text = readDocument(file).replace(/^```.*?^```/gms, (block) => block.replaceAll('\n#', '\n\0#'));
  const [before = '', ...after] = text.split(`# ${heading}\n`);
  if (after.length !== 1) {
    throw new Error(`${file} must have one heading "${heading}".`);
  }
  const level = /#*$/.exec(before)?.[0].length ?? 0;
  const [section = ''] = after.join().split(new RegExp(`^#{1,${String(level + 1)}} `, 'm'));
  return section.replaceAll('\0', '');
}

/** Returns the code blocks of a language below a heading, in order. */
export function readBlocks(file: string, heading: string, language: string): string[] {
  const blocks = readSection(file, heading).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...blocks].map(([, code = '']) => code);
}

/** Returns the cells of all table rows below a heading, without the backticks of code. */
export function readRows(file: string, heading: string): string[][] {
  // The row above the dashes is the header.
  const rows = readSection(file, heading).matchAll(/^\| (?!-+ \|)(.*) \|$(?!\n\| -+ \|)/gm);
  return [...rows].map(([, row = '']) =>
    row.split(' | ').map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|')),
  );
}
