import type { RequestListener } from 'node:http';
import type { ServerOptions } from 'node:https';
import { runMain, type StageResult } from '../../testbed/runner.js';
import { listen } from '../../testbed/server.js';
import { CANNED_TOKEN } from './canned-token.js';

/** The token with which the job requests its OIDC token. */
export const REQUEST_TOKEN = 'request-hunter2-hunter2';

/** Returns an unsigned JWT. */
export function createJwt(claims: unknown, signature = 'c2lnbmF0dXJlLWh1bnRlcjI'): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return `e30.${Buffer.from(text).toString('base64url')}.${signature}`;
}

/** The result of a login with a special token endpoint of GitHub. */
export interface EndpointRun {
  result: StageResult;
  /** The requests that reached the endpoint: their method, URL and Authorization header. */
  requests: string[];
}

/** Options of a login with a special token endpoint. */
export interface EndpointOptions {
  inputs?: Record<string, string>;
  env?: Record<string, string>;
  command?: string[];
  tls?: ServerOptions;
  /** The server that is used as Nomad, which by default responds with a token. */
  nomad?: RequestListener;
  /** The host in the address of the endpoint, by default 127.0.0.1. */
  host?: string;
}

/** Runs a login in a job with the given token endpoint, and by default with a Nomad that accepts any JWT. */
export async function logInThrough(
  respond: RequestListener,
  { inputs = {}, env = {}, command, tls, nomad, host }: EndpointOptions = {},
): Promise<EndpointRun> {
  const requests: string[] = [];
  const acceptAll: RequestListener = (_, response) => response.end(JSON.stringify(CANNED_TOKEN));
  const [server, endpoint] = await Promise.all([
    listen(nomad ?? acceptAll),
    listen((request, response) => {
      requests.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''}`);
      respond(request, response);
    }, tls),
  ]);
  try {
    const url = host === undefined ? endpoint.url : endpoint.url.replace('127.0.0.1', host);
    const result = await runMain({
      inputs: { url: server.url, ...inputs },
      env: {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/idtoken?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
        ...env,
      },
      ...(command !== undefined && { command }),
    });
    return { result, requests };
  } finally {
    await Promise.all([server.close(), endpoint.close()]);
  }
}
