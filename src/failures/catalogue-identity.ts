import { Failure, type FailureDetails, type Target } from './failure.js';
import { code, defineKind, network, response, type Kind } from './match.js';

const GITHUB: Target = { peer: 'GitHub', url: 'https://pipelines.actions.githubusercontent.com' };

const isGithub = ({ peer }: Target): boolean => peer === 'GitHub';

const refused = (status: number, body: string): Failure =>
  new Failure(`GitHub did not issue an OIDC token (${String(status)}): ${body}`, {
    target: GITHUB,
    response: { status, body },
  });

const unreached = (said: string, errorCode: string): Failure =>
  new Failure(`Cannot reach GitHub at ${GITHUB.url}: ${said}`, {
    target: GITHUB,
    network: { code: errorCode, hasResponded: false, hadConnected: false, isConnected: false },
  });

/** Failures before the login: malformed inputs, and jobs to which GitHub issues no JWT. */
export const IDENTITY_KINDS: Kind[] = [
  defineKind({
    id: 'invalid-input',
    match: ({ code: actual, input }: FailureDetails) => (actual === 'INVALID_INPUT' ? input : undefined),
    example: () =>
      new Failure('Input timeout must be a whole number of seconds', { code: 'INVALID_INPUT', input: 'timeout' }),
    advice: (input) =>
      `Correct ${input} under "with:" in the step that uses this action (outside a runner: the environment variable INPUT_${input.toUpperCase()}).`,
  }),
  defineKind({
    id: 'invalid-identity-token',
    match: code('INVALID_SUPPLIED_JWT'),
    example: () => new Failure('Input identityToken is not a JWT', { code: 'INVALID_SUPPLIED_JWT' }),
    advice: () =>
      'A JWT has three base64url parts joined by dots, with JSON objects in the first two. Pass the whole token and nothing else, and check that the secret or output that it comes from is set.',
  }),
  defineKind({
    id: 'missing-permission',
    match: code('MISSING_PERMISSION'),
    example: () =>
      new Failure('This job is not allowed to request an OIDC token from GitHub', { code: 'MISSING_PERMISSION' }),
    advice: () =>
      'Add this to the job in the workflow file, and for a reusable workflow also to the job that calls it:\n\n    permissions:\n      contents: read\n      id-token: write\n\nRuns that Dependabot triggers have read-only permissions unless the workflow sets them. Alternatively, set the input identityToken.',
  }),
  defineKind({
    id: 'fork-pull-request',
    match: code('FORK_PULL_REQUEST'),
    example: () =>
      new Failure('GitHub does not issue OIDC tokens to pull requests from forks', { code: 'FORK_PULL_REQUEST' }),
    advice: () =>
      'Permissions cannot change this. Log in to Nomad in a job that runs after the merge (on: push), and skip this step for forks:\n\n    if: github.event.pull_request.head.repo.fork == false',
  }),
  defineKind({
    id: 'not-in-actions',
    match: code('NOT_IN_ACTIONS'),
    example: () =>
      new Failure('There is no GitHub Actions job to request an OIDC token for', { code: 'NOT_IN_ACTIONS' }),
    advice: () => 'Outside GitHub Actions, set the environment variable INPUT_IDENTITYTOKEN to a JWT.',
  }),
  defineKind({
    id: 'github-job-pending',
    retryS: 5,
    match: response(/^403$/, /Can't issue ID_TOKEN for job/i, 'GitHub'),
    example: () => refused(403, "Can't issue ID_TOKEN for job in 'Pending' state"),
    advice: () => 'GitHub had not yet recorded that the job is running. Run the job again.',
  }),
  defineKind({
    id: 'github-unavailable',
    retryS: Infinity,
    match: response(/^(429|5..)$/, undefined, 'GitHub'),
    example: () => refused(503, 'Service Unavailable'),
    advice: () =>
      "GitHub's token endpoint is overloaded or failing. Check https://www.githubstatus.com and run the job again, or set a longer timeout.",
  }),
  defineKind({
    id: 'github-redirect',
    match: response(/^3..$/, undefined, 'GitHub'),
    example: () => refused(302, 'a redirect to https://login.example.com'),
    advice: () =>
      "Redirects are not followed, because they would send the job's request token to another server. Look for a proxy or TLS inspection between the runner and GitHub.",
  }),
  defineKind({
    id: 'github-invalid-response',
    match: (details) => code('INVALID_ISSUED_JWT')(details) ?? network(/HPE_|RESPONSE_TOO_LONG/, isGithub)(details),
    example: () => new Failure("GitHub's response does not contain a JWT", { code: 'INVALID_ISSUED_JWT' }),
    advice: () =>
      'Another server may have answered instead of GitHub. Check the proxy settings of the runner, and https://www.githubstatus.com.',
  }),
  defineKind({
    id: 'github-refused',
    match: response(/^[24]..$/, undefined, 'GitHub'),
    example: () => refused(401, 'The token is expired'),
    advice: () =>
      "Run the job again, because its credentials may have expired. Then check the job's permissions (id-token: write), the input jwtGithubAudience and the OIDC settings of your organization.",
  }),
  defineKind({
    id: 'github-certificate',
    match: network(/CERT|UNABLE_TO|SELF_SIGNED|INVALID_CA|^ERR_(SSL|TLS)/, isGithub),
    example: () => unreached('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'),
    advice: () =>
      "The runner cannot verify the certificate of GitHub's token endpoint. For GitHub Enterprise Server with a private CA, or behind TLS inspection, install the CA on the runner. Alternatively, set NODE_EXTRA_CA_CERTS in the runner's environment to a PEM file that contains the CA.",
  }),
  defineKind({
    id: 'github-unknown-host',
    match: network(/^ENOTFOUND$/, (facts) => isGithub(facts) && facts.proxy === undefined),
    example: () => unreached('getaddrinfo ENOTFOUND pipelines.actions.githubusercontent.com', 'ENOTFOUND'),
    advice: ({ host }) =>
      `This runner cannot resolve the host name ${host}. Correct its DNS settings, or set HTTPS_PROXY.`,
  }),
];
