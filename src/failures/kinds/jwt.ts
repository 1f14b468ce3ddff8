import { quoteName } from '../../secrets.js';
import { formatTime } from '../../time.js';
import type { Kind } from '../catalogue.js';
import { showClaim } from '../claims.js';
import type { Facts } from '../failure.js';

/** Kinds of refusals for which Nomad judged the JWT, so that the log lists its claims. */
export const JWT_KINDS = {
  'issuer-mismatch': {
    // The only message with a claim that is not in quotes.
    from: [/nomad/, /401/, /: invalid JWT issuer: |does not contain issuer information/],
    advice: ({ jwt, methodName }) =>
      `The iss claim of the JWT is ${showClaim(jwt.claims['iss'])}. If you trust this issuer, add exactly this value to BoundIssuer of the auth method ${methodName}. GitHub Enterprise Server and enterprises with their own issuer have other values than github.com.`,
  },
  'audience-mismatch': {
    from: [/nomad/, /401/, /invalid audience \(aud\)/],
    advice: ({ jwt, methodName }) =>
      `The aud claim of the JWT is ${showClaim(jwt.claims['aud'])}. ${jwt.renewal ? 'Set the input jwtGithubAudience to' : 'Request the JWT in the input identityToken for'} one of the audiences in BoundAudiences of the auth method ${methodName}. The values must match exactly, including scheme and trailing slash.`,
  },
  'malformed-jwt': {
    from: [/nomad/, /401/, /malformed jwt: |cannot unmarshal|value to unmarshal|no issued at \(iat\)/],
    advice: `Set the input identityToken to the whole JWT, unaltered, and nothing else: three base64url parts joined by dots. If the message is about a claim, have the issuer correct it: iss, sub and jti must be strings, aud a string or a list of strings, and exp, nbf and iat numbers, of which a JWT needs at least one.`,
  },
  'jwt-expired': {
    from: [/nomad/, /401/, /\((exp|nbf|iat)\) claim: /],
    advice: adviseTime,
  },
  'algorithm-not-allowed': {
    from: [/nomad/, /401/, /\(alg\)|signature algorithm/],
    advice: ({ jwt, methodName }) =>
      `The alg of the JWT is ${showClaim(jwt.header['alg'])}. If it is an RS, ES or PS algorithm or EdDSA, add it to SigningAlgs of the auth method ${methodName} (RS256 if unset). Otherwise, have the issuer sign with RS256.`,
  },
  'signature-invalid': {
    from: [
      /nomad/,
      /401/,
      /^(?!.*(fetching keys|get keys failed|malformed jwt|parse public key)).*(verify id token signature|verifying token signature)/,
    ],
    advice: ({ jwt, methodName }) =>
      `None of the keys of the auth method ${methodName} verifies this JWT (iss ${showClaim(jwt.claims['iss'])}, kid ${showClaim(jwt.header['kid'])}). Its JWKSURL must be the jwks_uri in ISSUER/.well-known/openid-configuration, where ISSUER is the iss claim. If it uses JWTValidationPubKeys instead, update them: the issuer may have replaced its keys.`,
  },
  'no-rule-matched': {
    from: [/nomad/, /400/, /no role or policy bindings matched/],
    advice: ({ jwt: { claims }, methodName }) => {
      const names = ['repository', 'repository_id', 'ref', 'environment', 'event_name', 'workflow'];
      const job = names.filter((name) => name in claims).map((name) => `${name} ${showClaim(claims[name], 100)}`);
      const environment = 'repository' in claims && !('environment' in claims) ? ', and no environment' : '';
      return `${job.length === 0 ? '' : `The job has ${job.join(', ')}${environment}. `}No binding rule of the auth method ${methodName} matches, or the rule names a role or policy that does not exist. With a management token, compare the claims in this log with:\n\n    nomad acl auth-method info -json ${methodName}\n    nomad acl binding-rule list    # then: nomad acl binding-rule info ID\n    nomad acl role list\n\nTo see which condition fails, save the claims as claims.txt, and run this in a clone of this action:\n\n    nomad-config/save.sh DIR\n    node dist/simulate/index.js --config DIR --claims claims.txt`;
    },
  },
  'name-invalid': {
    from: [/nomad/, /./, /computed? "" bind name|ACL token name: |token name too long/],
    advice: ({ text, methodName }) => {
      const [, kind = '', name] = /computed "(\w+)" bind name [^:]*invalid: "([^"]*)"/.exec(text) ?? [];
      return name === undefined
        ? `Nomad cannot fill in the BindName of a rule, or the TokenNameFormat of the auth method ${methodName}. They can only contain \${value.NAME}, where NAME is on the right side of ClaimMappings; lists and functions do not work. A TokenNameFormat also needs each claim in every JWT, and gives at most 256 characters.`
        : `A ${kind} cannot be named "${quoteName(name, 200)}". Names consist of 1 to 128 letters, digits and hyphens, and a claim that the JWT lacks counts as empty. Change the BindName of the rule. For one name per repository, map repository_id in ClaimMappings, and use repo-\${value.repo_id}.`;
    },
  },
  'claim-not-a-single-value': {
    from: [/nomad/, /./, /error converting claim '[^']*' to string|"" list claim/],
    advice: ({ text, methodName }) => {
      const [, single, several = ''] = /claim '([^']*)' to string|"([^"]*)" list claim/.exec(text) ?? [];
      const claim = quoteName(single ?? several, 100);
      return `The claim ${claim} is not ${single === undefined ? 'a list of single values' : 'a single value'}. In the auth method ${methodName}, map a single value with ClaimMappings, a list of single values with ListClaimMappings, and a value inside an object with a JSON pointer such as /${claim}/NAME.`;
    },
  },
} satisfies Record<string, Kind>;

function adviseTime({ text, jwt, methodName, now }: Facts): string {
  const named = text.includes('(exp)') ? 'exp' : 'nbf';
  const claim = named in jwt.claims ? named : 'iat';
  const ms = Number(jwt.claims[claim]) * 1000;
  const clocks = `Nomad accepts differences up to the ClockSkewLeeway of the auth method ${methodName} (60 s if unset).`;
  const reason = jwt.renewal
    ? `This step renews GitHub's JWT before it expires, so the clock of the Nomad servers is wrong (or that of GitHub Enterprise Server): correct it. ${clocks}`
    : claim === 'exp' && ms < now
      ? 'Request the JWT in the input identityToken right before this step, with a lifetime that lasts for the whole login. This step only renews the JWTs that it requests itself.'
      : `Correct the clocks of the issuer and of the Nomad servers. ${clocks}`;
  return `The ${claim} of the JWT is ${formatTime(ms)}, and the runner's clock says ${formatTime(now)}. ${reason}`;
}
