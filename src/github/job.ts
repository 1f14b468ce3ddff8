import { readFileSync } from 'node:fs';
import type { KindId } from '../failures/catalogue.js';
import { Failure } from '../failures/failure.js';

// Why a job cannot request a JWT, by the variable of its platform: Forgejo also sets GITEA_ACTIONS, and all set GITHUB_ACTIONS.
const REASONS: [variable: string, id: KindId, message: string][] = [
  ['ACT', 'no-token-endpoint', 'act does not issue OIDC tokens'],
  ['FORGEJO_ACTIONS', 'forgejo', 'This job is not allowed to request an OIDC token from Forgejo'],
  ['GITEA_ACTIONS', 'no-token-endpoint', 'This job cannot request an OIDC token from Gitea'],
  ['GITHUB_ACTIONS', 'missing-permission', 'This job is not allowed to request an OIDC token from GitHub'],
];

/** Explains why there is no endpoint from which this job can request a JWT. */
export function explainMissingEndpoint(): Failure {
  const [variable, id, message] = REASONS.find(([name]) => process.env[name]) ?? [
    '',
    'no-token-endpoint',
    'This is not a GitHub Actions job',
  ];
  return variable === 'GITHUB_ACTIONS' && isFromFork()
    ? new Failure('fork-pull-request', 'GitHub does not issue OIDC tokens to pull requests from forks')
    : new Failure(id, message);
}

// The repository of a fork that was deleted is null. Other events, such as pull_request_target, get a token if the permission is granted.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
function isFromFork(): boolean {
  try {
    const { pull_request: pull } = JSON.parse(readFileSync(process.env['GITHUB_EVENT_PATH'] ?? '', 'utf8')) as {
      pull_request: Record<'head' | 'base', { repo: { full_name: string } | null }>;
    };
    return (
      process.env['GITHUB_EVENT_NAME'] !== 'pull_request_target' &&
      pull.head.repo?.full_name !== pull.base.repo?.full_name
    );
  } catch {
    return false;
  }
}
