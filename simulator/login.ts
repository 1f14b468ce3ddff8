import type { Token } from '../testbed/nomad-api.js';

/** Nomad's response to a login. */
export type LoginAnswer = { token: Token } | { token: undefined; status: number; refusal: string };

/** Logs in to Nomad over its API. */
export async function logIn(url: string, AuthMethodName: string, LoginToken: string): Promise<LoginAnswer> {
  const response = await fetch(`${url}/v1/acl/login`, {
    method: 'POST',
    body: JSON.stringify({ AuthMethodName, LoginToken }),
  });
  return response.ok
    ? { token: (await response.json()) as Token }
    : { token: undefined, status: response.status, refusal: shorten(await response.text()) };
}

// Nomad adds the same prefix to each reason for refusing a JWT.
function shorten(answer: string): string {
  return answer
    .replace(/unable to (?:validate provided token|verify signature of JWT token): /g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
