export const id = 375;
export const ids = [375,911];
export const modules = {

/***/ 6375:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  revokeToken: () => (/* binding */ revokeToken)
});

// EXTERNAL MODULE: ./node_modules/@actions/core/lib/core.js + 13 modules
var core = __webpack_require__(1889);
;// CONCATENATED MODULE: ./src/secrets.ts

const MAX_QUOTE_LENGTH = 500;
// The mask of one or two characters would garble the whole log.
const MIN_LENGTH = 3;
// A JWT, a UUID such as a SecretID, or another long token that was never masked.
const TOKEN_LIKE = /eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|[\w+=~-]{40,}/gi;
// Colors and links. The function of node:util for this takes quadratic time.
const TERMINAL_ESCAPE = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/g;
const secrets = new Set();
/** Masks a secret in the runner's log, and makes the quoting functions replace it. */
function secrets_mask(secret) {
    if (secret.length >= MIN_LENGTH && !secrets.has(secret)) {
        core.setSecret(secret);
        secrets.add(secret);
    }
}
/** Returns the text of another program on one line, without secrets, what looks like one, control characters and workflow commands. */
function quote(text) {
    return toLine(redact(text).replace(TOKEN_LIKE, '***'), MAX_QUOTE_LENGTH);
}
/** Like `quote`, for names, IDs and claims: only replaces known secrets, because an ID often looks like a token. */
function quoteName(text, maxLength) {
    return toLine(redact(text), maxLength);
}
/** Replaces the known secrets in a text. The runner does not mask a secret that is cut, or that has other white space. */
function redact(text) {
    const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text.replace(TERMINAL_ESCAPE, ''));
}
// The runner looks for the command `::name` at the beginning of a line, and for `##[name` anywhere.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
function toLine(text, maxLength) {
    const line = text
        .replace(/[\s\p{C}]+/gu, ' ')
        .trim()
        .replaceAll('##[', '## [')
        .replace(/::(?=[\w-]+(?:::|\s))/g, ': :');
    return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}

;// CONCATENATED MODULE: ./src/failures/claims.ts


const MAX_LISTED = 100;
// The registered claims, and those that GitHub (also custom properties), GitLab and Forgejo document for jobs. None is secret.
// https://www.iana.org/assignments/jwt/jwt.xhtml
// https://docs.github.com/en/actions/reference/security/oidc
// https://docs.gitlab.com/ci/secrets/id_token_authentication/
// https://forgejo.org/docs/latest/user/actions/security-openid-connect/
const WELL_KNOWN = new Set(`iss sub aud exp nbf iat jti azp
  actor actor_id base_ref check_run_id enterprise enterprise_id environment environment_node_id event_name head_ref
  issuer_scope job_workflow_ref job_workflow_sha ref ref_protected ref_type repository repository_id repository_owner
  repository_owner_id repository_visibility run_attempt run_id run_number runner_environment sha workflow workflow_ref workflow_sha
  ci_config_ref_uri ci_config_sha deployment_action deployment_tier environment_action environment_protected groups_direct
  job_id job_namespace_id job_namespace_path job_project_id job_project_path namespace_id namespace_path pipeline_id
  pipeline_source project_id project_path project_visibility ref_path runner_id user_access_level user_email user_id
  user_identities user_login`.split(/\s+/));
/** Logs the first 100 claims of a JWT in a group: well-known claims by value, others by name only. */
function listClaims({ claims }) {
    core.startGroup('Claims of the JWT that Nomad refused');
    const all = Object.entries(claims);
    for (const [name, value] of all.slice(0, MAX_LISTED)) {
        const isShown = WELL_KNOWN.has(name) || name.startsWith('repo_property_');
        // With the dash, the line cannot begin with a workflow command.
        core.info(`- ${quoteName(name, 100)}${isShown ? `: ${showClaim(value, 500)}` : ' (value not shown)'}`);
    }
    if (all.length > MAX_LISTED) {
        core.info(`- and ${String(all.length - MAX_LISTED)} more`);
    }
    core.endGroup();
}
/** Returns the value of a claim or of a header parameter as JSON that is safe to print. */
function showClaim(value, maxLength = 200) {
    return value === undefined ? 'missing' : quoteName(JSON.stringify(value), maxLength);
}

// EXTERNAL MODULE: ./src/time.ts
var time = __webpack_require__(9834);
;// CONCATENATED MODULE: ./src/failures/kinds/facts.ts
const EMPTY = 'If it is set, the secret or output that it comes from is empty in this job.';
const host = ({ url }) => new URL(url).hostname;
const address = ({ url }) => `${host({ url })}:${new URL(url).port || (url.startsWith('https:') ? '443' : '80')}`;
const variable = ({ proxy }) => proxy?.variable ?? 'HTTPS_PROXY';
/** The codes of OpenSSL for a certificate that does not pass verification, which have no prefix, unlike those of Node and undici. */
const VERIFICATION = /^(?!E[A-Z]+$|[A-Z]+_ERR|EAI_|ERR_|HPE_|NO_RESPONSE)[A-Z_]+$/;
/** Returns the first ten of these, so that a long list does not push the advice out of the annotation. */
const list = (values) => `${values.slice(0, 10).join(', ')}${values.length > 10 ? ` and ${String(values.length - 10)} more` : ''}`;

;// CONCATENATED MODULE: ./src/failures/kinds/connection.ts


/** Kinds of failures of a connection to Nomad, besides those of TLS. */
const CONNECTION_KINDS = {
    'no-response': {
        to: [/nomad|proxy/, /^NO_RESPONSE/, /TCP|TLS|response/],
        retry: 1,
        advice: (facts) => {
            const slow = 'If the servers are slow, set a longer timeout.';
            return facts.proxy !== undefined
                ? `The proxy, or Nomad behind it, does not respond. Check the address in ${variable(facts)}, and that the proxy can reach ${address(facts)}. ${slow}`
                : facts.reached === 'response'
                    ? `Nomad answers other requests, but not the login in time. A firewall may drop the packets with which its servers fetch the issuer's keys: on the leader, run curl -sS JWKSURL. ${slow}`
                    : `${address(facts)} accepts connections but does not respond. Check that the input url names the port of Nomad's HTTP API (4646 by default, not 4647 or 4648). ${slow}`;
        },
    },
    'server-busy': {
        // Nomad's limit of connections is a response with 429. Over TLS, decrypting this response can fail.
        from: [/nomad/, /429/],
        to: [/nomad/, /^ERR_SSL\w*DECRYPTION_FAILED/],
        retry: 1,
        advice: adviseBusy,
    },
    'unknown-host': {
        to: [/nomad|github/, /^(ENOTFOUND|EAI_)/],
        retry: time/* SIXTH */.bA,
        advice: (facts) => `This runner cannot resolve the host name ${host(facts)}. ${facts.to === 'github' ? 'Correct' : 'Check the spelling in the input url, and'} the DNS settings of the runner. A private name needs a self-hosted runner that can resolve it. If only a proxy can, set ${facts.url.startsWith('https:') ? 'HTTPS_PROXY' : 'HTTP_PROXY'} on the runner: no other variable, such as ALL_PROXY, applies to this address.`,
    },
    'connection-refused': {
        to: [/nomad/, /^ECONNREFUSED/],
        retry: time/* SIXTH */.bA,
        advice: (facts) => /^(localhost|127\..*|\[::1\])$/.test(host(facts))
            ? `${host(facts)} is the runner itself. If the input url is not set, or what it comes from is empty in this job, it is http://localhost:4646. Set it to the address of your Nomad servers, such as https://nomad.example.com:4646. This action does not read NOMAD_ADDR: if the workflow sets it, use url: \${{ env.NOMAD_ADDR }}`
            : "Nothing listens on this address. Check the host and port in the input url (4646 is Nomad's default port). Check that the server is running, and that its bind_addr is not just 127.0.0.1.",
    },
    unreachable: {
        to: [/nomad/, /^(E\w+UNREACH|ETIMEDOUT|NO_RESPONSE)/, /nothing|response/],
        retry: time/* SIXTH */.bA,
        advice: (facts) => `This runner cannot open a connection to ${address(facts)}. GitHub-hosted runners only reach public addresses: for a private one, use a self-hosted runner inside the network. Also check the port, the firewalls in between, and whether the runner needs HTTPS_PROXY.`,
    },
    'connection-closed': {
        to: [/nomad/, /^(ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR_SOCKET|ERR_SSL\w*UNEXPECTED_EOF)/],
        retry: time/* SIXTH */.bA,
        advice: adviseClosed,
    },
    'network-error': {
        to: [/nomad/],
        advice: (facts) => `The connection to ${address(facts)} failed for the reason above. If it describes a response, this is not Nomad's HTTP API, or a server in front of it sends malformed responses, or more than 1 MiB. Check the input url (https:// and port), and the network in between.`,
    },
};
function adviseBusy(facts) {
    return `${host(facts)} is restarting or busy, or gets too many connections from this IP address, which runners behind the same NAT share. Raise http_max_conns_per_client in the limits block of the Nomad servers (100 by default) or the limit of a server in front of them, run fewer jobs at once, or set a longer timeout.`;
}
function adviseClosed(facts) {
    const { proxy, url, reached, clientCertificate } = facts;
    const isTls = url.startsWith('https:');
    if (reached === 'response') {
        return adviseBusy(facts);
    }
    if (reached === 'TLS' && isTls) {
        return `${host(facts)} closes the connection after the TLS handshake. Servers do this if they require a client certificate or refuse the one they get: ${clientCertificate ? 'the one in the input clientCertificate must be' : 'set the inputs clientCertificate and clientKey to one that is'} signed by the CA of the Nomad servers, and not expired. A load balancer that reaches no Nomad server does it as well.`;
    }
    const what = proxy !== undefined
        ? `The proxy ${proxy.origin} (${proxy.variable}) accepts the connection, but what it leads to ends or ignores it: check in the log of the proxy whether it reaches ${address(facts)}.`
        : isTls
            ? `${address(facts)}, or a firewall in front of it, ends or ignores the TLS handshake.`
            : `${address(facts)} closes connections without a response, so it is probably not Nomad's HTTP API.`;
    return `${what} Check the port (4646 by default, not 4647 or 4648)${isTls ? '' : ', and whether it needs https://'}.${isTls ? ' If curl works on this runner, a device in between cannot handle the larger first message of Node 24: in this step, set NODE_OPTIONS: --tls-max-v1.2 under env:.' : ''}`;
}

;// CONCATENATED MODULE: ./src/failures/kinds/job.ts


/** Kinds of failures in the job itself, on the way to GitHub, and at a proxy. */
const JOB_KINDS = {
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
        retry: time/* SIXTH */.bA,
        advice: `GitHub had not yet recorded that the job is running. Run the job again.`,
    },
    'runner-trust-store': {
        to: [/github|proxy/, new RegExp(`^(EPROTO|ERR_SSL|ERR_TLS)|${VERIFICATION.source}`)],
        useSystemTrust: true,
        advice: (facts) => facts.to === 'github'
            ? "The runner cannot verify the certificate of GitHub's token endpoint. For GitHub Enterprise Server with a private CA, or behind TLS inspection, install the CA on the runner, or set NODE_EXTRA_CA_CERTS in its environment to a PEM file with the CA."
            : `The TLS connection to the proxy fails, not the one to ${host(facts)}. Check the address in ${variable(facts)}: most proxies are addressed with http://. If the proxy uses TLS with a private CA, install the CA on the runner or set NODE_EXTRA_CA_CERTS; the input caCertificate is only for Nomad.`,
    },
    'github-unavailable': {
        from: [/github/, /^(408|429|5\d\d)/],
        to: [/github/, /^(?!HPE_)/],
        retry: 1,
        advice: (facts) => facts.status > 0
            ? `GitHub's token endpoint is overloaded or failing. Check https://www.githubstatus.com and run the job again, or set a longer timeout.`
            : `GitHub's token endpoint does not respond, or the network is failing. A self-hosted runner must be able to reach ${host(facts)}, ${facts.proxy ? `which the log of the proxy ${facts.proxy.origin} shows` : 'through HTTPS_PROXY if necessary'}. Otherwise check https://www.githubstatus.com.`,
    },
    'github-refused': {
        from: [/github/],
        to: [/github/],
        advice: ({ status }) => status >= 400
            ? `Run the job again, because its credentials may have expired. Then check the job's permissions (id-token: write), the input jwtGithubAudience and the OIDC settings of your organization.`
            : `Another server may have answered instead of GitHub. Check the proxy settings of the runner, and https://www.githubstatus.com.`,
    },
    'proxy-unavailable': {
        from: [/proxy/, /^(408|429|5\d\d)/],
        retry: 1,
        advice: (facts) => `The proxy cannot reach ${address(facts)}. Check that the server is running, and that the proxy can resolve its name and reach it. If the runner reaches the server directly, add ${host(facts)} to NO_PROXY.`,
    },
    'proxy-refused': {
        from: [/proxy/],
        advice: (facts) => facts.status === 407
            ? `The proxy does not accept the credentials in ${variable(facts)}, or there are none. Correct them there (http://USER:PASSWORD@proxy.example.com:3128, with special characters percent-encoded), or add ${host(facts)} to NO_PROXY. Only Basic authentication works: for Negotiate or NTLM, use a local proxy such as Cntlm.`
            : `The proxy does not allow connections to ${address(facts)}. Allow this host and port there (many proxies only allow port 443). If this is not a proxy, correct ${variable(facts)}. If the runner reaches the server directly, add ${host(facts)} to NO_PROXY.`,
    },
    'proxy-unreachable': {
        to: [/proxy/],
        retry: time/* SIXTH */.bA,
        advice: (facts) => `${facts.reached === 'nothing' ? 'The proxy itself cannot be reached' : 'The proxy closes the connection before it opens a tunnel'}. Correct its address in ${variable(facts)}, or add ${host(facts)} to NO_PROXY.`,
    },
};

;// CONCATENATED MODULE: ./src/failures/kinds/jwt.ts



/** Kinds of refusals for which Nomad judged the JWT, so that the log lists its claims. */
const JWT_KINDS = {
    'issuer-mismatch': {
        // The only message with a claim that is not in quotes.
        from: [/nomad/, /401/, /: invalid JWT issuer: |does not contain issuer information/],
        advice: ({ jwt, methodName }) => `The iss claim of the JWT is ${showClaim(jwt.claims['iss'])}. If you trust this issuer, add exactly this value to BoundIssuer of the auth method ${methodName}. GitHub Enterprise Server and enterprises with their own issuer have other values than github.com.`,
    },
    'audience-mismatch': {
        from: [/nomad/, /401/, /invalid audience \(aud\)/],
        advice: ({ jwt, methodName }) => `The aud claim of the JWT is ${showClaim(jwt.claims['aud'])}. ${jwt.renewal ? 'Set the input jwtGithubAudience to' : 'Request the JWT in the input identityToken for'} one of the audiences in BoundAudiences of the auth method ${methodName}. The values must match exactly, including scheme and trailing slash.`,
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
        advice: ({ jwt, methodName }) => `The alg of the JWT is ${showClaim(jwt.header['alg'])}. If it is an RS, ES or PS algorithm or EdDSA, add it to SigningAlgs of the auth method ${methodName} (RS256 if unset). Otherwise, have the issuer sign with RS256.`,
    },
    'signature-invalid': {
        from: [
            /nomad/,
            /401/,
            /^(?!.*(fetching keys|get keys failed|malformed jwt|parse public key)).*(verify id token signature|verifying token signature)/,
        ],
        advice: ({ jwt, methodName }) => `None of the keys of the auth method ${methodName} verifies this JWT (iss ${showClaim(jwt.claims['iss'])}, kid ${showClaim(jwt.header['kid'])}). Its JWKSURL must be the jwks_uri in ISSUER/.well-known/openid-configuration, where ISSUER is the iss claim. If it uses JWTValidationPubKeys instead, update them: the issuer may have replaced its keys.`,
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
};
function adviseTime({ text, jwt, methodName, now }) {
    const named = text.includes('(exp)') ? 'exp' : 'nbf';
    const claim = named in jwt.claims ? named : 'iat';
    const ms = Number(jwt.claims[claim]) * 1000;
    const clocks = `Nomad accepts differences up to the ClockSkewLeeway of the auth method ${methodName} (60 s if unset).`;
    const reason = jwt.renewal
        ? `This step renews GitHub's JWT before it expires, so the clock of the Nomad servers is wrong (or that of GitHub Enterprise Server): correct it. ${clocks}`
        : claim === 'exp' && ms < now
            ? 'Request the JWT in the input identityToken right before this step, with a lifetime that lasts for the whole login. This step only renews the JWTs that it requests itself.'
            : `Correct the clocks of the issuer and of the Nomad servers. ${clocks}`;
    return `The ${claim} of the JWT is ${(0,time/* formatTime */.fU)(ms)}, and the runner's clock says ${(0,time/* formatTime */.fU)(now)}. ${reason}`;
}

;// CONCATENATED MODULE: ./src/failures/kinds/nomad.ts

/** Kinds of other responses of Nomad, or of a server in front of it. */
const NOMAD_KINDS = {
    'method-not-found': {
        from: [/nomad/, /400/, /auth-method "" not found|unsupported auth-method type/],
        advice: `Set the input methodName to an auth method of type JWT; methods of type OIDC are for people who log in with a browser. Names are case-sensitive. To list the methods, run: nomad acl auth-method list`,
    },
    'keys-invalid': {
        // What follows a status is the text of the issuer's server.
        from: [
            /nomad/,
            /401|500/,
            /^(?!.*?: (?:408|429|5\d\d)\b).*((fetching keys|get keys failed|validation keys).*(: [34]\d\d\b|did not match|expected Content-Type|failed to decode|: x509: |: tls: |unsupported protocol|to HTTPS client|malformed HTTP|CA PEM|Proxy Auth|invalid URI|must not be )|parse public key|keySet must not be nil)/,
        ],
        advice: ({ methodName }) => `The Nomad servers get no keys from the address in the auth method ${methodName}. OIDCDiscoveryURL must be exactly the issuer, and JWKSURL the jwks_uri in ISSUER/.well-known/openid-configuration. JWTValidationPubKeys must be public keys in PEM. For a private CA, set JWKSCACert or DiscoveryCaPem. A firewall or login page may also have answered.`,
    },
    'keys-unavailable': {
        from: [/nomad/, /401/, /fetching keys|get keys failed|validation keys/],
        retry: 1,
        advice: ({ methodName }) => `The Nomad servers cannot fetch the keys of the issuer. They need access to the JWKSURL or OIDCDiscoveryURL of the auth method ${methodName}: check its spelling, and the DNS, firewall and proxy settings of the servers. Servers without internet access can use JWTValidationPubKeys.`,
    },
    'acl-disabled': {
        from: [/nomad/, /400/, /^ACL support disabled/],
        advice: ({ url }) => `Check that ${url} is the right cluster: it does not use ACLs. Either remove this step, or enable ACLs: set acl { enabled = true } on all servers, then run nomad acl bootstrap. Nomad then denies all requests without a token.`,
    },
    'unknown-region': {
        from: [/nomad/, /500/, /No path to region/],
        advice: ({ region }) => `The servers ${region === undefined ? 'cannot reach' : `do not know the region ${region} (the input region), or cannot reach it or`} the authoritative region, which creates global tokens. Check the servers of each region with nomad server members, or have the auth method create local tokens (-token-locality=local).`,
    },
    'token-ttl-not-allowed': {
        from: [/nomad/, /./, /expiration time cannot be/],
        advice: ({ methodName }) => `MaxTokenTTL of the auth method ${methodName} is outside the limits of the servers. Change it to a value between token_min_expiration_ttl and token_max_expiration_ttl in the acl block of the servers.`,
    },
    'nomad-too-old': {
        from: [/nomad/, /[45]\d\d/, /servers should be running version|can't find method|Unknown rpc method/],
        advice: `JWT auth methods require Nomad 1.5.4 or later on every server of every region. Upgrade the servers that are older.`,
    },
    'gateway-error': {
        from: [/nomad/, /408|502|503|504|52[0-7]|530/],
        retry: 1,
        advice: ({ proxy }) => `The load balancer, tunnel or proxy in front of Nomad${proxy === undefined ? '' : `, or the proxy ${proxy.origin} (${proxy.variable}),`} cannot reach a Nomad server. Check its health checks and the Nomad servers.`,
    },
    'no-leader': {
        // A cluster that loses its leader elects another within seconds. "rpc error" alone proves nothing: a follower also adds it to
        // final refusals. A name has no spaces and colons, so none of these is part of one.
        from: [
            /nomad/,
            /500/,
            /^(?!\s*<).*(no cluster leader|not the leader|leadership (lost|transfer)|failed to get conn|lead thread|not ready to serve|connection re(set|fused)|broken pipe|(i\/o|write|keepalive) timeout|timeout (wait|await|exce|enqueu)|timed out |(^|: )(unexpected )?EOF$|(session|already) shutdown|stream (closed|reset)|failed to start stream|snapshot restored|not accepting |closed network|deadline (exceeded|reached))/i,
        ],
        retry: 1,
        advice: `The Nomad servers have no leader, or cannot reach it. Check nomad server members, nomad operator raft list-peers and the logs of the servers, or set a longer timeout.`,
    },
    'nomad-refused': {
        from: [/nomad/, /40[013]|500/, /^(?!\s*[<{])./],
        advice: ({ status, proxy }) => `If this message is Nomad's, look for it in the logs of the servers, above all the leader's, and check the auth method and its binding rules. Otherwise, ${proxy === undefined ? '' : `the proxy ${proxy.origin}, or `}a server in front of Nomad sent it: ${status === 401 || status === 403 ? 'pass what that server requires in the input extraHeaders' : 'check its log'}.`,
    },
    'not-nomad': {
        from: [/nomad/],
        advice: (facts) => {
            const { url, target, proxy } = facts;
            return url.startsWith('http:') && target.startsWith('https:') && host({ url: target }) === host(facts)
                ? `Set the input url to ${url.replace(new URL(url).origin, target)}.`
                : `${proxy === undefined ? 'A' : `The proxy ${proxy.origin}, a`} server in front of Nomad, or another server, answered at ${url}, such as a firewall or a login page. If it requires a login, pass what it accepts from programs, such as a service token, in the input extraHeaders. Otherwise, set the input url to the address of Nomad's API (1.5.4 or later), without /ui or /v1. Redirects are not followed.`;
        },
    },
};

;// CONCATENATED MODULE: ./src/failures/kinds/tls.ts


/** Kinds of failures of TLS on the way to Nomad, which are never retried. */
const TLS_KINDS = {
    'certificate-name-mismatch': {
        to: [/nomad/, /^ERR_TLS_CERT_ALTNAME/],
        advice: (facts) => {
            const names = facts.certificate?.names ?? [];
            const serverName = names.find((name) => /^server\.[\w-]+\.nomad$/.test(name));
            const change = serverName === undefined ? 'In' : `Set the input tlsServerName to ${serverName} or, in`;
            return names.length === 0
                ? `The certificate of ${host(facts)} does not name its server in a subject alternative name. Create a new one, for example with: nomad tls cert create -server`
                : `${change} the input url, use an address for which the certificate is valid: ${list(names)}.`;
        },
    },
    'untrusted-certificate': {
        to: [/nomad/, /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA)/],
        useSystemTrust: true,
        advice: ({ certificate, caCertificate }) => {
            const signed = `The server's certificate is signed by ${certificate ? `"${certificate.issuer}"` : 'another CA'}`;
            if (caCertificate === undefined) {
                return `${signed}, which this step does not trust. Set the input caCertificate to the certificate of that CA. ${EMPTY}`;
            }
            return certificate && caCertificate.names.includes(certificate.issuer)
                ? `${signed}. The input caCertificate contains a CA of the same name but with another key, probably an older one or that of another cluster. Replace it.`
                : `${signed}, and the input caCertificate contains: ${list(caCertificate.names) || 'CAs without a common name'}. Add the CA that signed it, and intermediate CAs that the server does not send.`;
        },
    },
    'certificate-invalid': {
        to: [/nomad/, VERIFICATION],
        advice: (facts) => /HAS_EXPIRED|NOT_YET_VALID/.test(facts.code)
            ? `The certificate of ${host(facts)}${facts.certificate ? ` (valid from ${facts.certificate.validity})` : ''}, or of its CA, has expired or is not yet valid. Renew it on the server, update the input caCertificate, or correct the runner's clock (${(0,time/* formatTime */.fU)(facts.now)}).`
            : `The certificate of ${host(facts)}, or of its CA, does not pass verification, for the reason above. Replace it on the server: a certificate for servers is created with nomad tls cert create -server, not -client or -cli. RSA keys need at least 2048 bits on Node 24 and later, and SHA-1 signatures are not accepted.`,
    },
    'client-certificate': {
        from: [/nomad/, /400|49[56]/, /No required SSL certificate|SSL certificate error/],
        to: [
            /nomad/,
            /^ERR_SSL_([EC]\w+_KEY_TOO_SMALL|CA_MD_TOO_WEAK|\w*ALERT_(HANDSHAKE_FAILURE|\w*CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR))/,
        ],
        advice: (facts) => {
            const signer = "signed by the CA of the Nomad servers (ca_file in Nomad's tls block)";
            return facts.clientCertificate
                ? `${host(facts)}, or this runner, does not accept the certificate in the input clientCertificate, for the reason above. It must be ${signer}, made for clients (nomad tls cert create -cli), and not expired. RSA keys need at least 2048 bits on Node 24 and later, and SHA-1 signatures are not accepted.`
                : `${host(facts)} probably requires a client certificate (mTLS). Set the input clientCertificate to a certificate ${signer}, and clientKey to its private key. ${EMPTY}`;
        },
    },
    'wrong-scheme': {
        from: [/nomad/, /400|497/, /HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL|requires TLS/],
        to: [/nomad/, /^ERR_SSL\w*(WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST)/],
        advice: (facts) => facts.status > 0
            ? 'This port uses TLS. Change the input url to https://, and set caCertificate for a private CA.'
            : `${host(facts)} does not use TLS on this port. Change the port in the input url to the one that uses TLS. Only if Nomad does not use TLS, change the input to http://.`,
    },
    'tls-handshake-failed': {
        to: [/nomad/, /^(?!.*(UNEXPECTED_EOF|DECRYPTION_FAILED))(EPROTO|ERR_TLS|ERR_SSL)/],
        advice: (facts) => `${host(facts)} and this runner cannot negotiate a TLS connection. Check tls_min_version and tls_cipher_suites in the tls block of the Nomad servers, and any load balancer or proxy in between. If the server has no certificate for the requested name, correct the input url or tlsServerName.`,
    },
};

;// CONCATENATED MODULE: ./src/failures/catalogue.ts





// The first kind that matches decides, so the last for each peer describes whatever is not listed.
const CATALOGUE = {
    ...TLS_KINDS,
    ...CONNECTION_KINDS,
    ...JOB_KINDS,
    ...JWT_KINDS,
    ...NOMAD_KINDS,
};
/** All kinds, in the order in which they are tried. */
const KINDS = CATALOGUE;
/** Returns the id of the kind of an event. */
function findKind(event) {
    if (typeof event === 'string') {
        return event;
    }
    const [way, ...values] = 'from' in event
        ? ['from', event.from, String(event.status), withoutNames(event.text)]
        : ['to', event.to, event.code, event.reached];
    const ids = Object.keys(KINDS);
    return (ids.find((id) => KINDS[id][way]?.every((pattern, index) => pattern?.test(values[index] ?? '') !== false)) ??
        'unexpected');
}
// The names of roles, policies, hosts and so on, which Nomad writes in quotes, say nothing about the kind.
function withoutNames(text) {
    return text.replace(/\s+/g, ' ').replace(/"[^"]*"/g, '""');
}

;// CONCATENATED MODULE: ./src/failures/failure.ts

const UNKNOWN = {
    /** The address of the server, without credentials, query and trailing slash. */
    url: '',
    /** The proxy on the way to the server. */
    proxy: undefined,
    /** The names in the server's certificate, the CA that signed the last one of its chain, and when it is valid. */
    certificate: undefined,
    /** The input, with the common names. */
    caCertificate: undefined,
    /** The input. */
    clientCertificate: undefined,
    /** The target of a redirect: its origin, or its path on the same server. */
    target: '',
    methodName: '',
    /** The region that was asked for. */
    region: undefined,
    jwt: { token: '', header: {}, claims: {} },
    /** The wait in milliseconds that the response asks for. */
    retryAfterMs: 0,
    status: 0,
    text: '',
    code: '',
    reached: 'nothing',
    to: 'nomad',
};
/** A failure, and its kind and advice, which are found when it is made. */
class Failure extends Error {
    event;
    id;
    kind;
    facts;
    /** What to change and where. */
    advice;
    /** `message` says what failed, without a period and without secrets. */
    constructor(event, message, facts = {}, cause) {
        super(message, { cause });
        this.event = event;
        this.id = findKind(event);
        this.kind = KINDS[this.id];
        this.facts = { ...UNKNOWN, now: Date.now(), ...facts, ...(typeof event === 'object' && event) };
        const { advice } = this.kind;
        this.advice = typeof advice === 'string' ? advice : advice(this.facts);
    }
}

;// CONCATENATED MODULE: ./src/failures/explain.ts





// Longer annotations are hard to read.
const MAX_LENGTH = 1_450;
/** Returns the text of an annotation: what failed, what to change, and where it is documented. Also logs the claims of a refused JWT. Never throws. */
function explain(error) {
    try {
        logCauses(error);
        const failure = error instanceof Failure ? error : new Failure('unexpected', quoteError(error), {}, error);
        if (failure.id in JWT_KINDS && failure.facts.jwt.token !== '') {
            listClaims(failure.facts.jwt);
        }
        return render(failure);
    }
    catch {
        return quoteError(error);
    }
}
/** Returns the text of an annotation. */
function render({ id, message, advice }) {
    const end = findDocumentation(`docs/troubleshooting.md#${id}`);
    const text = `${message.replace(/\.$/, '')}.\n${advice}`;
    return text.slice(0, MAX_LENGTH - end.length).trim() + end;
}
function quoteError(error) {
    const message = error instanceof Error ? error.message : error;
    return (typeof message === 'string' && quote(message)) || 'An unknown error';
}
// Links to the page of the version that this step runs; a local action has no version. Other servers run actions of github.com, too.
function findDocumentation(section) {
    const { GITHUB_ACTION_REPOSITORY: repository, GITHUB_ACTION_REF: ref, GITHUB_SERVER_URL: server } = process.env;
    if (!repository || !ref) {
        return '';
    }
    return !server || server === 'https://github.com'
        ? `\nhttps://github.com/${repository}/blob/${ref}/${section}`
        : `\nSee ${section} of ${repository}`;
}
function logCauses(error) {
    for (let cause = error, prefix = 'Failed'; cause instanceof Error; cause = cause.cause, prefix = 'Caused by') {
        const { name, code = '' } = cause;
        core.debug(`${prefix}: ${`${name} ${code}`.trim()}: ${quote(cause.message)}`);
    }
}

// EXTERNAL MODULE: external "node:timers/promises"
var promises_ = __webpack_require__(8500);
// EXTERNAL MODULE: external "node:tls"
var external_node_tls_ = __webpack_require__(1692);
;// CONCATENATED MODULE: ./src/failures/retry.ts





const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;
// For failures that are only retried for a part of the timeout.
const MAX_BRIEF_DELAY_MS = 1_000;
const LOG_AGAIN_MS = 10_000;
// Only Node 22.19, 24.5 and later can read the operating system's store and add it to the roots.
const { getCACertificates, setDefaultCACertificates } = external_node_tls_;
let isSystemTrusted = false;
/** Makes attempts until one succeeds or the catalogue says not to retry; throws the last Failure that explains the problem. */
async function retry(deadline, attempt) {
    const startMs = (0,time/* monotonicMs */.dR)();
    let loggedMs = -Infinity;
    let share = 0;
    let lastId = '';
    let lastTelling;
    let factor = 1;
    for (let attempts = 1;; attempts += 1) {
        try {
            return await attempt(Math.min(deadline.leftMs, factor * deadline.attemptMs));
        }
        catch (error) {
            if (!(error instanceof Failure)) {
                throw error;
            }
            const isTimeout = error.facts.code === 'NO_RESPONSE';
            // A slow server gets more time, up to all that is left.
            factor = isTimeout && error.facts.reached !== 'nothing' ? 2 * factor : 1;
            // An attempt that the deadline cuts short says less about the problem than the attempt before it. Timers can be early.
            const failure = isTimeout && deadline.leftMs < 10 ? (lastTelling ?? error) : error;
            lastTelling = failure;
            const { id, advice, kind } = failure;
            const ownShare = kind.retry ?? 0;
            // Reading the operating system's store takes longer than failing once.
            if (kind.useSystemTrust && trustSystemStore()) {
                core.debug("Node's root certificates cannot verify the server: trying those of the operating system as well");
                continue;
            }
            if (ownShare === 0) {
                throw failure;
            }
            // A server that has responded, was busy once, or whose failures change, is not a wrong address: it is busy or starting.
            const isNew = id !== lastId;
            const isStarting = failure.facts.reached === 'response' || (isNew && lastId !== '');
            share = isStarting ? 1 : Math.max(share, ownShare);
            lastId = id;
            const spentMs = (0,time/* monotonicMs */.dR)() - startMs;
            const leftMs = Math.max(0, Math.min(deadline.leftMs, share * deadline.totalMs - spentMs));
            const { retryAfterMs } = failure.facts;
            // Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
            const maxDelayMs = Math.min(share === 1 ? MAX_DELAY_MS : MAX_BRIEF_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts);
            const delayMs = retryAfterMs + Math.random() * maxDelayMs;
            core.debug(`${id}: retry for ${(0,time/* formatSeconds */.Xo)(share * deadline.totalMs)}, ${(0,time/* formatSeconds */.Xo)(leftMs)} left`);
            if (delayMs >= leftMs) {
                const wait = retryAfterMs === 0 ? '' : `; the response asks for a wait of ${(0,time/* formatSeconds */.Xo)(retryAfterMs)}`;
                const tried = `${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'} in ${(0,time/* formatSeconds */.Xo)(spentMs)}${wait}`;
                throw new Failure(failure.event, `${failure.message} (${tried})`, failure.facts, failure.cause);
            }
            if (isNew || (0,time/* monotonicMs */.dR)() - loggedMs >= LOG_AGAIN_MS) {
                // A wrong input may be the reason, and the user should not have to wait until the end to learn that.
                const hint = attempts === 1 && share < 1 ? ` If it keeps failing: ${advice}` : '';
                core.info(`${failure.message}. Retrying in ${(0,time/* formatSeconds */.Xo)(delayMs)} (${(0,time/* formatSeconds */.Xo)(leftMs)} left).${hint}`);
                loggedMs = (0,time/* monotonicMs */.dR)();
            }
            await (0,promises_.setTimeout)(delayMs);
        }
    }
}
// Adds the operating system's root certificates to those of this process; returns false if it did so before, or Node cannot.
function trustSystemStore() {
    if (isSystemTrusted || getCACertificates === undefined || setDefaultCACertificates === undefined) {
        return false;
    }
    isSystemTrusted = true;
    setDefaultCACertificates([...getCACertificates('default'), ...getCACertificates('system')]);
    return true;
}

// EXTERNAL MODULE: external "node:assert"
var external_node_assert_ = __webpack_require__(4589);
var external_node_assert_default = /*#__PURE__*/__webpack_require__.n(external_node_assert_);
;// CONCATENATED MODULE: ./src/inputs/headers.ts


// https://www.rfc-editor.org/rfc/rfc9110#section-5
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t -~\x80-\xff]+$/;
// These are set by this action or by the connection.
const RESERVED = /^(accept-encoding|connection|content-(encoding|length|type)|expect|host|keep-alive|proxy-authorization|transfer-encoding|upgrade|x-nomad-token)$/;
// A shorter value is a word such as "true", whose mask would garble the whole log.
const MIN_SECRET_LENGTH = 6;
// The runner drops each job output that contains a masked word, such as the name of an environment.
const SECRET_NAME = /^$|auth(?!ors?\b)|cookie|credential|key|password|secret|signature|token/i;
const SECRET_FORM = /^(basic|bearer|token)\s|(?<![a-z\d])(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{20}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/i;
// YAML's ">" joins lines with spaces.
const JOINED = /\s([A-Z][\w-]*-[\w-]+|[Aa]uthorization|[Cc]ookie):\s/;
/** Reads `Name: value` lines and masks the secret values; returns them by names in lower case. Throws an error that names the malformed line. */
function parseHeaders(text) {
    const lines = text.split('\n').map(splitLine);
    lines.forEach(maskHeader);
    const headers = new Map();
    for (const [index, [name, value]] of lines.entries()) {
        if (name + value === '') {
            continue;
        }
        const where = `line ${String(index + 1)}`;
        assert(name !== '', `must contain "Name: value" lines, but ${where} is not one`);
        assert(value !== '', `has no value on ${where}; check that the secret it comes from is set`);
        assert(!JOINED.test(value), `has two headers on ${where}; write "extraHeaders: |" to keep lines apart`);
        assert(NAME.test(name) && VALUE.test(value), `contains a character on ${where} that is not allowed in a header`);
        assert(!RESERVED.test(name), `sets ${name} on ${where}, which this action sets itself or does not allow`);
        assert(!headers.has(name), `repeats the header on ${where}`);
        headers.set(name, value);
    }
    return Object.fromEntries(headers);
}
/** Masks the value of a header, and the credentials in it, if its name or its form says that it is secret. */
function maskHeader([name, value]) {
    secrets_mask(value.length >= MIN_SECRET_LENGTH && (SECRET_NAME.test(name) || SECRET_FORM.test(value)) ? value : '');
    secrets_mask(/^(?:basic|bearer|token)\s+(\S+)$/i.exec(value)?.[1] ?? '');
    secrets_mask(decodeBasic(value)?.replace(/^[^:]*:/, '') ?? '');
}
/** Returns the `user:password` that a Basic authentication header encodes. https://www.rfc-editor.org/rfc/rfc7617#section-2 */
function decodeBasic(content) {
    const [, encoded = ''] = /^basic\s+([\w+/-]+=*)$/i.exec(content) ?? [];
    const decoded = Buffer.from(encoded, 'base64').toString();
    return decoded.includes(':') ? decoded : undefined;
}
// A line without a colon counts as a value: it may be a secret whose name is missing.
function splitLine(line) {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

// EXTERNAL MODULE: external "node:crypto"
var external_node_crypto_ = __webpack_require__(7598);
// EXTERNAL MODULE: external "node:fs"
var external_node_fs_ = __webpack_require__(3024);
// EXTERNAL MODULE: external "node:path"
var external_node_path_ = __webpack_require__(6760);
;// CONCATENATED MODULE: ./src/inputs/pem.ts





const BEGIN = '-----BEGIN ';
const BLOCK = /-----BEGIN ([^-]+)-----(.+?)-----END \1-----/gs;
// A shorter line does not reveal a key, and its mask could garble the log.
const SECRET_LINE = /^[\w+/=]{8,}$/;
/** Reads certificates in any of the forms of the input, in the same order; throws an error that says what is wrong. */
function parseCertificates(value) {
    const blocks = findBlocks(decode(load(value)), /^CERTIFICATE$/);
    assert(blocks.length > 0, 'does not contain a certificate (-----BEGIN CERTIFICATE-----)');
    const certificates = blocks.map((block, index) => {
        try {
            return new X509Certificate(block);
        }
        catch {
            throw new Error(`contains a certificate that cannot be read, number ${String(index + 1)}`);
        }
    });
    return {
        text: blocks.join('\n'),
        /** The common names. */
        names: certificates.flatMap(({ subject }) => /^CN=(.*)$/m.exec(subject)?.[1] ?? []),
        expiryMs: certificates.map(({ validTo }) => Date.parse(validTo)),
    };
}
/** Reads a private key in any of the forms of the input, and masks it; throws an error that says what is wrong. */
function parsePrivateKey(value) {
    const content = load(value);
    maskKey(content);
    const text = decode(content);
    maskKey(text);
    const isEncrypted = /BEGIN ENCRYPTED|Proc-Type:[^\n]*ENCRYPTED/.test(text);
    assert(!isEncrypted, 'is encrypted with a passphrase; store the key without one in a secret');
    const [key = ''] = findBlocks(text, /PRIVATE KEY$/);
    try {
        createPrivateKey(key);
    }
    catch {
        throw new Error('does not contain a private key that can be read');
    }
    return key;
}
/** Masks the lines of a private key; a value that does not contain one may still be part of one. */
function maskKey(text) {
    const bodies = [...text.matchAll(/BEGIN [A-Z ]*PRIVATE KEY-----([^-]+)/g)].map(([, body = '']) => body);
    (bodies.length > 0 ? bodies : [text])
        .flatMap((body) => body.split(/\s|\\[rn]/))
        .filter((line) => SECRET_LINE.test(line))
        .forEach(secrets_mask);
}
function load(value) {
    if (value.includes(BEGIN) || !existsSync(value)) {
        return value;
    }
    try {
        return readFileSync(value, 'utf8');
    }
    catch (error) {
        const { code = 'error' } = error;
        throw new Error(`names the file ${resolve(value)}, which cannot be read (${code})`);
    }
}
// Users paste PEM text, in which line ends may be written as \n or replaced by spaces, or base64 of such text.
function decode(content) {
    const base64 = content.replace(/\s/g, '');
    const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
    const text = isBase64 ? Buffer.from(base64, 'base64').toString() : content;
    assert(text.includes(BEGIN), 'must be PEM text, base64 of PEM text, or the path of a file with PEM text; to convert DER, run: openssl x509 -inform der -in FILE');
    return text.replace(/\\[rn]/g, '\n');
}
function findBlocks(text, label) {
    return [...text.matchAll(BLOCK)]
        .filter(([, name = '']) => label.test(name))
        .map(([, name = '', body = '']) => [`${BEGIN}${name}-----`, ...body.trim().split(/\s+/), `-----END ${name}-----`].join('\n'));
}

;// CONCATENATED MODULE: ./package.json
const package_namespaceObject = /*#__PURE__*/JSON.parse('{"UU":"nomad-jwt-auth","rE":"1.0.0"}');
// EXTERNAL MODULE: external "node:net"
var external_node_net_ = __webpack_require__(7030);
// EXTERNAL MODULE: ./node_modules/@actions/http-client/lib/proxy.js
var proxy = __webpack_require__(9783);
;// CONCATENATED MODULE: ./src/proxy.ts





/** Returns the proxy for requests to an address, by the rules of @actions/http-client, and masks its credentials; `withNetworks` adds networks and `*.example.com` to the rules of NO_PROXY. Throws a Failure if the proxy is malformed. */
function findProxy(url, { withNetworks = false } = {}) {
    const scheme = url.protocol === 'https:' ? 'https' : 'http';
    const variable = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`].find((name) => process.env[name]);
    if (variable === undefined || (0,proxy/* checkBypass */.H)(url) || (withNetworks && isExcluded(url))) {
        return undefined;
    }
    const value = process.env[variable] ?? '';
    try {
        // curl and others accept "proxy.example.com:3128", which parses as a URL of the scheme "proxy.example.com".
        return { variable, ...parseProxy(value.includes('://') ? value : `http://${value}`) };
    }
    catch {
        secrets_mask(value);
        throw new Failure('invalid-proxy', `The variable ${variable} does not contain the address of an HTTP proxy`);
    }
}
/** Describes a server, and the way to it, for messages. */
function describeServer(name, { url, proxy }) {
    const way = proxy === undefined ? '' : ` through the proxy ${proxy.origin} (${proxy.variable})`;
    return `${name} at ${new URL(url).origin}${way}`;
}
function parseProxy(address) {
    // A character such as # in the password ends the host, and part of the password would be taken for the host and shown.
    external_node_assert_default()(/^https?:\/\/([^/\\?#]*@)?[^@]*$/i.test(address), 'not the address of an HTTP proxy');
    const { origin, username, password } = new URL(address);
    if (username === '' && password === '') {
        return { origin };
    }
    // https://www.rfc-editor.org/rfc/rfc7617#section-2
    const encoded = Buffer.from(decodeURIComponent(`${username}:${password}`)).toString('base64');
    // A user name without a password is often a key.
    const secret = password || username;
    [secret, decodeURIComponent(secret), encoded].forEach(secrets_mask);
    return { origin, authorization: `Basic ${encoded}` };
}
function isExcluded(url) {
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    const entries = (process.env['no_proxy'] || process.env['NO_PROXY'] || '').toLowerCase().split(/[\s,]+/);
    return entries.some((entry) => entry.startsWith('*.') ? `.${host}`.endsWith(entry.slice(1)) : isInNetwork(host, entry));
}
function isInNetwork(host, network) {
    const [, address = '', prefix] = /^(.+)\/(\d+)$/.exec(network) ?? [];
    const family = (0,external_node_net_.isIP)(host) === 6 ? 'ipv6' : 'ipv4';
    const list = new external_node_net_.BlockList();
    try {
        list.addSubnet(address, Number(prefix), family);
        return list.check(host, family);
    }
    catch {
        // One of them is a name, or of the other family.
        return false;
    }
}

;// CONCATENATED MODULE: ./src/nomad/explain.ts




// Nomad's errors are far shorter. This limits what the patterns of the catalogue have to search.
const MAX_TEXT_LENGTH = 4096;
/** Returns the failure of a call that got an unexpected response; `summary` says what failed. */
function explainResponse(summary, response, known) {
    const { status, headers, text } = response;
    const target = status >= 300 && status < 400 ? findTarget(known.url, headers['location']) : '';
    const reason = target === '' ? summarize(text, headers['content-encoding']) : `a redirect to ${target}`;
    return new Failure({ from: 'nomad', status, text: redact(text).slice(0, MAX_TEXT_LENGTH).trim() }, `${summary} (${String(status)}): ${quote(reason) || 'an empty response'}`, { ...known, target, retryAfterMs: parseRetryAfter(headers['retry-after']) });
}
// The title describes a web page best.
function summarize(body, encoding = 'identity') {
    if (encoding !== 'identity') {
        return `a body in the encoding ${String(encoding)}`;
    }
    if (!/^\s*</.test(body)) {
        return body;
    }
    const [, title = ''] = /<title[^>]{0,200}>\s*([^<]{1,200})/i.exec(body) ?? [];
    return title === '' ? 'a web page' : `a web page (${title.trim()})`;
}
// A Location can be relative, malformed, or carry a query with secrets.
function findTarget(url = '', location) {
    if (typeof location !== 'string' || !URL.canParse(location, url)) {
        return 'an unknown address';
    }
    const { origin, pathname } = new URL(location, url);
    return origin === new URL(url).origin ? pathname : origin;
}
// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
function parseRetryAfter(value) {
    const text = typeof value === 'string' ? value.trim() : '';
    const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
    return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
/** The refusal of a proxy. */
class ProxyError extends Error {
    status;
    constructor(status) {
        super(`the proxy answered ${String(status)}`);
        this.status = status;
    }
}
/** Returns the failure of a call that an error ended. */
function explainError(error, progress, facts) {
    const { to, certificate, error: ofSocket } = progress;
    const [code, reason] = readError(ofSocket?.code?.startsWith('ERR_SSL') ? ofSocket : error);
    const reached = to === 'nomad' && progress.hasResponded ? 'response' : progress.reached;
    const event = error instanceof ProxyError ? { from: 'proxy', status: error.status, text: '' } : { to, code, reached };
    return new Failure(event, `Cannot reach ${describeServer('Nomad', facts)}: ${reason}`, { ...facts, certificate: certificate && describeCertificate(certificate) }, error);
}
function readError({ name, code = name, reason = '', message, errors = [] }) {
    // The rest of the message advises changing how Node is started.
    const said = message.replace(/(; if the root CA is installed locally.*)?[:\s]*$/s, '');
    // OpenSSL has a short reason; a host with several addresses fails with an error for each, and an empty message.
    const others = [...new Set(errors.map((each) => each.message))].join('; ');
    return [code, quote((code.startsWith('ERR_SSL') && reason) || said || others || code)];
}
function describeCertificate(leaf) {
    const names = [...(leaf.subjectaltname ?? '').matchAll(/(?<=^|, )(?:DNS|IP Address):"?([^",]+)/g)];
    const issuer = listChain(leaf).at(-1)?.issuer ?? {};
    return {
        names: names.map(([, name = '']) => quoteName(name, 100)),
        issuer: quoteName(String(issuer.CN ?? issuer.O ?? 'without a name'), 100),
        validity: `${(0,time/* formatTime */.fU)(leaf.valid_from)} to ${(0,time/* formatTime */.fU)(leaf.valid_to)}`,
    };
}
// A self-signed certificate is its own issuer, and the issuer of the last one is missing.
function listChain(certificate) {
    const { issuerCertificate: issuer, fingerprint256 } = certificate;
    return issuer && issuer.fingerprint256 !== fingerprint256 ? [certificate, ...listChain(issuer)] : [certificate];
}

// EXTERNAL MODULE: external "node:events"
var external_node_events_ = __webpack_require__(8474);
// EXTERNAL MODULE: external "node:http"
var external_node_http_ = __webpack_require__(7067);
;// CONCATENATED MODULE: ./src/nomad/socket.ts






// Node only tries each address of a host except the last for 250 ms, less than one round trip between continents and a retransmission.
(0,external_node_net_.setDefaultAutoSelectFamilyAttemptTimeout)(1_000);
/** Returns the host of a server and the name that its certificate must have, which is empty for an IP address. https://www.rfc-editor.org/rfc/rfc6066#section-3 */
function identify({ hostname }, name) {
    const host = hostname.replace(/^\[|\]$/g, '');
    return { host, servername: name ?? ((0,external_node_net_.isIP)(host) === 0 ? host.replace(/\.$/, '') : '') };
}
/** Opens a connection to Nomad, through the proxy if there is one; each step may take `stepMs`. */
async function openSocket(connection, proxy, stepMs, progress) {
    const { url, tlsSkipVerify, tlsServerName, caCertificate, clientCertificate, clientKey } = connection;
    const reach = async (reached, socket) => {
        progress.socket = socket.once('error', (error) => (progress.error = error));
        const timeout = Object.assign(new Error(`timed out after ${(0,time/* formatSeconds */.Xo)(stepMs)}`), { code: 'ETIMEDOUT' });
        const timer = setTimeout(() => socket.destroy(timeout), stepMs).unref();
        await (0,external_node_events_.once)(socket, reached === 'TCP' ? 'connect' : 'secureConnect').finally(() => clearTimeout(timer));
        progress.reached = reached;
        return socket;
    };
    const secure = (plain, options) => {
        const socket = external_node_tls_.connect({ socket: plain, ALPNProtocols: ['http/1.1'], ...options });
        // Before Node verifies the certificate, and forgets it if it is not valid.
        socket.prependOnceListener('secure', () => (progress.certificate = socket.getPeerCertificate(true)));
        return reach('TLS', socket);
    };
    const server = new URL(url);
    const first = new URL(proxy?.origin ?? url);
    Object.assign(progress, { to: proxy === undefined ? 'nomad' : 'proxy', reached: 'nothing', error: undefined });
    const port = Number(first.port || (first.protocol === 'https:' ? 443 : 80));
    let socket = await reach('TCP', (0,external_node_net_.connect)({ host: identify(first).host, port, noDelay: true }));
    if (proxy !== undefined && first.protocol === 'https:') {
        socket = await secure(socket, identify(first));
    }
    if (proxy !== undefined && server.protocol === 'https:') {
        await openTunnel(socket, server, proxy.authorization);
    }
    progress.to = 'nomad';
    if (server.protocol === 'http:') {
        return socket;
    }
    progress.reached = 'TCP';
    return secure(socket, {
        ...identify(server, tlsServerName),
        rejectUnauthorized: !tlsSkipVerify,
        ca: caCertificate?.text,
        // Like the nomad CLI, trust an intermediate CA, or the server's certificate itself. Node 20.18 and later can do this.
        allowPartialTrustChain: caCertificate !== undefined,
        cert: clientCertificate?.text,
        key: clientKey,
    });
}
// https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
async function openTunnel(socket, { host, port }, authorization) {
    const path = port ? host : `${host}:443`;
    const headers = { host: path, ...(authorization && { 'proxy-authorization': authorization }) };
    const tunnel = (0,external_node_http_.request)({ method: 'CONNECT', path, headers, createConnection: () => socket }).end();
    const [{ statusCode: status = 0 }] = (await (0,external_node_events_.once)(tunnel, 'connect'));
    if (status !== 200) {
        socket.destroy();
        throw new ProxyError(status);
    }
}

// EXTERNAL MODULE: ./src/nomad/undici.ts
var undici = __webpack_require__(2911);
;// CONCATENATED MODULE: ./src/nomad/api.ts







/** Nomad's HTTP API on one connection, which all calls share and which is reopened if it is lost. */
class NomadApi {
    /** What is known about each failure of a call. */
    facts;
    #connection;
    #connectMs;
    #progress = { to: 'nomad', reached: 'nothing', hasResponded: false };
    #dispatcher;
    /** Throws a Failure if the environment sets a malformed proxy. */
    constructor(connection, deadline) {
        const { url, region, caCertificate, clientCertificate } = connection;
        this.#connection = connection;
        const proxy = findProxy(new URL(url), { withNetworks: true });
        this.facts = { url, region, proxy, caCertificate, clientCertificate };
        this.#connectMs = Math.min(deadline.totalMs * time/* SIXTH */.bA, deadline.attemptMs);
        this.#dispatcher = this.#open();
        core.debug(`Connecting to ${describeServer('Nomad', this.facts)}${proxy ? '' : ' without a proxy'}`);
    }
    /** Makes a call and returns its response, whatever the status; throws a Failure if there is no response within `limitMs`. */
    async send(call, limitMs) {
        const startMs = (0,time/* monotonicMs */.dR)();
        const what = `${call.method} ${this.#connection.url}${call.path}`;
        const log = (outcome) => core.debug(`${what}: ${String(outcome)} after ${((0,time/* monotonicMs */.dR)() - startMs).toFixed()} ms`);
        try {
            const response = await (0,time/* withTimeout */.wj)(limitMs, this.#exchange(call));
            log(response.status);
            return response;
        }
        catch (error) {
            const failure = explainError(error, this.#progress, this.facts);
            const { code, status } = failure.facts;
            // This step itself has closed the connection.
            log(code === 'UND_ERR_DESTROYED' ? 'canceled' : code || status);
            if (code === 'NO_RESPONSE') {
                // Requests that wait on the same connection would not get a response either.
                this.close(error);
                this.#dispatcher = this.#open();
            }
            throw failure;
        }
    }
    /** Closes the connection and ends the calls on it. */
    close(error = null) {
        void this.#dispatcher.destroy(error);
        this.#progress.socket?.destroy();
    }
    #open() {
        return new undici/* Agent */.g6({
            connections: 1,
            pipelining: 2,
            // GitHub can take a while to issue a JWT, and the connection to Nomad is idle until then.
            keepAliveTimeout: 60_000,
            // Far more than any response from Nomad.
            maxResponseSize: 1024 * 1024,
            connect: (_, callback) => void openSocket(this.#connection, this.facts.proxy, this.#connectMs, this.#progress).then((socket) => callback(null, socket), (error) => callback(error, null)),
        });
    }
    async #exchange({ method, path, secretId, body }) {
        const { url, region, extraHeaders } = this.#connection;
        const { origin, pathname, protocol } = new URL(url + path);
        const proxy = protocol === 'http:' ? this.facts.proxy : undefined;
        const response = await undici/* request */.Em.call(this.#dispatcher, {
            origin,
            path: proxy ? origin + pathname : pathname,
            query: region === undefined ? {} : { region },
            method,
            // Two GET requests at once take one round trip.
            blocking: method !== 'GET',
            headers: {
                'accept-encoding': 'identity',
                'user-agent': `${package_namespaceObject.UU}/${package_namespaceObject.rE}`,
                ...extraHeaders,
                'proxy-authorization': proxy?.authorization,
                'x-nomad-token': secretId,
                'content-type': body && 'application/json',
            },
            body: body ? JSON.stringify(body) : null,
        });
        // What follows may be cut off.
        this.#progress.hasResponded = true;
        const text = await response.body.text();
        if (proxy && response.statusCode === 407) {
            throw new ProxyError(407);
        }
        return { status: response.statusCode, headers: response.headers, text };
    }
}

;// CONCATENATED MODULE: ./src/nomad/token.ts


const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const token_NAME = /^[a-zA-Z0-9-]{1,128}$/;
const TYPE = /^(client|management)$/;
// The token of a request without one is "anonymous".
const ACCESSOR_ID = /^[\w-]{1,36}$/;
// Nomad's own messages for a token that does not exist: "not found" up to 1.8, and "Permission denied" since 1.10. Since 1.11, it
// says "expired" until it deletes an expired token.
const UNKNOWN_TOKEN = /^(?:403 (?:rpc error: )?Permission denied|404 (?:rpc error: )?ACL token not found|500 (?:rpc error: )?ACL token expired)\s*$/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
/** Reads the token in a response body and masks it; throws an error if there is none. */
function parseToken(body) {
    const token = JSON.parse(body);
    const secretId = expectMatch(token?.['SecretID'], /./);
    // Also one that is not valid, because the response is quoted then.
    mask(secretId);
    return {
        secretId: expectMatch(secretId, UUID),
        accessorId: expectMatch(token?.['AccessorID'], UUID),
        type: expectMatch(token?.['Type'], TYPE),
        /** The names of the policies that are linked directly to the token. */
        policies: expectList(token?.['Policies']).map((policy) => expectMatch(policy, token_NAME)),
        roles: readNames(token?.['Roles']),
        expirationTime: token?.['ExpirationTime'] == null ? '' : expectMatch(token['ExpirationTime'], RFC_3339),
    };
}
/** Reads the accessor ID of a token in a response body; throws an error if the value has another form. */
function readAccessorId(body) {
    return expectMatch(body?.['AccessorID'], ACCESSOR_ID);
}
/** Tells whether a failure is Nomad's own response to a request with a token that it does not know. */
function isUnknownToken({ facts: { status, text } }) {
    return UNKNOWN_TOKEN.test(`${String(status)} ${text}`);
}
/** Reads the `Name` of each object in a list; throws an error if the value has another form. */
function readNames(value) {
    return expectList(value).map((item) => expectMatch(item?.['Name'], token_NAME));
}
// Go writes an empty list as null.
function expectList(value) {
    assert(value == null || Array.isArray(value), 'not a list');
    return value ?? [];
}
function expectMatch(value, pattern) {
    assert(typeof value === 'string' && pattern.test(value), 'not of the expected form');
    return value;
}

;// CONCATENATED MODULE: ./src/nomad/revoke.ts










const MAX_S = 5;
/** Revokes a management token with itself and logs the outcome: https://developer.hashicorp.com/nomad/api-docs/acl/tokens#delete-token */
async function revokeToken(accessorId, secretId, connection) {
    const name = `The management token ${accessorId}`;
    // This process has not masked them yet.
    secrets_mask(secretId);
    maskKey(connection.clientKey ?? '');
    Object.entries(connection.extraHeaders).forEach(maskHeader);
    const deadline = new time/* Deadline */.B2(Math.min(MAX_S, connection.timeout));
    try {
        const nomad = new NomadApi(connection, deadline);
        const outcome = await retry(deadline, async (limitMs) => {
            const response = await nomad.send({ method: 'DELETE', path: `/v1/acl/token/${accessorId}`, secretId }, limitMs);
            // A web page with status 200 does not come from Nomad.
            if (response.status === 200 && response.text === '') {
                return 'is revoked';
            }
            const failure = explainResponse('Nomad refused to revoke the token', response, nomad.facts);
            // Nomad gives the same answer if something in between removes X-Nomad-Token, but then to any request.
            const self = { method: 'GET', path: '/v1/acl/token/self', secretId };
            if (isUnknownToken(failure) && (await nomad.send(self, limitMs)).status !== 200) {
                return 'had already expired or been revoked';
            }
            throw failure;
        }).finally(() => nomad.close());
        core.info(`${name} ${outcome}.`);
    }
    catch (error) {
        // The job itself is done.
        core.warning(`${name} could not be revoked and stays valid until it expires. ${explain(error)}`);
    }
}


/***/ }),

/***/ 2911:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   Em: () => (/* binding */ request),
/* harmony export */   g6: () => (/* binding */ Agent),
/* harmony export */   kT: () => (/* binding */ ProxyAgent)
/* harmony export */ });
/* harmony import */ var node_v8__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(8877);
/* harmony import */ var node_v8__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(node_v8__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var undici_lib_api_api_request_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(4043);
/* harmony import */ var undici_lib_api_api_request_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(undici_lib_api_api_request_js__WEBPACK_IMPORTED_MODULE_1__);
/* harmony import */ var undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_2__ = __webpack_require__(7405);
/* harmony import */ var undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_2___default = /*#__PURE__*/__webpack_require__.n(undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_2__);
/* harmony import */ var undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_3__ = __webpack_require__(6672);
/* harmony import */ var undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_3___default = /*#__PURE__*/__webpack_require__.n(undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_3__);




// These modules and the V8 flag halve the CPU time of a run (4.0 instead of 9.5 times an empty program on Node 20, 3.6 instead of
// 6.3 on Node 24) and the bundle (680 instead of 1,504 kB). undici's index also loads fetch, WebSocket, caches and mocks;
// scripts/build.ts leaves out the part of fetch that only form data needs. The modules are not a public interface: check them when
// you update undici. "paths" in tsconfig.json gives this file to @actions/http-client as well. The flag keeps V8 from
// optimizing the WebAssembly parser, because the process would wait for that before it ends. If it were set before Node's own
// modules are loaded, V8 would compile these again.
(0,node_v8__WEBPACK_IMPORTED_MODULE_0__.setFlagsFromString)('--wasm-tiering-budget=1000000000');
/** Only for @actions/http-client. */
const ProxyAgent = (undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_3___default());
const Agent = (undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_2___default());
const request = (undici_lib_api_api_request_js__WEBPACK_IMPORTED_MODULE_1___default());


/***/ })

};
