/** An error response with Nomad's status and text. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}

/** The response to a request of which the fake Nomad is not sure how a real one answers. */
export class Unknown extends Refusal {
  constructor(what: string) {
    super(501, `the fake Nomad does not know ${what}; set NOMAD_BIN to the path of a nomad program`);
  }
}

/** Returns the refusal of a JWT that does not verify. */
export function invalidJwt(text: string): Refusal {
  return new Refusal(401, `unable to validate provided token: unable to verify signature of JWT token: ${text}`);
}

/** Throws a refusal that lists the problems as Go does; the others are false. */
export function refuse(what: string, problems: (string | false)[]): void {
  const errors = problems.filter((problem) => problem !== false);
  if (errors.length > 0) {
    const count = errors.length === 1 ? '1 error' : `${String(errors.length)} errors`;
    throw new Refusal(400, `${what}: ${count} occurred:\n${errors.map((text) => `\t* ${text}\n`).join('')}\n`);
  }
}
