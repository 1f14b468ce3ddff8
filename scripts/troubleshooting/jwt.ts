import { refuse, refuseJwt, type Entries } from './entry.js';

const CLAIMS = '[Claims and selectors](claims-and-selectors.md)';
const MISTAKES = '[Common mistakes](claims-and-selectors.md#common-mistakes)';
const RULES = '[Binding rules](claims-and-selectors.md#binding-rules)';
const KEYS = '[Where Nomad finds the keys](claims-and-selectors.md#where-nomad-finds-the-keys)';
const OTHER_SYSTEMS = '[Tokens in other systems](tokens-in-other-systems.md)';
const ENTERPRISE = '[GitHub Enterprise](nomad-setup.md#github-enterprise)';

const SIGNATURE = 'unable to verify signature of JWT token';

/** The entries for refusals for which Nomad judged the JWT. */
export const JWT_ENTRIES = {
  'audience-mismatch': {
    sample: refuse(
      401,
      `unable to validate provided token: ${SIGNATURE}: invalid audience (aud) claim: audience claim does not match any expected audience`,
    ),
    why: 'The `aud` claim says for whom a JWT was issued. `BoundAudiences` makes Nomad refuse a JWT that was issued for another service, which could otherwise use it to log in. One match is enough, and both can contain several audiences.',
    check: [
      'Is the audience in the error `https://github.com/OWNER`? Then `jwtGithubAudience` is not set, or the variable that it comes from is empty in this job.',
      'Is it the right method? Each method has audiences of its own: `nomad acl auth-method info -json NAME` shows them.',
    ],
    fix: 'Use an audience that stands for this one cluster, such as its address, and set it in both places. To change it without an interruption, add the new audience to `BoundAudiences`, change the workflows, then remove the old one.',
    links: ['[Auth method](nomad-setup.md#auth-method)', OTHER_SYSTEMS],
  },
  'issuer-mismatch': {
    sample: refuseJwt('invalid JWT issuer: https://github.example.com/_services/token', {
      iss: 'https://github.example.com/_services/token',
    }),
    why: 'The `iss` claim says who issued the JWT. Nomad compares it with `BoundIssuer` character by character, after it has verified the signature.',
    check: [
      'Do you know the issuer? Anyone whose JWTs it signs could then log in, limited only by your binding rules.',
      'Did your enterprise switch on its own issuer? Then `iss` ends in the name of the enterprise, and changes for all its repositories at once.',
      'Did you change an existing method on Nomad 1.5? It ignores a change that only concerns `BoundIssuer`, `JWKSURL`, keys or leeways: delete the method and create it again.',
    ],
    fix: 'If jobs of several issuers log in to the cluster, create one auth method for each, because a method has one source of keys. Correct `JWKSURL` together with `BoundIssuer`.',
    links: [ENTERPRISE, OTHER_SYSTEMS],
  },
  'malformed-claims': {
    sample: refuseJwt(`${SIGNATURE}: json: cannot unmarshal object into Go struct field Claims.sub of type string`, {
      sub: {},
    }),
    why: '[RFC 7519](https://www.rfc-editor.org/rfc/rfc7519#section-4.1) defines the types of these claims.',
    links: [OTHER_SYSTEMS],
  },
  'jwt-expired': {
    sample: refuse(
      401,
      `unable to validate provided token: ${SIGNATURE}: invalid expiration time (exp) claim: token is expired`,
      { isJwtSupplied: true },
    ),
    why: "A JWT that a previous job or a previous step requested is often too old: GitHub's are valid for five minutes.",
    links: [OTHER_SYSTEMS],
  },
  'jwt-not-yet-valid': {
    sample: refuse(
      401,
      `unable to validate provided token: ${SIGNATURE}: invalid not before (nbf) claim: token not yet valid`,
    ),
    why: 'On each server, `timedatectl` or `chronyc tracking` shows whether the clock is synchronized; the clock of the leader counts.',
  },
  'algorithm-not-allowed': {
    sample: refuseJwt(
      `${SIGNATURE}: invalid algorithm (alg) header parameter: token signed with unexpected algorithm`,
      {},
      { alg: 'ES256' },
    ),
    why: 'The list protects against JWTs that are unsigned or signed with a weaker algorithm.',
    links: [OTHER_SYSTEMS],
  },
  'signature-invalid': {
    sample: refuse(
      401,
      `unable to validate provided token: ${SIGNATURE}: error verifying token signature: failed to verify id token signature`,
    ),
    why: 'If `kid` is missing from the keys at `JWKSURL`, the keys belong to another issuer or are outdated. A `JWKSURL` that returns other JSON than keys, such as the discovery document, has the same effect.',
    links: [KEYS, ENTERPRISE],
  },
  'no-rule-matched': {
    sample: refuse(400, 'no role or policy bindings matched'),
    why: 'Nomad accepted the JWT. It then evaluated the selector of each binding rule of the auth method, and no matching rule led to a role or policy that exists. Nomad reports all these cases with the same text.',
    check: [
      'Does the selector use the right names? `value.NAME` is the name on the right side of `ClaimMappings`, not the name of the claim. A claim without a mapping does not exist for selectors.',
      'Do the values match exactly? Selectors are case-sensitive, and `ref` is the full name: `refs/heads/main`, `refs/tags/v1.2.0`, `refs/pull/7/merge`. In a merge queue, it begins with `refs/heads/gh-readonly-queue/`.',
      'Does the selector use `environment`? Only jobs with `environment:` have this claim.',
      'Was the repository renamed or transferred, or its owner renamed? `repository` and `sub` change then, `repository_id` does not.',
      'Does the role or policy exist under exactly this name? Nomad converts the values in a `BindName` to lower case, so a role whose name contains capitals is not found.',
      'Does the rule belong to this auth method? A rule of `github` does not apply to `github-adv`.',
    ],
    fix: 'If the job should be allowed, extend the selector or add a rule. If it should not, such as a pull request, skip the login there with `if:`. To test a selector before you save it, use the simulator.',
    links: [
      MISTAKES,
      '[Why a job is refused](simulator.md#why-a-job-is-refused)',
      '[Restrict further](nomad-setup.md#restrict-further)',
    ],
  },
  'bind-name-invalid': {
    sample: refuse(500, 'computed "role" bind name for bind target is invalid: "octo-org/octo-repo"'),
    why: 'One such rule makes every login fail that it matches, even if other rules match as well.',
    links: [RULES],
  },
  'bind-name-unknown-attribute': {
    sample: refuse(
      500,
      'cannot compute "policy" bind name for bind target: 1:3: unknown variable accessed: value.nope',
    ),
    why: 'Nomad only notices this at a login, not when the rule is saved.',
    links: [RULES],
  },
  'token-name-invalid': {
    sample: refuse(500, 'failed to generate ACL token name: 1:24: unknown variable accessed: value.run_id'),
    why: 'The name of a token only serves to find the run that it belongs to.',
    links: ['[Find the run behind a token](nomad-setup.md#find-the-run-behind-a-token)'],
  },
  'claim-not-a-single-value': {
    sample: refuse(500, "error converting claim 'workflow' to string from unknown type []interface {}"),
    why: 'Selectors then use `list.NAME` for a list, with `in` or `contains`.',
    links: [CLAIMS],
  },
} satisfies Entries;
