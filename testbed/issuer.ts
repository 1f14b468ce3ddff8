import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import exampleClaims from '../jws-example.json' with { type: 'json' };
import { listen } from './server.js';

/** The issuer of GitHub's JWTs: https://docs.github.com/en/actions/reference/security/oidc */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';

const JWKS_PATH = '/.well-known/jwks';
const LIFETIME_S = 5 * 60;

/** How a JWT differs from the usual one. */
export interface IssueOptions {
  /** Claims that replace those of jws-example.json; undefined removes a claim. */
  claims?: Record<string, unknown>;
  /** Sign with a key that the issuer does not publish. */
  forged?: boolean;
}

/** A fake GitHub issuer: the part of GitHub's OIDC provider that jobs and Nomad use. */
export interface Issuer {
  url: string;
  jwksUrl: string;
  publicKey: string;
  /** The variables that GitHub sets for a job that may request an OIDC token. */
  environment: Record<string, string>;
  /** Starts another job, whose JWTs have these claims instead of those of jws-example.json; returns its environment. */
  startJob(claims: Record<string, unknown>): Record<string, string>;
  issue(options?: IssueOptions): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts a fake GitHub issuer with its own key, whose JWTs have the claims of jws-example.json and current times.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export async function startIssuer(): Promise<Issuer> {
  const kid = randomUUID();
  const keys = await generateKeyPair('RS256', { extractable: true });
  const jobs = new Map<string, Record<string, unknown>>();

  async function issue({ claims = {}, forged = false }: IssueOptions = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const times = { nbf: now - 2 * LIFETIME_S, iat: now, exp: now + LIFETIME_S };
    const { privateKey } = forged ? await generateKeyPair('RS256') : keys;
    return new SignJWT({ ...exampleClaims, jti: randomUUID(), ...times, ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
      .sign(privateKey);
  }

  const server = await listen((request, response) => {
    const url = new URL(request.url ?? '/', 'http://issuer.example.com');
    answer(request, url).then(
      ([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });

  async function answer(request: IncomingMessage, url: URL): Promise<[status: number, body: unknown]> {
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return [200, { issuer: server.url, jwks_uri: `${server.url}${JWKS_PATH}` }];
      case JWKS_PATH:
        return [200, { keys: [{ ...(await exportJWK(keys.publicKey)), kid, alg: 'RS256', use: 'sig' }] }];
      case '/idtoken': {
        const job = jobs.get(request.headers.authorization ?? '');
        if (job === undefined) {
          return [401, { message: 'The bearer token does not belong to a job.' }];
        }
        const { repository_owner: owner } = { ...exampleClaims, ...(job as { repository_owner?: string }) };
        const aud = url.searchParams.get('audience') ?? `https://github.com/${owner}`;
        return [200, { value: await issue({ claims: { ...job, aud } }) }];
      }
      default:
        return [404, { message: 'Not found' }];
    }
  }

  function startJob(claims: Record<string, unknown>): Record<string, string> {
    const requestToken = `request-${randomUUID()}`;
    jobs.set(`Bearer ${requestToken}`, claims);
    return {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/idtoken?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    };
  }

  return {
    url: server.url,
    jwksUrl: `${server.url}${JWKS_PATH}`,
    publicKey: await exportSPKI(keys.publicKey),
    environment: startJob({}),
    startJob,
    issue,
    close: () => server.close(),
  };
}
