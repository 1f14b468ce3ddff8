import { fail, type Entries } from './entry.js';

const GITHUB = { url: 'https://pipelines.actions.githubusercontent.com' };

const unreached = (text: string): string => `Cannot reach GitHub at ${GITHUB.url}: ${text}`;

/** The entries for failures before the login. */
export const ACTION_ENTRIES = {
  'invalid-input': {
    sample: fail('action invalid-input', 'Input timeout must be a whole number of seconds', { input: 'timeout' }),
    variants: [
      'Input url must be an http or https address such as https://nomad.example.com:4646.',
      'Input url must not contain credentials; use an Authorization header in the input extraHeaders.',
      'Input tlsSkipVerify must be true or false.',
      'Input tlsServerName must be a DNS name such as server.global.nomad.',
      'Input caCertificate must be PEM text, base64 of PEM text, or the path of a file.',
      'Input caCertificate does not contain a certificate (-----BEGIN CERTIFICATE-----).',
      'Input clientCertificate contains a certificate that expired at 2026-09-01T00:00:00Z; renew it.',
      'Input clientKey does not belong to the (first) certificate in the input clientCertificate.',
      'Input clientKey is encrypted with a passphrase; store the key without one in a secret.',
      'Input extraHeaders has no value on line 1; check that the secret it comes from is set.',
    ],
    why: 'The action checks all inputs before its first request, and its messages never repeat the value of a secret. `must be PEM text` also appears if the input is a path and the file does not exist on the runner.',
    links: ['[Forms of certificates and keys](networking.md#forms-of-certificates-and-keys)'],
  },
  'invalid-proxy': {
    sample: fail(
      'action invalid-proxy',
      'The environment variable HTTPS_PROXY does not contain the address of an HTTP proxy',
    ),
    why: 'The runner passes the variables of its own environment and of its `.env` file to each step.',
    links: ['[Proxies](networking.md#proxies)'],
  },
  'unwritable-file': {
    sample: fail('action unwritable-file', 'This step cannot write to the file that GITHUB_ENV names (EACCES)'),
    why: 'The step checks this before the login, because it could not pass on the token afterwards.',
    links: ['[Containers](networking.md#containers)'],
  },
  'missing-permission': {
    sample: fail('action missing-permission', 'This job is not allowed to request an OIDC token from GitHub'),
    why: 'GitHub only lets a job request a JWT if the job has the permission `id-token: write`. No default setting of a repository or organization includes it. It does not allow the job to write anything in GitHub.',
    check: [
      'Does the job have `permissions` of its own? They replace those of the workflow: a permission that the job does not list is `none`, which is why the example repeats `contents: read` for `actions/checkout`.',
      'Is the job in a reusable workflow? It cannot get more permissions than the job that calls it has.',
      'Does the run use the commit with the change? "Re-run jobs" uses the workflow file of the original commit.',
      'The list "GITHUB_TOKEN Permissions" under "Set up job" does not help: it does not always show `id-token`.',
    ],
    fix: 'Grant the permission only to the job that logs in, so that other jobs cannot request a JWT in its name.',
    links: [
      "[OpenID Connect](https://docs.github.com/en/actions/reference/security/oidc) in GitHub's documentation",
      '[Reusable workflows](examples.md#reusable-workflows)',
      '[Dependabot](nomad-setup.md#dependabot)',
    ],
  },
  'fork-pull-request': {
    sample: fail('action fork-pull-request', 'GitHub does not issue OIDC tokens to pull requests from forks'),
    why: 'Anyone can open a pull request from a fork and change what its jobs run. With a JWT, that code could log in to your cluster, so GitHub issues none.',
    check: [
      'Does the job need Nomad for a pull request at all? Building and testing usually do not.',
      'Was the fork deleted in the meantime? Its pull requests still count as coming from a fork.',
    ],
    fix: 'Keep the steps that need Nomad in a workflow with `on: push`. Do not replace `pull_request` with `pull_request_target` and then check out the code of the pull request: that runs the code of the fork with the permissions of your repository. Pull requests from branches of your own repository do get a JWT, but need a binding rule of their own.',
    links: ['[Read-only plan on pull requests](examples.md#read-only-plan-on-pull-requests)'],
  },
  'not-in-actions': {
    sample: fail('action not-in-actions', 'This is not a GitHub Actions job'),
    why: 'Outside a job, there is no address to request a JWT from, so you need one from another issuer.',
    links: ['[By hand](tokens-in-other-systems.md#by-hand)'],
  },
  act: {
    sample: fail('action act', 'act does not issue OIDC tokens'),
    why: "act runs jobs on your machine, and only GitHub's own service can sign their JWTs.",
    links: ['[Tokens in other systems](tokens-in-other-systems.md)'],
  },
  forgejo: {
    sample: fail('action forgejo', 'This job is not allowed to request an OIDC token from Forgejo'),
    why: 'Forgejo has its own key for this setting and ignores `permissions`.',
    links: ['[Forgejo and Gitea](tokens-in-other-systems.md#forgejo-and-gitea)'],
  },
  gitea: {
    sample: fail('action gitea', 'This job cannot request an OIDC token from Gitea'),
    why: 'Gitea runs actions made for GitHub, but has no endpoint for JWTs.',
    links: ['[Forgejo and Gitea](tokens-in-other-systems.md#forgejo-and-gitea)'],
  },
  'github-job-pending': {
    sample: fail(
      "github 403 Can't issue ID_TOKEN for job in 'Pending' state",
      "GitHub did not issue an OIDC token (403): Can't issue ID_TOKEN for job in 'Pending' state",
      GITHUB,
    ),
    why: 'This happens when a job starts faster than the services of GitHub exchange its state, mostly during incidents.',
  },
  'github-unavailable': {
    sample: fail(
      'github 503 Service Unavailable',
      'GitHub did not issue an OIDC token (503): Service Unavailable',
      GITHUB,
    ),
    why: 'The toolkit of GitHub first repeats the request by itself for about 10 seconds, without a log line.',
    links: ['[Retries and timeouts](networking.md#retries-and-timeouts)'],
  },
  'github-refused': {
    sample: fail(
      'github 401 The token is expired.',
      'GitHub did not issue an OIDC token (401): The token is expired.',
      GITHUB,
    ),
    why: 'The credentials with which a job requests a JWT are only valid while the job runs.',
  },
  'github-invalid-response': {
    sample: fail('github invalid-response', "GitHub's response does not contain a JWT", GITHUB),
    why: 'Step debugging shows the text in which the toolkit of GitHub describes the response.',
    links: ['[Find out more](#find-out-more)'],
  },
  'github-certificate': {
    sample: fail(
      'github error self-signed certificate in certificate chain',
      unreached('self-signed certificate in certificate chain'),
      GITHUB,
    ),
    why: "The input `caCertificate` does not apply here, because it is only for Nomad's certificate.",
    links: ['[TLS and trust stores](networking.md#tls-and-trust-stores)'],
  },
  'github-unknown-host': {
    sample: fail(
      'github error getaddrinfo ENOTFOUND pipelines.actions.githubusercontent.com',
      unreached('getaddrinfo ENOTFOUND pipelines.actions.githubusercontent.com'),
      GITHUB,
    ),
    why: 'The name differs from that of the server that assigns jobs, so a runner can receive jobs and still not resolve it.',
  },
  'github-unreachable': {
    sample: fail('github error read ECONNRESET', unreached('read ECONNRESET'), GITHUB),
    why: 'A firewall that filters by name must allow `*.actions.githubusercontent.com`.',
    links: ['[Proxies](networking.md#proxies)'],
  },
} satisfies Entries;
