import type { Deadline } from '../deadline.js';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import type { Inputs } from '../inputs/inputs.js';
import type { Jwt } from '../jwt.js';
import type { NomadApi } from './api.js';
import { parseToken, readNames, type NomadToken } from './token.js';

/** Lists the auth methods of type JWT, which needs no token; undefined if that fails. */
export async function listMethods(nomad: NomadApi, limitMs: number): Promise<string[] | undefined> {
  try {
    const { status, text } = await nomad.send({ method: 'GET', path: '/v1/acl/auth-methods' }, limitMs);
    const methods = JSON.parse(text) as { Type: unknown }[];
    return status === 200 ? readNames(methods.filter(({ Type }) => Type === 'JWT')) : undefined;
  } catch {
    return undefined;
  }
}

/** Exchanges a JWT for an ACL token and masks it: https://developer.hashicorp.com/nomad/api-docs/acl/login */
export async function logIn(
  nomad: NomadApi,
  jwt: Jwt,
  { identityToken, methodName, connection: { url } }: Inputs,
  deadline: Deadline,
): Promise<NomadToken> {
  const body = { AuthMethodName: methodName, LoginToken: jwt.token };
  const facts = { url, jwt, methodName, isJwtSupplied: identityToken !== undefined };
  try {
    return await retry(deadline, async (limitMs) => {
      const response = await nomad.send({ method: 'POST', path: '/v1/acl/login', body }, limitMs);
      if (response.status !== 200) {
        throw nomad.refuse('Nomad refused the login', response, facts);
      }
      try {
        return parseToken(response.text);
      } catch {
        throw new Failure('nomad 200', "Nomad's response does not contain a valid token", facts);
      }
    });
  } catch (error) {
    if (error instanceof Failure && /^nomad 400 .*auth-method/.test(error.sign)) {
      error.facts.methods = await listMethods(nomad, deadline.attemptMs);
    }
    throw error;
  }
}
