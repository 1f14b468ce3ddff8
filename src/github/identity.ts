import { readFileSync } from 'node:fs';
import * as core from '@actions/core';
import { withTimeout, type Deadline } from '../deadline.js';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import type { Inputs } from '../inputs/inputs.js';
import { parseJwt, type Jwt } from '../jwt.js';
import { describeWay, findProxy, type Proxy } from '../proxy.js';
import { mask, quote } from '../secrets.js';
import { formatSeconds } from '../times.js';

// Why a job cannot request a JWT, by the variable of its platform: Forgejo also sets GITEA_ACTIONS, and all set GITHUB_ACTIONS.
const REASONS: [variable: string, sign: string, message: string][] = [
  ['ACT', 'action act', 'act does not issue OIDC tokens'],
  ['FORGEJO_ACTIONS', 'action forgejo', 'This job is not allowed to request an OIDC token from Forgejo'],
  ['GITEA_ACTIONS', 'action gitea', 'This job cannot request an OIDC token from Gitea'],
  ['GITHUB_ACTIONS', 'action missing-permission', 'This job is not allowed to request an OIDC token from GitHub'],
];
const NO_JOB: [string, string, string] = ['', 'action not-in-actions', 'This is not a GitHub Actions job'];

/** Returns the supplied JWT or, if there is none, an OIDC token that GitHub issues for this job; throws a Failure if neither is available. */
export async function getIdentity(
  { identityToken, jwtGithubAudience }: Pick<Inputs, 'identityToken' | 'jwtGithubAudience'>,
  deadline: Deadline,
): Promise<Jwt> {
  if (identityToken === undefined) {
    return requestJwt(jwtGithubAudience, deadline);
  }
  const jwt = parseJwt(identityToken);
  if (jwt === undefined) {
    throw new Failure('action malformed-jwt', 'Input identityToken is not a JWT');
  }
  return jwt;
}

// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
async function requestJwt(audience: string | undefined, deadline: Deadline): Promise<Jwt> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: endpoint = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer = '' } = process.env;
  if (!URL.canParse(endpoint) || bearer === '') {
    throw new Failure(...describeJob());
  }
  mask(bearer);
  const url = new URL(endpoint).origin;
  const proxy = findProxy(new URL(endpoint));
  return retry(deadline, async (limitMs) => {
    const onTimeout = (): Failure =>
      new Failure('github no-response', `GitHub at ${url} did not respond within ${formatSeconds(limitMs)}`, { url });
    const token = await withTimeout(limitMs, getIdToken(audience), onTimeout).catch((error: unknown) => {
      throw error instanceof Failure ? error : describe((error as Error).message, url, proxy);
    });
    const jwt = typeof token === 'string' ? parseJwt(token) : undefined;
    if (jwt === undefined) {
      throw describe('', url, proxy);
    }
    mask(jwt.token);
    return jwt;
  });
}

// For some responses, the toolkit throws where its caller cannot catch the error. The value in a response can be anything.
function getIdToken(audience: string | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    process.once('uncaughtException', reject);
    void core
      .getIDToken(audience)
      .then(resolve, reject)
      .finally(() => process.off('uncaughtException', reject));
  });
}

// The errors of the toolkit only differ in their text. Without a response, their status is the text "undefined".
function describe(text: string, url: string, proxy: Proxy | undefined): Failure {
  // At the end, Node may advise changing how it is started.
  const [, status = '', said = ''] =
    /Error Code : (\w+)\s+Error Message: (.*?)(?:; if the root CA is installed locally.*)?$/s.exec(text) ?? [];
  if (status === '') {
    return new Failure('github invalid-response', "GitHub's response does not contain a JWT", { url });
  }
  if (status !== 'undefined') {
    const message = `GitHub did not issue an OIDC token (${status}): ${quote(said) || 'an empty response'}`;
    return new Failure(`github ${status} ${said}`, message, { url });
  }
  const isProxys = proxy !== undefined && said.startsWith('tunneling socket');
  const reason = said.replace(/^tunneling socket .*statusCode=/, 'the proxy answered ');
  const sign = isProxys ? `proxy ${reason.replace('the proxy answered ', '')}` : `github error ${said}`;
  return new Failure(sign, `Cannot reach GitHub at ${url}${describeWay(proxy)}: ${quote(reason)}`, { url, proxy });
}

function describeJob(): [sign: string, message: string] {
  const [variable, ...reason] = REASONS.find(([name]) => process.env[name]) ?? NO_JOB;
  return variable === 'GITHUB_ACTIONS' && isFromFork()
    ? ['action fork-pull-request', 'GitHub does not issue OIDC tokens to pull requests from forks']
    : reason;
}

// The repository of a fork that was deleted is null. https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
function isFromFork(): boolean {
  try {
    const event = JSON.parse(readFileSync(process.env['GITHUB_EVENT_PATH'] ?? '', 'utf8')) as {
      pull_request: { head: { repo: { fork: boolean } | null } };
    };
    return event.pull_request.head.repo?.fork !== false;
  } catch {
    return false;
  }
}
