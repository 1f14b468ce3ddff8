import type { Kind } from '../catalogue.js';

/** Kinds of failures before the first request. */
export const ACTION_KINDS = {
  'invalid-input': {
    advice: ({ input }) =>
      `Correct ${input} under "with:" in this step, or the environment variable INPUT_${input.toUpperCase()} if you run the action by hand.`,
  },
  'invalid-proxy': {
    advice: `Set it to an address such as http://USER:PASSWORD@proxy.example.com:3128, or unset it on the runner. Percent-encode special characters in the user name and password, such as %23 for # and %5C for a backslash. SOCKS proxies are not supported.`,
  },
  'unwritable-file': {
    advice: `The user of the container's image probably cannot write the runner's files. Under container: in the workflow, set this, or the runner's user ID (1001 on GitHub-hosted runners):\n\n    options: --user root\n\nOutside a runner, set GITHUB_ENV, GITHUB_OUTPUT and GITHUB_STATE to the paths of files.`,
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
} satisfies Record<string, Kind>;
