import { readFile } from 'node:fs/promises';

/** A file that the simulator cannot use; the message begins with its name. */
export class BadFile extends Error {
  constructor(
    readonly file: string,
    problem: string,
    readonly line?: number,
  ) {
    super(`${file} ${problem}`);
  }
}

/** Reads a text; throws an error that names the file. */
export function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new BadFile(file, `cannot be read (${(error as NodeJS.ErrnoException).code ?? ''}).`);
  });
}
