import { readFileSync, statSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import type { Deadline } from '../deadline.js';
import { Failure } from '../failures/failure.js';
import { retry } from '../failures/retry.js';
import { Connection } from '../http/connection.js';
import { describeResponse, isSuccess } from '../http/response.js';
import { parseJwt, type Jwt } from '../jwt.js';
import { mask } from '../secrets.js';

// As large as a webhook's payload can be.
const MAX_EVENT_BYTES = 25 * 1024 * 1024;

interface PullRequestEvent {
  pull_request?: { head?: { repo?: { fork?: boolean } | null } };
}

/**
 * Requests an OIDC token for this job from GitHub and masks it. Unlike core.getIDToken, it keeps to the deadline, limits the size of
 * the response, uses the same proxy rules as the requests to Nomad, and does not follow redirects, which would send the job's
 * request token to another server. Throws a Failure if the job may not request a token, or GitHub does not issue one.
 * https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
 */
export async function requestGithubToken(audience: string | undefined, deadline: Deadline): Promise<Jwt> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: endpoint = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer = '' } = process.env;
  if (!URL.canParse(endpoint) || bearer === '') {
    throw describeMissingEndpoint();
  }
  mask(bearer);
  const { origin, pathname, search } = new URL(endpoint);
  const parameter =
    audience === undefined ? '' : `${search === '' ? '?' : '&'}audience=${encodeURIComponent(audience)}`;
  const request = {
    method: 'GET',
    path: pathname + search + parameter,
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${bearer}`,
      'user-agent': `${packageJson.name}/${packageJson.version}`,
    },
  } as const;
  const connection = new Connection('GitHub', origin);
  try {
    return await retry(deadline, async (limitMs) => {
      const response = await connection.send(request, limitMs);
      if (!isSuccess(response)) {
        throw describeResponse('GitHub did not issue an OIDC token', connection.target, response);
      }
      return readToken(response.text);
    });
  } finally {
    connection.close();
  }
}

function readToken(body: string): Jwt {
  let token: unknown;
  try {
    token = (JSON.parse(body) as { value?: unknown } | null)?.value;
  } catch {
    // The parser's own error would quote the body, which may contain a token.
  }
  const jwt = typeof token === 'string' ? parseJwt(token) : undefined;
  if (jwt !== undefined) {
    mask(jwt.token);
    return jwt;
  }
  throw new Failure("GitHub's response does not contain a JWT", { code: 'INVALID_ISSUED_JWT' });
}

function describeMissingEndpoint(): Failure {
  if (process.env['GITHUB_ACTIONS'] !== 'true') {
    return new Failure('There is no GitHub Actions job to request an OIDC token for', { code: 'NOT_IN_ACTIONS' });
  }
  return isFromFork()
    ? new Failure('GitHub does not issue OIDC tokens to pull requests from forks', { code: 'FORK_PULL_REQUEST' })
    : new Failure('This job is not allowed to request an OIDC token from GitHub', { code: 'MISSING_PERMISSION' });
}

// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
function isFromFork(): boolean {
  try {
    const path = process.env['GITHUB_EVENT_PATH'] ?? '';
    const file = statSync(path);
    const isReadable = file.isFile() && file.size > 0 && file.size <= MAX_EVENT_BYTES;
    const event = JSON.parse(isReadable ? readFileSync(path, 'utf8') : '{}') as PullRequestEvent;
    return event.pull_request?.head?.repo?.fork === true;
  } catch {
    return false;
  }
}
