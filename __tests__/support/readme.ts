import * as docs from './docs.js';

const FILE = 'README.md';

export { ROOT } from './docs.js';

/** The README's text. */
export const README = docs.readDocument(FILE);

/** Returns the text below a heading of the README, up to the next heading of the same or a higher level. */
export const readSection = (heading: string): string => docs.readSection(FILE, heading);

/** Returns the code blocks of a language below a heading of the README, in order. */
export const readBlocks = (heading: string, language: string): string[] => docs.readBlocks(FILE, heading, language);

/** Returns the cells of the rows of all tables below a heading of the README, without the backticks of code. */
export const readRows = (heading: string): string[][] => docs.readRows(FILE, heading);
