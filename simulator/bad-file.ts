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
