import { SIXTH } from '../../time.js';
import type { Kind } from '../catalogue.js';
import { address, host, variable, VERIFICATION } from './facts.js';

/** Kinds of failures in the job itself, on the way to GitHub, and at a proxy. */
export const JOB_KINDS = {
  'invalid-input': {
    advice: `Correct it under "with:" in this step, or in the environment variable INPUT_NAME if you run the action by hand.`,
  },
  'invalid-proxy': {
    advice: `Set it to an address such as http://USER:PASSWORD@proxy.example.com:3128, or unset it on the runner. Percent-encode special characters in the user name and password, such as %23 for # and %5C for a backslash. SOCKS proxies are not supported.`,
  },
  'unwritable-file': {
    advice: `In a container job, the user of the image probably cannot write the runner's files: under container: in the workflow, set this, or the runner's user ID (1001 on GitHub-hosted runners):\n\n    options: --user root\n\nIf you run this action by hand, set GITHUB_ENV, GITHUB_OUTPUT and GITHUB_STATE to the paths of files.`,
  },
  'missing-permission': {
    advice: `Add this to the job in the workflow file, and for a reusable workflow also to the job that calls it:\n\n    permissions:\n      contents: read\n      id-token: write\n\nPull requests from forks get no token, whatever the permissions. Skip this step for them:\n\n    if: github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository\n\nIf the input identityToken is set, the secret or output that it comes from is empty in this job.`,
  },
  'no-token-endpoint': {
    advice: `Set the input identityToken (by hand, the environment variable INPUT_IDENTITYTOKEN) to a JWT of another issuer that Nomad trusts. Forgejo 15 or later issues one to jobs with enable-openid-connect: true, but not to pull requests from forks. In a workflow that also runs in act, skip this step there:\n\n    if: \${{ !env.ACT }}`,
  },
  // Everything that no other kind describes, such as a full disk.
  unexpected: {
    advice: `This action has no advice for this failure. Run the job again with step debugging (the secret ACTIONS_STEP_DEBUG set to true), and open an issue with the log if it persists.`,
  },
  'github-job-pending': {
    from: [/github/, /403/, /^Can't issue ID_TOKEN for job in '(Pending|Delayed)' state/],
    retry: SIXTH,
    advice: `GitHub had not yet recorded that the job is running. Run the job again.`,
  },
  'runner-trust-store': {
    to: [/github|proxy/, new RegExp(`^(EPROTO|ERR_SSL|ERR_TLS)|${VERIFICATION.source}`)],
    useSystemTrust: true,
    advice: (facts) =>
      facts.to === 'github'
        ? "The runner cannot verify the certificate of GitHub's token endpoint. For GitHub Enterprise Server with a private CA, or behind TLS inspection, install the CA on the runner, or set NODE_EXTRA_CA_CERTS in its environment to a PEM file with the CA."
        : `The TLS connection to the proxy fails, not the one to ${host(facts)}. Check the address in ${variable(facts)}: most proxies are addressed with http://. If the proxy uses TLS with a private CA, install the CA on the runner or set NODE_EXTRA_CA_CERTS; the input caCertificate is only for Nomad.`,
  },
  'github-unavailable': {
    from: [/github/, /^(408|429|5\d\d)/],
    to: [/github/, /^(?!HPE_)/],
    retry: 1,
    advice: (facts) =>
      facts.status > 0
        ? `GitHub's token endpoint is overloaded or failing. Check https://www.githubstatus.com and run the job again, or set a longer timeout.`
        : `GitHub's token endpoint does not respond, or the network is failing. A self-hosted runner must be able to reach ${host(facts)}, ${facts.proxy ? `which the log of the proxy ${facts.proxy.origin} shows` : 'through HTTPS_PROXY if necessary'}. Otherwise check https://www.githubstatus.com.`,
  },
  'github-refused': {
    from: [/github/],
    to: [/github/],
    advice: ({ status }) =>
      status >= 400
        ? `Run the job again, because its credentials may have expired. Then check the job's permissions (id-token: write), the input jwtGithubAudience and the OIDC settings of your organization.`
        : `Another server may have answered instead of GitHub. Check the proxy settings of the runner, and https://www.githubstatus.com.`,
  },
  'proxy-unavailable': {
    from: [/proxy/, /^(408|429|5\d\d)/],
    retry: 1,
    advice: (facts) =>
      `The proxy cannot reach ${address(facts)}. Check that the server is running, and that the proxy can resolve its name and reach it. If the runner reaches the server directly, add ${host(facts)} to NO_PROXY.`,
  },
  'proxy-refused': {
    from: [/proxy/],
    advice: (facts) =>
      facts.status === 407
        ? `The proxy does not accept the credentials in ${variable(facts)}, or there are none. Correct them there (http://USER:PASSWORD@proxy.example.com:3128, with special characters percent-encoded), or add ${host(facts)} to NO_PROXY. Only Basic authentication works: for Negotiate or NTLM, use a local proxy such as Cntlm.`
        : `The proxy does not allow connections to ${address(facts)}. Allow this host and port there (many proxies only allow port 443). If this is not a proxy, correct ${variable(facts)}. If the runner reaches the server directly, add ${host(facts)} to NO_PROXY.`,
  },
  'proxy-unreachable': {
    to: [/proxy/],
    retry: SIXTH,
    advice: (facts) =>
      `${facts.reached === 'nothing' ? 'The proxy itself cannot be reached' : 'The proxy closes the connection before it opens a tunnel'}. Correct its address in ${variable(facts)}, or add ${host(facts)} to NO_PROXY.`,
  },
} satisfies Record<string, Kind>;
