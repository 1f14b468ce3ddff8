import { formatTime } from '../deadline.js';
import type { Jwt } from '../jwt.js';
import { quoteName } from '../secrets.js';
import { showClaim } from './claims.js';
import type { Facts, Kinds } from './failure.js';

const GITHUB = 'https://token.actions.githubusercontent.com';
// The claims that rules usually check.
const JOB_CLAIMS = ['repository', 'ref', 'environment', 'event_name', 'workflow'];

const show = ({ claims }: Jwt, claim: string): string => (claim in claims ? showClaim(claims[claim], 200) : 'missing');

function describeJob({ claims }: Jwt): string {
  const names = JOB_CLAIMS.filter((name) => name in claims);
  const shown = names.map((name) => `${name} ${showClaim(claims[name], 100)}`).join(', ');
  return names.length === 0 ? '' : `The job has ${shown}. `;
}

// A JWT that the action has just requested is valid, so a clock is wrong.
function adviseTime({ jwt, methodName, isJwtSupplied, now }: Facts, claim: string): string {
  const seconds = (name: string): number => Number(jwt.claims[name]);
  const format = (time: number): string => (Math.abs(time) < 1e11 ? formatTime(time * 1000) : 'an unreadable time');
  const what = `The ${claim} of the JWT is ${format(seconds(claim))}, and the runner's clock says ${formatTime(now)}`;
  const leeway = `Nomad accepts differences up to the ClockSkewLeeway of the auth method ${methodName} (60 s if unset).`;
  if (isJwtSupplied) {
    return `${what}. Request the JWT right before this step, or correct the clocks of the runner and of the Nomad servers. ${leeway}`;
  }
  const age = Math.round(now / 1000 - seconds('iat'));
  return Math.abs(age) > 60
    ? `${what}. It was issued ${String(age)} s ago by that clock: the login took too long because of retries, or the clock of the runner or of the Nomad servers is wrong. ${leeway}`
    : `${what}. It was issued moments ago, and the runner's clock agrees with the issuer's, so the clock of the Nomad servers is wrong: correct it. ${leeway}`;
}

/** Refusals for which Nomad judged the JWT, so that the log lists its claims. */
export const JWT_KINDS = {
  'audience-mismatch': {
    match: /^nomad 401 .*audience \(aud\)/s,
    advice: ({ jwt, methodName, isJwtSupplied }) =>
      `The aud claim of the JWT is ${show(jwt, 'aud')}. ${
        isJwtSupplied
          ? 'Request the JWT in the input identityToken for one of the audiences'
          : 'Set the input jwtGithubAudience to one of the audiences'
      } in BoundAudiences of the auth method ${methodName}. The values must match exactly, including scheme and trailing slash.`,
  },
  'issuer-mismatch': {
    match: /^nomad 401 .*(invalid JWT issuer|BoundIssuer|issuer information)/s,
    advice: ({ jwt, methodName }) =>
      `The iss claim of the JWT is ${show(jwt, 'iss')}. If you trust this issuer, add exactly this value to BoundIssuer of the auth method ${methodName}. GitHub Enterprise Server and enterprises with their own issuer have other values than github.com.`,
  },
  'malformed-claims': {
    match: /^nomad 401 .*(cannot unmarshal|value to unmarshal|no issued at)/s,
    advice:
      'A registered claim of the JWT is missing or has the wrong type: iss, sub and jti must be strings, aud a string or a list of strings, and exp, nbf and iat numbers. A JWT needs at least exp. Have the issuer correct it.',
  },
  'jwt-expired': {
    match: /^nomad 401 .*\(exp\) claim: /s,
    advice: (facts) => adviseTime(facts, 'exp'),
  },
  'jwt-not-yet-valid': {
    match: /^nomad 401 .*\((nbf|iat)\) claim: /s,
    advice: (facts) => adviseTime(facts, 'nbf' in facts.jwt.claims ? 'nbf' : 'iat'),
  },
  'algorithm-not-allowed': {
    match: /^nomad 401 .*(\(alg\)|signature algorithm)/s,
    advice: ({ jwt, methodName }) => {
      const algorithm = jwt.header['alg'];
      const isSupported = typeof algorithm === 'string' && /^(RS|ES|PS)\d+$|^EdDSA$/.test(algorithm);
      const change = isSupported
        ? `Add it to SigningAlgs of the auth method ${methodName} (RS256 if unset), or have the issuer sign with an algorithm that is listed there.`
        : 'Nomad accepts only RS, ES and PS algorithms and EdDSA: have the issuer sign with RS256.';
      return `The alg of the JWT is ${algorithm === undefined ? 'missing' : showClaim(algorithm, 100)}. ${change}`;
    },
  },
  'signature-invalid': {
    match:
      /^nomad 401 (?!.*(fetching keys|get keys failed|malformed jwt|parse public key)).*(verify id token signature|verifying token signature)/s,
    advice: ({ jwt, methodName }) => {
      const issuer = typeof jwt.claims['iss'] === 'string' ? quoteName(jwt.claims['iss'], 200) : 'ISSUER';
      const keys =
        issuer === GITHUB ? `${GITHUB}/.well-known/jwks` : `jwks_uri in ${issuer}/.well-known/openid-configuration`;
      return `None of the keys of the auth method ${methodName} verifies this JWT (iss ${show(jwt, 'iss')}, kid ${jwt.header['kid'] === undefined ? 'missing' : showClaim(jwt.header['kid'], 100)}). Its JWKSURL must be ${keys}. If it uses JWTValidationPubKeys, the issuer may have replaced its keys.`;
    },
  },
  'no-rule-matched': {
    match: /^nomad 400 .*no role or policy bindings matched/s,
    advice: ({ jwt, methodName }) =>
      `${describeJob(jwt)}No binding rule of the auth method ${methodName} matches, or the rule names a role or policy that does not exist. Compare with:\n\n    nomad acl auth-method info -json ${methodName}\n    nomad acl binding-rule list    # then: nomad acl binding-rule info ID\n    nomad acl role list\n\nTo see which condition fails, save the claims in this log as claims.txt, and run this in a clone of this action:\n\n    npm run --silent simulate -- --config DIR --claims claims.txt`,
  },
  'bind-name-invalid': {
    match: /^nomad \d+ .*computed "(\w+)" bind name [^:]*invalid: "([^"]*)"/s,
    advice: (_, [, kind = 'role', name = '']) => {
      const problem =
        name === '' ? `The name of the ${kind} is empty` : `A ${kind} cannot be named "${quoteName(name, 200)}"`;
      const change = name.includes('/')
        ? 'Map repository_id instead of repository in ClaimMappings, and use a BindName such as repo-${value.repo_id}.'
        : 'Change the BindName of the rule.';
      return `${problem}. Names consist of 1 to 128 letters, digits and hyphens, and a claim that the JWT lacks counts as empty. ${change}`;
    },
  },
  'bind-name-unknown-attribute': {
    match: /^nomad \d+ .*cannot compute "\w+" bind name/s,
    advice: ({ methodName }) =>
      `A BindName can only contain \${value.NAME}, where NAME is on the right side of ClaimMappings of the auth method ${methodName}. Lists and functions do not work. Correct the BindName, or add the mapping.`,
  },
  'token-name-invalid': {
    match: /^nomad \d+ .*(ACL token name:|token name too long)/s,
    advice: ({ methodName }) =>
      `Nomad cannot fill in the TokenNameFormat of the auth method ${methodName}. Unlike a BindName, it fails if the JWT lacks a claim. Use \${value.NAME} only for claims that every JWT has (repository_id and run_id for GitHub), and map them in ClaimMappings. Names can have at most 256 characters.`,
  },
  'claim-not-a-single-value': {
    match: /^nomad \d+ .*(?:claim '([^']*)' to string|"([^"]*)" list claim)/s,
    advice: ({ methodName }, [, single, list]) => {
      const claim = quoteName(single ?? list ?? '', 100);
      return list === undefined
        ? `The claim ${claim} is not a single value. In the auth method ${methodName}, map a list with ListClaimMappings, and a value inside an object with a JSON pointer such as /${claim}/NAME.`
        : `The claim ${claim} is not a list of single values, so ListClaimMappings of the auth method ${methodName} cannot map it. Map a value inside an object with a JSON pointer such as /${claim}/NAME.`;
    },
  },
} as const satisfies Kinds;
