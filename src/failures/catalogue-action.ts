import { SIXTH, type Kinds } from './failure.js';

/** Failures before the login: malformed inputs, and jobs to which GitHub issues no JWT. */
export const ACTION_KINDS = {
  'invalid-input': {
    match: /^action invalid-input/,
    advice: ({ input }) =>
      process.env['GITHUB_ACTIONS'] === 'true'
        ? `Correct ${input} under "with:" in the step that uses this action.`
        : `Correct the environment variable INPUT_${input.toUpperCase()}.`,
  },
  'invalid-proxy': {
    match: /^action invalid-proxy/,
    advice:
      'Set it to an address such as http://USER:PASSWORD@proxy.example.com:3128, or unset it on the runner. Percent-encode special characters in the user name and password, such as %23 for # and %5C for a backslash. SOCKS proxies are not supported.',
  },
  'unwritable-file': {
    match: /^action unwritable-file/,
    advice:
      "Usually, the image of the job's container runs as a user who cannot write the runner's files. Run it as root, with this under container: in the workflow, or use an image whose user has the runner's user ID (1001 on GitHub-hosted runners):\n\n    options: --user root",
  },
  'missing-permission': {
    match: /^action missing-permission/,
    advice:
      'Add this to the job in the workflow file, and for a reusable workflow also to the job that calls it:\n\n    permissions:\n      contents: read\n      id-token: write\n\nRuns that Dependabot triggers have read-only permissions unless the workflow sets them. If you have set the input identityToken, the secret or output that it comes from is empty in this job.',
  },
  'fork-pull-request': {
    match: /^action fork-pull-request/,
    advice:
      "The permissions in the workflow cannot change this. Log in to Nomad in a job that runs after the merge (on: push), and skip this step for forks:\n\n    if: github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository",
  },
  'not-in-actions': {
    match: /^action not-in-actions/,
    advice: 'Outside GitHub Actions, set the environment variable INPUT_IDENTITYTOKEN to a JWT.',
  },
  act: {
    match: /^action act$/,
    advice:
      'Set the input identityToken to a JWT of another issuer that Nomad trusts, or skip this step in act:\n\n    if: ${{ !env.ACT }}',
  },
  forgejo: {
    match: /^action forgejo/,
    advice:
      'Add this to the job in the workflow file (Forgejo 15 or later), or set the input identityToken. Forgejo does not issue tokens to pull requests from forks:\n\n    enable-openid-connect: true',
  },
  gitea: {
    match: /^action gitea/,
    advice:
      'This server does not offer OIDC tokens to its jobs. Set the input identityToken to a JWT of another issuer that Nomad trusts.',
  },
  'github-job-pending': {
    retry: SIXTH,
    match: /^github 403 .*Can't issue ID_TOKEN for job in '(Pending|Delayed)' state/i,
    advice: 'GitHub had not yet recorded that the job is running. Run the job again.',
  },
  'github-unavailable': {
    retry: 1,
    match: /^github (408|429|5\d\d)/,
    advice:
      "GitHub's token endpoint is overloaded or failing. Check https://www.githubstatus.com and run the job again, or set a longer timeout.",
  },
  'github-refused': {
    match: /^github \d/,
    advice:
      "Run the job again, because its credentials may have expired. Then check the job's permissions (id-token: write), the input jwtGithubAudience and the OIDC settings of your organization.",
  },
  'github-invalid-response': {
    match: /^github (invalid-response|error .*(Parse Error|Unexpected|JSON))/,
    advice:
      'Another server may have answered instead of GitHub. Check the proxy settings of the runner, and https://www.githubstatus.com.',
  },
  'github-certificate': {
    match: /^github error (?!.*disconnected).*(certificate|altname|EPROTO|SSL|TLS|issuer)/i,
    advice:
      "The runner cannot verify the certificate of GitHub's token endpoint. For GitHub Enterprise Server with a private CA, or behind TLS inspection, install the CA on the runner. Alternatively, set NODE_EXTRA_CA_CERTS in the runner's environment to a PEM file that contains the CA.",
  },
  'github-unknown-host': {
    retry: SIXTH,
    match: /^github error .*(ENOTFOUND|EAI_AGAIN)/,
    advice: ({ url }) =>
      `This runner cannot resolve the host name ${new URL(url).hostname}. Correct its DNS settings, or set HTTPS_PROXY.`,
  },
  'github-unreachable': {
    retry: 1,
    match: /^github/,
    advice: ({ url }) =>
      `GitHub's token endpoint does not respond, or the network is failing. A self-hosted runner must be able to reach ${new URL(url).hostname}, through HTTPS_PROXY if necessary. Otherwise check https://www.githubstatus.com.`,
  },
} as const satisfies Kinds;
