export const id = 937;
export const ids = [937,150];
export const modules = {

/***/ 1150:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   g6: () => (/* reexport default from dynamic */ undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_3___default.a),
/* harmony export */   gU: () => (/* reexport default from dynamic */ undici_lib_core_connect_js__WEBPACK_IMPORTED_MODULE_2___default.a),
/* harmony export */   kT: () => (/* reexport default from dynamic */ undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_5___default.a)
/* harmony export */ });
/* harmony import */ var node_v8__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(8877);
/* harmony import */ var node_v8__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(node_v8__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var undici_lib_api_index_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(6615);
/* harmony import */ var undici_lib_core_connect_js__WEBPACK_IMPORTED_MODULE_2__ = __webpack_require__(9136);
/* harmony import */ var undici_lib_core_connect_js__WEBPACK_IMPORTED_MODULE_2___default = /*#__PURE__*/__webpack_require__.n(undici_lib_core_connect_js__WEBPACK_IMPORTED_MODULE_2__);
/* harmony import */ var undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_3__ = __webpack_require__(7405);
/* harmony import */ var undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_3___default = /*#__PURE__*/__webpack_require__.n(undici_lib_dispatcher_agent_js__WEBPACK_IMPORTED_MODULE_3__);
/* harmony import */ var undici_lib_dispatcher_dispatcher_js__WEBPACK_IMPORTED_MODULE_4__ = __webpack_require__(883);
/* harmony import */ var undici_lib_dispatcher_dispatcher_js__WEBPACK_IMPORTED_MODULE_4___default = /*#__PURE__*/__webpack_require__.n(undici_lib_dispatcher_dispatcher_js__WEBPACK_IMPORTED_MODULE_4__);
/* harmony import */ var undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_5__ = __webpack_require__(6672);
/* harmony import */ var undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_5___default = /*#__PURE__*/__webpack_require__.n(undici_lib_dispatcher_proxy_agent_js__WEBPACK_IMPORTED_MODULE_5__);






// These modules and the V8 flag halve the CPU time of a run (4.0 instead of 9.5 times an empty program on Node 20, 3.4 instead of
// 6.3 on Node 24) and the bundle (825 instead of 1,504 kB). undici's index also loads fetch, WebSocket, caches and mocks. The modules
// are not a public interface: check them when you update undici. "paths" in tsconfig.json gives this file to
// @actions/http-client as well. The flag keeps V8 from optimizing the WebAssembly parser, because the process would wait for
// that before it ends. If it were set before Node's own modules are loaded, V8 would compile these again.
(0,node_v8__WEBPACK_IMPORTED_MODULE_0__.setFlagsFromString)('--wasm-tiering-budget=1000000000');
// As undici's index does.
Object.assign((undici_lib_dispatcher_dispatcher_js__WEBPACK_IMPORTED_MODULE_4___default().prototype), undici_lib_api_index_js__WEBPACK_IMPORTED_MODULE_1__);



/***/ }),

/***/ 3937:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  revokeToken: () => (/* binding */ revokeToken)
});

// EXTERNAL MODULE: ./node_modules/@actions/core/lib/core.js + 12 modules
var lib_core = __webpack_require__(143);
// EXTERNAL MODULE: ./src/deadline.ts
var src_deadline = __webpack_require__(6683);
;// CONCATENATED MODULE: ./src/escapes.ts
// One character as URLs, JSON and HTML escape it.
const ESCAPED = /%[0-7][\da-f]|%[c-f][\da-f](?:%[89ab][\da-f]){1,3}|\\u[\da-f]{4}|\\x[\da-f]{2}|\\[/"'\\bfnrt]|&(?:#0*\d{1,6}|#x0*[\da-f]{1,5}|amp|lt|gt|quot|apos);/gi;
const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Splits a text into its characters; with `unescaping`, it decodes the escapes of URLs, JSON and HTML. */
function* split(text, unescaping) {
    let at = 0;
    for (const match of unescaping ? text.matchAll(ESCAPED) : []) {
        for (; at < match.index; at += 1) {
            yield [text.charAt(at), at, at + 1];
        }
        at += match[0].length;
        yield [escapes_unescape(match[0]), match.index, at];
    }
    for (; at < text.length; at += 1) {
        yield [text.charAt(at), at, at + 1];
    }
}
function escapes_unescape(text) {
    if (text.startsWith('%')) {
        return Buffer.from(text.replaceAll('%', ''), 'hex').toString();
    }
    if (text.startsWith('\\')) {
        const isWhiteSpace = /^\\[bfnrt]$/i.test(text);
        return isWhiteSpace ? ' ' : text.length === 2 ? text.charAt(1) : String.fromCharCode(parseInt(text.slice(2), 16));
    }
    const name = text.slice(1, -1).toLowerCase();
    return (NAMED[name] ?? String.fromCodePoint(name.startsWith('#x') ? parseInt(name.slice(2), 16) : Number(name.slice(1))));
}

;// CONCATENATED MODULE: ./src/redact.ts

// Replacing a very short secret would garble ordinary words, and the replacements would reveal it.
const MIN_REPLACED_LENGTH = 4;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const IGNORED = /[\s\p{C}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;
const secrets = new Set();
// The encoded forms of the secrets, and the secrets that are not encoded yet, because most runs never quote anything.
const redact_forms = new Set();
const pending = [];
/** Makes `redact` remove a secret, including its common encodings. */
function addSecret(secret) {
    if (!secrets.has(secret)) {
        secrets.add(secret);
        pending.push(secret);
    }
}
/** Replaces the secrets in a text, even if they are encoded or have spaces in them; `isCut` means that the end of the text is missing. */
function redact(text, isCut = false) {
    const isSecret = new Uint8Array(text.length);
    // A server may escape any of the characters of a secret, and a secret may look like an escape itself.
    for (const { plain, ranges } of [normalize([...split(text, false)]), normalize([...split(text, true)])]) {
        const mark = (first, last) => isSecret.fill(1, ranges[first]?.[0], ranges[last]?.[1]);
        for (const form of listForms()) {
            for (let at = plain.indexOf(form); at !== -1; at = plain.indexOf(form, at + form.length)) {
                mark(at, at + form.length - 1);
            }
            const cut = isCut ? findCutSecret(plain, form) : 0;
            if (cut > 0) {
                mark(plain.length - cut, plain.length - 1);
            }
        }
    }
    let result = '';
    for (let at = 0; at < text.length; at += 1) {
        result += isSecret[at] === 0 ? text.charAt(at) : isSecret[at - 1] === 1 ? '' : '***';
    }
    return result;
}
function listForms() {
    for (const form of pending.splice(0).flatMap(encode)) {
        // Most secrets are ASCII and may be long, as JWTs are.
        const plain = /^[!-~]*$/.test(form) ? form.toLowerCase() : normalize([...split(form, false)]).plain;
        if (plain.length >= MIN_REPLACED_LENGTH) {
            redact_forms.add(plain);
        }
    }
    return redact_forms;
}
// Returns how many characters at the end of a text may be the beginning of a secret.
function findCutSecret(plain, form) {
    for (let length = Math.min(form.length - 1, plain.length); length >= MIN_REPLACED_LENGTH; length -= 1) {
        if (plain.endsWith(form.slice(0, length))) {
            return length;
        }
    }
    return 0;
}
// White space and invisible characters between the characters of a secret, or another case, do not hide it.
function normalize(pieces) {
    const ranges = [];
    let plain = '';
    for (const [text, from, to] of pieces) {
        for (let at = 0; at < text.length; at += 1) {
            const character = text.charAt(at);
            if (!IGNORED.test(character)) {
                const lower = character.toLowerCase();
                plain += lower.length === 1 ? lower : character;
                ranges.push([from, to]);
            }
        }
    }
    return { plain, ranges };
}
function encode(secret) {
    return [
        secret,
        // A secret that looks like an escape also has an unescaped form.
        [...split(secret, true)].map(([text]) => text).join(''),
        // Forms in URLs encode a space as a plus sign.
        secret.replaceAll(' ', '+'),
        ...[0, 1, 2].flatMap((shift) => encodeBase64(secret, shift)),
        ...(UUID.test(secret) ? [secret.replaceAll('-', '')] : []),
    ];
}
// Within a longer text, a secret begins at one of three offsets in the groups of base64, and its first and last characters vary.
function encodeBase64(secret, shift) {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]);
    const whole = bytes.toString('base64url').slice(shift === 0 ? 0 : shift + 1);
    const inner = bytes.length % 3 === 0 ? whole : whole.slice(0, -1);
    return [inner, inner.replaceAll('-', '+').replaceAll('_', '/')];
}

;// CONCATENATED MODULE: ./src/secrets.ts


const MAX_QUOTE_LENGTH = 500;
// Far more than any response from Nomad. It keeps servers from slowing this process down with a megabyte of text.
const MAX_SEARCHED_LENGTH = 16_384;
// The mask of one or two characters would garble the whole log.
const MIN_LENGTH = 3;
const JWT = /^[\w-]+\.[\w-]+\.([\w-]{16,})$/;
// Colors and links. The function of node:util for this takes quadratic time.
const TERMINAL_ESCAPE = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/g;
// An escape of a terminal, a URL, JSON or HTML that is cut off at the end of an excerpt.
const CUT_ESCAPE = /(?:[\u001b\u009b][^@-Z\\^-~\u001b\u009b]*|(?:%[c-f][\da-f](?:%[89ab][\da-f]){0,2})?(?:%[\da-f]?)?|\\(?:[ux][\da-f]{0,3})?|&#?\w*)$/i;
/** Masks a secret in the runner's log, and makes `quote` remove it, including its common encodings. */
function mask(secret) {
    // A server may echo the signature of a JWT alone.
    const [, signature = ''] = JWT.exec(secret) ?? [];
    for (const part of [secret, signature].filter(({ length }) => length >= MIN_LENGTH)) {
        lib_core.setSecret(part);
        addSecret(part);
    }
}
/**
 * Returns the beginning of a text from another program without secrets and terminal escapes.
 * A server may echo what was sent to it, and the runner does not mask a secret that is encoded or cut.
 */
function excerpt(text, maxLength) {
    const isCut = text.length > maxLength;
    const head = text.slice(0, maxLength).replace(TERMINAL_ESCAPE, '');
    return redact(isCut ? head.replace(CUT_ESCAPE, '') : head, isCut);
}
/** Returns an excerpt on one line, without control characters and workflow commands. */
function quote(text, maxLength = MAX_QUOTE_LENGTH) {
    const line = excerpt(text, MAX_SEARCHED_LENGTH)
        .replace(/[\s\p{C}]+/gu, ' ')
        // Text that looks like a JWT or a Nomad token may be one that was never masked.
        .replace(/eyJ[\w-]+(\.[\w-]*)*|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi, '***')
        .trim();
    const safe = disarm(line);
    return safe.length > maxLength ? `${safe.slice(0, maxLength)}…` : safe;
}
/** Returns an ID, even if it looks like a Nomad token, unless it contains a masked secret. */
function quoteId(id) {
    return /^[\w-]{1,128}$/.test(id) && redact(id) === id ? id : quote(id, 128);
}
/**
 * Breaks up workflow commands: the runner looks for `::name` at the beginning of a line, and for `##[name` anywhere.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
function disarm(line) {
    return line.replaceAll('##[', '## [').replace(/::(?=[\w-]+(?:::|\s))/g, ': :');
}

// EXTERNAL MODULE: external "node:net"
var external_node_net_ = __webpack_require__(7030);
;// CONCATENATED MODULE: ./src/failures/failure.ts
/** Describes a server and its proxy for messages. */
function describeTarget({ peer, url, proxy }) {
    const way = proxy === undefined ? '' : ` through the proxy ${proxy.origin} (${proxy.variable})`;
    return `${peer} at ${new URL(url).origin}${way}`;
}
/** A failure that the catalogue can explain; the message is one sentence without a period that says what failed and does not contain secrets. */
class Failure extends Error {
    details;
    constructor(message, { cause, ...details }) {
        super(message, cause === undefined ? {} : { cause });
        this.details = details;
    }
    /** Returns the same failure with more details, or with an addition to its message. */
    with(details, addition = '') {
        return new Failure(this.message + addition, { ...this.details, cause: this.cause, ...details });
    }
}

;// CONCATENATED MODULE: ./src/failures/match.ts
/** Defines a kind of failure; its advice can only use the facts that its match returns, so none of them can be missing. */
function defineKind({ match, advice, ...given }) {
    return {
        retryS: 0,
        variants: [],
        isAboutClaims: false,
        ...given,
        diagnose: ({ details }) => {
            const facts = match(details);
            return facts === undefined ? undefined : (now) => advice(facts, now);
        },
    };
}
/** Matches failures with a code of this project. */
function code(...codes) {
    return ({ code: actual }) => actual !== undefined && codes.includes(actual) ? {} : undefined;
}
/** Matches requests without a complete response by their failure code or the error code of Node or undici. */
function network(codes, test = () => true) {
    return (details) => {
        const { target, network: error, unusedAddress } = details;
        if (target === undefined || error === undefined || !codes.test(details.code ?? error.code)) {
            return undefined;
        }
        const facts = { ...target, ...error, host: new URL(target.url).hostname, unusedAddress };
        return test(facts) ? facts : undefined;
    };
}
/** Matches responses of Nomad, or of another peer if it is given; `found` has the groups of the pattern. */
function response(status, body = /(?:)/, peer = 'Nomad') {
    return ({ target, response: actual }) => {
        const match = body.exec(actual?.body ?? '');
        return actual !== undefined && target?.peer === peer && status.test(String(actual.status)) && match !== null
            ? { ...actual, ...target, found: match.slice(1) }
            : undefined;
    };
}
/** Matches Nomad's refusals of a login. */
function refusal(body, status = /^(400|401|500)$/) {
    return (details) => {
        const answered = response(status, body)(details);
        return answered && details.login && { ...answered, ...details.login };
    };
}

;// CONCATENATED MODULE: ./src/failures/catalogue-connection.ts




const NOMAD = { peer: 'Nomad', url: 'https://nomad.example.com:4646' };
const UNCONNECTED = { code: '', hasResponded: false, hadConnected: false, isConnected: false };
const PROXY = { origin: 'http://proxy.example.com:3128', variable: 'HTTPS_PROXY' };
const UNREACHABLE = /ETIMEDOUT|CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH/;
// A busy Nomad may also send its refusal during a TLS handshake, and decrypting it then fails.
const CLOSED = /ECONNRESET|EPIPE|UND_ERR_SOCKET|DECRYPTION_FAILED/;
const unreached = (said, error, target = NOMAD) => new Failure(`Cannot reach ${describeTarget(target)}: ${said}`, {
    target,
    network: { ...UNCONNECTED, ...error },
});
const unanswered = (said, failureCode) => new Failure(`Nomad at ${NOMAD.url} ${said}`, {
    code: failureCode,
    target: NOMAD,
    network: UNCONNECTED,
});
const isProxied = ({ proxy }) => proxy !== undefined;
const isTls = ({ url }) => url.startsWith('https:');
// A port that is not Nomad's HTTP API never completes a TLS handshake; a busy server sometimes does.
const isBusy = (facts) => facts.hasResponded || (isTls(facts) && facts.hadConnected && !facts.isConnected);
/** Names the setting that contains the address of the host. */
function nameSource({ proxy }) {
    return proxy === undefined ? 'the input url' : `the environment variable ${proxy.variable}`;
}
function adviseName({ certificateNames = [], host }) {
    const shown = certificateNames.slice(0, 10);
    const more = certificateNames.length > shown.length ? ` and ${String(certificateNames.length - shown.length)} more` : '';
    const server = certificateNames.find((name) => /^server\.[\w-]+\.nomad$/.test(name));
    const isName = (name) => (0,external_node_net_.isIP)(name) === 0;
    const change = server !== undefined
        ? `Set the input tlsServerName to ${server}.`
        : certificateNames.some(isName)
            ? 'Set the input tlsServerName to one of these names, or use one in the input url.'
            : 'Use one of these addresses in the input url.';
    return `The certificate of ${host} is valid for ${shown.join(', ')}${more}. ${change}`;
}
/** Reasons why there was no complete response. */
const CONNECTION_KINDS = [
    defineKind({
        id: 'invalid-proxy',
        match: code('INVALID_PROXY'),
        example: () => new Failure('The environment variable HTTPS_PROXY is not the address of an HTTP proxy', {
            code: 'INVALID_PROXY',
        }),
        advice: () => 'Set it to an address such as http://proxy.example.com:3128, or unset it on the runner.',
    }),
    defineKind({
        id: 'proxy-authentication',
        match: network(/(?:)/, ({ proxyStatus }) => proxyStatus === 407),
        example: () => unreached('the proxy answered 407', { proxyStatus: 407 }, { ...NOMAD, proxy: PROXY }),
        advice: ({ host, proxy }) => `The proxy rejects the credentials. Correct them in ${proxy?.variable ?? 'HTTPS_PROXY'} (http://USER:PASSWORD@proxy.example.com:3128, with special characters percent-encoded), or add ${host} to NO_PROXY.`,
    }),
    defineKind({
        id: 'proxy-unavailable',
        retryS: Infinity,
        match: network(/(?:)/, ({ proxyStatus = 0 }) => [429, 502, 503, 504].includes(proxyStatus)),
        example: () => unreached('the proxy answered 503', { proxyStatus: 503 }, { ...NOMAD, proxy: PROXY }),
        advice: ({ host }) => `The proxy cannot connect to ${host} at the moment. Check that the server is running and that the proxy can reach it, or add ${host} to NO_PROXY if the runner reaches it directly.`,
    }),
    defineKind({
        id: 'proxy-refused',
        match: network(/(?:)/, ({ proxyStatus }) => proxyStatus !== undefined),
        example: () => unreached('the proxy answered 403', { proxyStatus: 403 }, { ...NOMAD, proxy: PROXY }),
        advice: ({ host }) => `The proxy does not allow connections to ${host}. Allow the host and port there, or add ${host} to NO_PROXY if the runner reaches it directly.`,
    }),
    defineKind({
        id: 'unknown-host',
        match: network(/ENOTFOUND/),
        example: () => unreached('getaddrinfo ENOTFOUND nomad.example.com', { code: 'ENOTFOUND' }),
        advice: (facts) => `This runner cannot resolve the host name ${facts.proxy === undefined ? facts.host : new URL(facts.proxy.origin).hostname}. Check the spelling in ${nameSource(facts)}. A private name needs a self-hosted runner that can resolve it.`,
    }),
    defineKind({
        id: 'proxy-unreachable',
        retryS: 5,
        match: network(/ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH/, isProxied),
        example: () => unreached('connect ECONNREFUSED 192.0.2.1:3128', { code: 'ECONNREFUSED' }, { ...NOMAD, proxy: PROXY }),
        advice: ({ host, proxy }) => `The proxy itself cannot be reached. Correct its address in ${proxy?.variable ?? 'HTTPS_PROXY'}, or add ${host} to NO_PROXY.`,
    }),
    defineKind({
        id: 'github-unreachable',
        retryS: Infinity,
        match: network(/(?:)/, ({ peer }) => peer === 'GitHub'),
        example: () => unreached('read ECONNRESET', { code: 'ECONNRESET' }, { peer: 'GitHub', url: 'https://pipelines.actions.githubusercontent.com' }),
        advice: ({ host }) => `GitHub's token endpoint does not respond, or the network is failing. A self-hosted runner must be able to reach ${host}, through HTTPS_PROXY if necessary. Otherwise check https://www.githubstatus.com.`,
    }),
    defineKind({
        id: 'untrusted-certificate',
        match: network(/UNABLE_TO|SELF_SIGNED|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA/),
        example: () => unreached('unable to verify the first certificate', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }),
        advice: ({ host }) => `The certificate of ${host} is not signed by a CA that this step trusts. Set the input caCertificate to the certificate of the CA that signed it, in PEM or base64. Include intermediate CAs if the server does not send them.`,
    }),
    defineKind({
        id: 'certificate-without-names',
        match: network(/ALTNAME/, ({ certificateNames = [] }) => certificateNames.length === 0),
        example: () => unreached('the certificate has no subject alternative name', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
        advice: ({ host }) => `A certificate must name its server in a subject alternative name. Like the nomad CLI, this action ignores the common name. Create a new certificate for ${host}, for example with: nomad tls cert create -server`,
    }),
    defineKind({
        id: 'certificate-name-mismatch',
        match: network(/ALTNAME/),
        example: () => unreached("Hostname/IP does not match certificate's altnames: IP: 192.0.2.10 is not in the cert's list", { code: 'ERR_TLS_CERT_ALTNAME_INVALID', certificateNames: ['server.global.nomad', 'localhost'] }, { ...NOMAD, url: 'https://192.0.2.10:4646' }),
        advice: adviseName,
    }),
    defineKind({
        id: 'certificate-expired',
        match: network(/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/),
        example: () => unreached('certificate has expired', { code: 'CERT_HAS_EXPIRED' }),
        advice: ({ host }, now) => `The certificate of ${host}, or of its CA, has expired or is not yet valid. Renew it on the server, update the input caCertificate, or correct the runner's clock (${(0,src_deadline/* formatTime */.fU)(now)}).`,
    }),
    defineKind({
        id: 'tls-not-supported',
        match: network(/WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST/),
        example: () => unreached('wrong version number', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }),
        advice: ({ host }) => `${host} does not use TLS on this port. Change the input url to http://, or to the port that uses TLS.`,
    }),
    defineKind({
        id: 'client-certificate-required',
        match: network(/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/),
        example: () => unreached('tlsv13 alert certificate required', { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }),
        advice: ({ host }) => `${host} requires a client certificate (mTLS). Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key.`,
    }),
    defineKind({
        id: 'server-name-unknown',
        match: network(/INTERNAL_ERROR|UNRECOGNIZED_NAME/),
        example: () => unreached('tlsv1 unrecognized name', { code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' }),
        advice: ({ host }) => `${host} does not have a certificate for the requested name. Check the host in the input url, or the input tlsServerName.`,
    }),
    defineKind({
        id: 'client-certificate-refused',
        match: network(/ALERT/),
        example: () => unreached('tlsv1 alert unknown ca', { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }),
        advice: ({ host }) => `${host} does not accept the certificate in the input clientCertificate, or the TLS version. The certificate must be signed by the CA in ca_file of Nomad's tls block, and must not have expired.`,
    }),
    defineKind({
        id: 'connection-refused',
        retryS: 5,
        match: network(/ECONNREFUSED/),
        example: () => unreached('connect ECONNREFUSED 192.0.2.10:4646', { code: 'ECONNREFUSED' }),
        advice: ({ unusedAddress }) => unusedAddress === undefined
            ? "Nothing listens on this address. Check the host and port in the input url (4646 is Nomad's default port). Check that the server is running, and that its bind_addr is not just 127.0.0.1."
            : unusedAddress === ''
                ? 'The input url is not set, so the default was used. Set it to the address of your Nomad servers, such as https://nomad.example.com:4646.'
                : `The input url is not set, and this action does not read NOMAD_ADDR (${unusedAddress}). Set the input in the workflow: url: \${{ env.NOMAD_ADDR }}`,
    }),
    defineKind({
        id: 'dns-unavailable',
        retryS: 5,
        match: network(/EAI_AGAIN/),
        example: () => unreached('getaddrinfo EAI_AGAIN nomad.example.com', { code: 'EAI_AGAIN' }),
        advice: ({ host }) => `This runner's DNS server does not respond, or cannot resolve ${host} at the moment. Check the spelling in the input url and the DNS settings of the runner. A private name needs a self-hosted runner that can resolve it.`,
    }),
    defineKind({
        id: 'unreachable',
        retryS: 5,
        match: network(UNREACHABLE),
        example: () => unreached('Connect Timeout Error', { code: 'UND_ERR_CONNECT_TIMEOUT' }),
        advice: (facts) => `This runner cannot reach ${facts.host}${isTls(facts) ? ', or the server accepts connections without completing the TLS handshake: check the port' : ''}. GitHub-hosted runners can only reach public addresses. Allow their connections in your firewall, use a self-hosted runner inside the network, or set HTTPS_PROXY.`,
    }),
    defineKind({
        id: 'no-response',
        retryS: Infinity,
        match: network(/NO_RESPONSE|NOT_SENT/),
        example: () => unanswered('did not respond within 20.0 s', 'NO_RESPONSE'),
        advice: ({ host }) => `${host} accepts connections but does not respond. Check that the input url names the port of Nomad's HTTP API (4646 by default, not 4647 or 4648). If the servers are slow, for example because they cannot fetch the issuer's keys quickly, set a longer timeout.`,
    }),
    defineKind({
        id: 'server-busy',
        retryS: Infinity,
        match: network(CLOSED, isBusy),
        example: () => unreached('read ECONNRESET', { code: 'ECONNRESET', hasResponded: true }),
        advice: ({ host }) => `${host} has responded before but now closes connections. It is probably busy. Raise http_max_conns_per_client in the limits block of the Nomad servers, run fewer jobs at once, or set a longer timeout.`,
    }),
    defineKind({
        id: 'closed-after-handshake',
        retryS: 5,
        match: network(/UND_ERR_SOCKET/, isTls),
        example: () => unreached('other side closed', { code: 'UND_ERR_SOCKET' }),
        advice: ({ host }) => `${host} closes the connection after the TLS handshake. Servers do this if they require a client certificate or refuse the one they get. Set the input clientCertificate to a certificate that the CA of the Nomad servers has signed, and clientKey to its private key.`,
    }),
    defineKind({
        id: 'connection-closed',
        retryS: 10,
        match: network(CLOSED),
        example: () => unreached('read ECONNRESET', { code: 'ECONNRESET' }),
        variants: [
            'Cannot reach Nomad at http://nomad.example.com:4648: other side closed',
            'Cannot reach Nomad at https://nomad.example.com:4648: Client network socket disconnected before secure TLS connection was established',
        ],
        advice: (facts) => `${new URL(facts.url).host} closes connections without a response, so it is probably not Nomad's HTTP API. The API uses port 4646 by default; Nomad servers use ports 4647 and 4648 among themselves. Check the port${isTls(facts) ? '' : ', and whether it needs https://'}.`,
    }),
    defineKind({
        id: 'tls-handshake-failed',
        match: network(/^ERR_SSL|EPROTO/),
        example: () => unreached('unsupported protocol', { code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' }),
        advice: ({ host }) => `${host} and this runner cannot negotiate a TLS connection. Check tls_min_version and tls_cipher_suites in the tls block of the Nomad servers, and any load balancer or proxy in between.`,
    }),
    defineKind({
        id: 'not-http',
        match: network(/HPE_|RESPONSE_TOO_LONG/),
        example: () => unreached('Response does not match the HTTP/1.1 protocol', { code: 'HPE_INVALID_CONSTANT' }),
        advice: ({ host }) => `${host} does not respond like Nomad. If this port uses TLS, change the input url to https://. Otherwise, it is not the port of Nomad's HTTP API.`,
    }),
];

;// CONCATENATED MODULE: ./src/failures/catalogue-identity.ts


const GITHUB = { peer: 'GitHub', url: 'https://pipelines.actions.githubusercontent.com' };
const isGithub = ({ peer }) => peer === 'GitHub';
const refused = (status, body) => new Failure(`GitHub did not issue an OIDC token (${String(status)}): ${body}`, {
    target: GITHUB,
    response: { status, body },
});
const catalogue_identity_unreached = (said, errorCode) => new Failure(`Cannot reach GitHub at ${GITHUB.url}: ${said}`, {
    target: GITHUB,
    network: { code: errorCode, hasResponded: false, hadConnected: false, isConnected: false },
});
/** Failures before the login: malformed inputs, and jobs to which GitHub issues no JWT. */
const IDENTITY_KINDS = [
    defineKind({
        id: 'invalid-input',
        match: ({ code: actual, input }) => (actual === 'INVALID_INPUT' ? input : undefined),
        example: () => new Failure('Input timeout must be a whole number of seconds', { code: 'INVALID_INPUT', input: 'timeout' }),
        advice: (input) => `Correct ${input} under "with:" in the step that uses this action (outside a runner: the environment variable INPUT_${input.toUpperCase()}).`,
    }),
    defineKind({
        id: 'invalid-identity-token',
        match: code('INVALID_SUPPLIED_JWT'),
        example: () => new Failure('Input identityToken is not a JWT', { code: 'INVALID_SUPPLIED_JWT' }),
        advice: () => 'A JWT has three base64url parts joined by dots, with JSON objects in the first two. Pass the whole token and nothing else, and check that the secret or output that it comes from is set.',
    }),
    defineKind({
        id: 'missing-permission',
        match: code('MISSING_PERMISSION'),
        example: () => new Failure('This job is not allowed to request an OIDC token from GitHub', { code: 'MISSING_PERMISSION' }),
        advice: () => 'Add this to the job in the workflow file, and for a reusable workflow also to the job that calls it:\n\n    permissions:\n      contents: read\n      id-token: write\n\nRuns that Dependabot triggers have read-only permissions unless the workflow sets them. Alternatively, set the input identityToken.',
    }),
    defineKind({
        id: 'fork-pull-request',
        match: code('FORK_PULL_REQUEST'),
        example: () => new Failure('GitHub does not issue OIDC tokens to pull requests from forks', { code: 'FORK_PULL_REQUEST' }),
        advice: () => 'Permissions cannot change this. Log in to Nomad in a job that runs after the merge (on: push), and skip this step for forks:\n\n    if: github.event.pull_request.head.repo.fork == false',
    }),
    defineKind({
        id: 'not-in-actions',
        match: code('NOT_IN_ACTIONS'),
        example: () => new Failure('There is no GitHub Actions job to request an OIDC token for', { code: 'NOT_IN_ACTIONS' }),
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
        advice: () => "GitHub's token endpoint is overloaded or failing. Check https://www.githubstatus.com and run the job again, or set a longer timeout.",
    }),
    defineKind({
        id: 'github-redirect',
        match: response(/^3..$/, undefined, 'GitHub'),
        example: () => refused(302, 'a redirect to https://login.example.com'),
        advice: () => "Redirects are not followed, because they would send the job's request token to another server. Look for a proxy or TLS inspection between the runner and GitHub.",
    }),
    defineKind({
        id: 'github-invalid-response',
        match: (details) => code('INVALID_ISSUED_JWT')(details) ?? network(/HPE_|RESPONSE_TOO_LONG/, isGithub)(details),
        example: () => new Failure("GitHub's response does not contain a JWT", { code: 'INVALID_ISSUED_JWT' }),
        advice: () => 'Another server may have answered instead of GitHub. Check the proxy settings of the runner, and https://www.githubstatus.com.',
    }),
    defineKind({
        id: 'github-refused',
        match: response(/^[24]..$/, undefined, 'GitHub'),
        example: () => refused(401, 'The token is expired'),
        advice: () => "Run the job again, because its credentials may have expired. Then check the job's permissions (id-token: write), the input jwtGithubAudience and the OIDC settings of your organization.",
    }),
    defineKind({
        id: 'github-certificate',
        match: network(/CERT|UNABLE_TO|SELF_SIGNED|INVALID_CA|^ERR_(SSL|TLS)/, isGithub),
        example: () => catalogue_identity_unreached('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'),
        advice: () => "The runner cannot verify the certificate of GitHub's token endpoint. For GitHub Enterprise Server with a private CA, or behind TLS inspection, install the CA on the runner. Alternatively, set NODE_EXTRA_CA_CERTS in the runner's environment to a PEM file that contains the CA.",
    }),
    defineKind({
        id: 'github-unknown-host',
        match: network(/^ENOTFOUND$/, (facts) => isGithub(facts) && facts.proxy === undefined),
        example: () => catalogue_identity_unreached('getaddrinfo ENOTFOUND pipelines.actions.githubusercontent.com', 'ENOTFOUND'),
        advice: ({ host }) => `This runner cannot resolve the host name ${host}. Correct its DNS settings, or set HTTPS_PROXY.`,
    }),
];

;// CONCATENATED MODULE: ./src/failures/claims.ts


// The claims of GitHub's issuers, including enterprises and GitHub Enterprise Server, do not contain secrets.
// https://docs.github.com/en/actions/reference/security/oidc
const GITHUB_ISSUER = /^https:\/\/(token\.actions\.(githubusercontent\.com|[\w-]+\.ghe\.com)(\/[\w-]+)?|[^/]+\/_services\/token)$/;
const ALWAYS_SHOWN = ['iss', 'aud', 'sub', 'iat', 'nbf', 'exp'];
// IDs that often look like a Nomad token.
const IDS = /^(jti|kid|\w+_id)$/;
const MAX_CLAIMS = 100;
/** Logs the claims of a JWT in a group: GitHub's claims by value, and others by name only unless they are never secret. */
function listClaims(jwt) {
    const isGithubs = isFromGithub(jwt);
    const entries = Object.entries(jwt.claims);
    lib_core.startGroup('Claims of the JWT that Nomad refused');
    for (const [name, value] of entries.slice(0, MAX_CLAIMS)) {
        const isShown = isGithubs || ALWAYS_SHOWN.includes(name);
        // With the dash, the line cannot begin with a workflow command.
        lib_core.info(`- ${quote(name, 100)}${isShown ? `: ${showClaim(name, value)}` : ' (value not shown)'}`);
    }
    if (entries.length > MAX_CLAIMS) {
        lib_core.info(`- and ${(entries.length - MAX_CLAIMS).toLocaleString('en')} more`);
    }
    lib_core.endGroup();
}
/** Tells whether a JWT names one of GitHub's issuers. */
function isFromGithub({ claims: { iss } }) {
    return typeof iss === 'string' && GITHUB_ISSUER.test(iss);
}
/** Returns the value of a claim or of a header parameter as JSON that is safe to print. */
function showClaim(name, value, maxLength = 500) {
    if (typeof value === 'string' && IDS.test(name)) {
        return `"${quoteId(value)}"`;
    }
    try {
        return quote(JSON.stringify(value), maxLength);
    }
    catch {
        return '(too deeply nested to show)';
    }
}

;// CONCATENATED MODULE: ./src/failures/catalogue-nomad.ts





const GITHUB_JWKS = 'https://token.actions.githubusercontent.com/.well-known/jwks';
const catalogue_nomad_NOMAD = { peer: 'Nomad', url: 'https://nomad.example.com:4646' };
const catalogue_nomad_JWT = {
    token: '',
    header: { alg: 'RS256', kid: '38826b17-6a30-5f9b-b169-8beb8202f723' },
    claims: {
        iss: 'https://token.actions.githubusercontent.com',
        aud: 'https://github.com/octo-org',
        repository: 'octo-org/octo-repo',
        workflow: 'Nomad JWT Auth',
        ref: 'refs/heads/feature',
        event_name: 'push',
        nbf: 1_790_000_000,
        iat: 1_790_000_000,
        exp: 1_790_000_300,
    },
};
const LOGIN = { methodName: 'github-adv', jwt: catalogue_nomad_JWT, isJwtSupplied: false };
const catalogue_nomad_refused = (status, body, login = {}) => new Failure(`Nomad refused the login (${String(status)}): ${body || 'an empty response'}`, {
    target: catalogue_nomad_NOMAD,
    response: { status, body },
    login: { ...LOGIN, ...login },
});
const invalidJwt = (reason) => catalogue_nomad_refused(401, `unable to validate provided token: unable to verify signature of JWT token: ${reason}`);
function show(jwt, claim) {
    return claim in jwt.claims ? showClaim(claim, jwt.claims[claim], 200) : 'missing';
}
function nameIssuer({ claims: { iss } }) {
    return typeof iss === 'string' && iss !== '' ? quote(iss, 200) : 'the issuer';
}
// The claims of a GitHub job that rules usually check.
function describeJob(jwt) {
    const names = ['repository', 'workflow', 'ref', 'environment', 'event_name'].filter((name) => name in jwt.claims);
    return isFromGithub(jwt) && names.length > 0
        ? `The job has ${names.map((name) => `${name} ${showClaim(name, jwt.claims[name], 100)}`).join(', ')}. `
        : '';
}
function listMethods(methods) {
    if (methods === undefined) {
        return 'To list the methods, run: nomad acl auth-method list';
    }
    const names = methods.filter(({ type }) => type === 'JWT').map(({ name }) => name);
    const shown = names.slice(0, 20).map(quoteId).join(', ');
    const more = names.length > 20 ? ` and ${String(names.length - 20)} more` : '';
    return names.length === 0
        ? 'This cluster has no auth method of type JWT. Create one as docs/nomad-setup.md describes.'
        : `This cluster has these methods of type JWT: ${shown}${more}.`;
}
function describeTime(seconds, now) {
    if (typeof seconds !== 'number' || !Number.isFinite(new Date(seconds * 1000).getTime())) {
        return undefined;
    }
    const distance = Math.round(seconds - now / 1000);
    return `${(0,src_deadline/* formatTime */.fU)(seconds * 1000)}, ${String(Math.abs(distance))} s ${distance < 0 ? 'ago' : 'from now'} by this runner's clock`;
}
/** What Nomad, or a server in front of it, can respond instead of a token. */
const NOMAD_KINDS = [
    defineKind({
        id: 'method-not-found',
        match: refusal(/auth-method "[^"]*" not found/),
        example: () => catalogue_nomad_refused(400, 'auth-method "gihub" not found', {
            methodName: 'gihub',
            methods: ['github', 'github-adv'].map((name) => ({ name, type: 'JWT' })),
        }),
        advice: ({ methods }) => `Set the input methodName to an auth method of type JWT; names are case-sensitive. ${listMethods(methods)}`,
    }),
    defineKind({
        id: 'method-not-jwt',
        match: refusal(/unsupported auth-method type/),
        example: () => catalogue_nomad_refused(400, 'unsupported auth-method type: OIDC', { methodName: 'people' }),
        advice: ({ methodName, methods }) => `The auth method ${methodName} is for people who log in with a browser. Set the input methodName to a method of type JWT. ${listMethods(methods)}`,
    }),
    defineKind({
        id: 'audience-mismatch',
        isAboutClaims: true,
        match: refusal(/audience \(aud\)/),
        example: () => invalidJwt('invalid audience (aud) claim: audience claim does not match any expected audience'),
        advice: ({ jwt, methodName, isJwtSupplied }) => `The aud claim of the JWT is ${show(jwt, 'aud')}. ${isJwtSupplied
            ? 'Request the JWT in the input identityToken for one of the audiences'
            : 'Set the input jwtGithubAudience to one of the audiences'} in BoundAudiences of the auth method ${methodName}, or add this one there. The values must match exactly, including scheme and trailing slash.`,
    }),
    defineKind({
        id: 'issuer-mismatch',
        isAboutClaims: true,
        match: refusal(/invalid JWT issuer|BoundIssuer|issuer information/),
        example: () => catalogue_nomad_refused(401, 'unable to validate provided token: invalid JWT issuer: https://token.actions.githubusercontent.com'),
        advice: ({ jwt, methodName }) => `The iss claim of the JWT is ${show(jwt, 'iss')}. If you trust this issuer, add it to BoundIssuer of the auth method ${methodName}. The values must match exactly. The issuer of GitHub Enterprise Server is https://HOST/_services/token. An enterprise on github.com or GHE.com may have its name at the end of the issuer.`,
    }),
    defineKind({
        id: 'malformed-claims',
        isAboutClaims: true,
        match: refusal(/cannot unmarshal|value to unmarshal/),
        example: () => invalidJwt('json: cannot unmarshal object into Go struct field Claims.sub of type string'),
        advice: () => 'A registered claim of the JWT has the wrong type: iss, sub and jti must be strings, aud a string or a list of strings, and exp, nbf and iat numbers. Have the issuer correct it.',
    }),
    defineKind({
        id: 'jwt-expired',
        isAboutClaims: true,
        match: refusal(/token is expired/),
        example: () => invalidJwt('invalid expiration time (exp) claim: token is expired'),
        advice: ({ jwt, methodName }, now) => {
            const end = describeTime(jwt.claims['exp'], now);
            return `${end === undefined ? 'The JWT has no valid exp claim' : `The JWT expired at ${end}`}. Nomad accepts an expired JWT only for the ClockSkewLeeway of the auth method ${methodName} (60 s if unset). Request the JWT right before this step (GitHub's are valid for 5 minutes), or correct the clocks of the runner and of the Nomad servers.`;
        },
    }),
    defineKind({
        id: 'jwt-not-yet-valid',
        isAboutClaims: true,
        match: refusal(/not yet valid|issued in the future/),
        example: () => invalidJwt('invalid not before (nbf) claim: token not yet valid'),
        advice: ({ jwt, methodName }, now) => {
            const start = describeTime(jwt.claims['nbf'] ?? jwt.claims['iat'], now);
            return `${start === undefined ? 'The JWT has no valid nbf or iat claim' : `The JWT is valid from ${start}`}. If that is in the past, the clock of the Nomad servers is slow and must be corrected. Nomad accepts differences up to the ClockSkewLeeway of the auth method ${methodName} (60 s if unset).`;
        },
    }),
    defineKind({
        id: 'jwt-without-times',
        isAboutClaims: true,
        match: refusal(/no issued at/),
        example: () => invalidJwt('no issued at (iat), not before (nbf), or expiration time (exp) claims in token'),
        advice: () => 'Have the issuer of the JWT in the input identityToken add an exp claim.',
    }),
    defineKind({
        id: 'algorithm-not-allowed',
        isAboutClaims: true,
        match: refusal(/\(alg\)|signature algorithm/),
        example: () => invalidJwt('invalid algorithm (alg) header parameter: token signed with unexpected algorithm'),
        advice: ({ jwt, methodName }) => `The JWT is signed with ${showClaim('alg', jwt.header['alg'] ?? 'no algorithm', 100)}. Add this algorithm to SigningAlgs of the auth method ${methodName} (RS256 if unset), or have the issuer sign with an algorithm that is listed there.`,
    }),
    defineKind({
        id: 'malformed-jwt',
        match: refusal(/malformed jwt/),
        example: () => invalidJwt('error verifying token signature: oidc: malformed jwt: go-jose/go-jose: compact JWS format must have three parts'),
        advice: () => 'The input identityToken must contain a signed JWT (three parts joined by dots) and nothing else.',
    }),
    defineKind({
        id: 'keys-unavailable',
        retryS: Infinity,
        match: refusal(/fetching keys|get keys failed|unable to get validation keys/i, /^401$/),
        example: () => invalidJwt(`error verifying token signature: fetching keys oidc: get keys failed Get "${GITHUB_JWKS}": dial tcp: connect: connection refused`),
        advice: ({ jwt, methodName }) => `The Nomad servers cannot fetch the keys of ${nameIssuer(jwt)}. They need access to the JWKSURL or OIDCDiscoveryURL of the auth method ${methodName}: check its spelling, and the DNS, firewall and proxy settings of the servers. For a private CA, set JWKSCACert or DiscoveryCaPem. Servers without internet access can use JWTValidationPubKeys.`,
    }),
    defineKind({
        id: 'signature-invalid',
        isAboutClaims: true,
        match: refusal(/verify id token signature|verifying token signature|parse public key/),
        example: () => invalidJwt('error verifying token signature: failed to verify id token signature'),
        advice: ({ jwt, methodName }) => `None of the keys of the auth method ${methodName} verifies this JWT (iss ${show(jwt, 'iss')}, kid ${showClaim('kid', jwt.header['kid'] ?? 'none', 100)}). Compare the JWKSURL of the method with jwks_uri in ${nameIssuer(jwt)}/.well-known/openid-configuration. For github.com, it is ${GITHUB_JWKS}. If the method uses JWTValidationPubKeys, the issuer may have replaced its keys.`,
    }),
    defineKind({
        id: 'no-rule-matched',
        isAboutClaims: true,
        match: refusal(/no role or policy bindings matched/),
        example: () => catalogue_nomad_refused(400, 'no role or policy bindings matched'),
        advice: ({ jwt, methodName }) => `${describeJob(jwt)}No binding rule of the auth method ${methodName} matches this JWT, or the rule that matches names a role or policy that does not exist. Selectors use the names on the right side of ClaimMappings, written value.NAME, not the names of the claims. Compare the claims in this log with:\n\n    nomad operator api /v1/acl/auth-method/${methodName}\n    nomad acl binding-rule list    # then: nomad acl binding-rule info ID\n    nomad acl role list\n    nomad acl policy list`,
    }),
    defineKind({
        id: 'bind-name-invalid',
        isAboutClaims: true,
        match: refusal(/computed "(\w+)" bind name [^:]*invalid: "([^"]*)"/),
        example: () => catalogue_nomad_refused(500, 'computed "role" bind name for bind target is invalid: "octo-org/octo-repo"'),
        advice: ({ found: [kind = 'role', name = ''] }) => `${name === '' ? `The name of the ${kind} is empty` : `A ${kind} cannot be named "${quote(name, 200)}"`}. Names consist of 1 to 128 letters, digits and hyphens, and the value of a claim that the JWT lacks is empty. Map repository_id instead of repository in ClaimMappings, and use a BindName such as repo-\${value.repo_id}.`,
    }),
    defineKind({
        id: 'bind-name-unknown-attribute',
        isAboutClaims: true,
        match: refusal(/cannot compute "\w+" bind name/),
        example: () => catalogue_nomad_refused(500, 'cannot compute "policy" bind name for bind target: 1:3: unknown variable accessed: value.nope'),
        advice: ({ methodName }) => `A BindName can only contain \${value.NAME}, where NAME is on the right side of ClaimMappings of the auth method ${methodName}. Lists and functions do not work. Correct the BindName, or add the mapping.`,
    }),
    defineKind({
        id: 'token-name-invalid',
        isAboutClaims: true,
        match: refusal(/ACL token name:|token name too long/),
        example: () => catalogue_nomad_refused(500, 'failed to generate ACL token name: 1:24: unknown variable accessed: value.run_id'),
        advice: ({ methodName }) => `Nomad cannot fill in the TokenNameFormat of the auth method ${methodName}. Unlike a BindName, it fails if the JWT lacks a claim. Use \${value.NAME} only for claims that every JWT has (repository_id and run_id for GitHub), and map them in ClaimMappings. Names can have at most 256 characters.`,
    }),
    defineKind({
        id: 'claim-not-a-single-value',
        isAboutClaims: true,
        match: refusal(/claim '([^']*)' to string|"([^"]*)" list claim/),
        example: () => catalogue_nomad_refused(500, "error converting claim 'workflow' to string from unknown type map[string]interface {}"),
        advice: ({ found: [single, list], methodName }) => {
            const claim = quote(single ?? list ?? '', 100);
            return `The claim ${claim} is not a single value. In the auth method ${methodName}, map a list with ListClaimMappings, and a value inside an object with a JSON pointer such as /${claim}/NAME.`;
        },
    }),
    defineKind({
        id: 'acl-disabled',
        match: response(/^400$/, /^ACL support disabled/),
        example: () => catalogue_nomad_refused(400, 'ACL support disabled'),
        advice: () => 'This cluster does not use ACLs, so there are no tokens. Set acl { enabled = true } on its servers and run nomad acl bootstrap, or remove this step.',
    }),
    defineKind({
        id: 'unknown-region',
        match: refusal(/No path to region/),
        example: () => catalogue_nomad_refused(500, 'No path to region', { region: 'west' }),
        advice: ({ region }) => `The cluster does not know the region ${region === undefined ? 'of the server' : quote(region, 100)}. Correct the input region. To list the regions, run: nomad server members`,
    }),
    defineKind({
        id: 'nomad-too-old',
        match: response(/^[45]..$/, /servers should be running version/),
        example: () => catalogue_nomad_refused(500, 'all servers should be running version 1.5.4 or later to use JWT ACL auth methods'),
        advice: () => 'JWT auth methods require Nomad 1.5.4 or later on every server of every region. Upgrade the servers that are older.',
    }),
    defineKind({
        id: 'https-required',
        match: response(/^400$/, /HTTP request (was sent )?to (an )?HTTPS/),
        example: () => catalogue_nomad_refused(400, 'Client sent an HTTP request to an HTTPS server.'),
        advice: () => 'This port uses TLS. Change the input url to https://, and set caCertificate for a private CA.',
    }),
    defineKind({
        id: 'too-many-connections',
        retryS: Infinity,
        match: response(/^429$/),
        example: () => catalogue_nomad_refused(429, 'Your IP is issuing too many concurrent connections, please rate limit your calls'),
        advice: () => 'Too many connections come from this IP address. Runners behind the same NAT share it. Raise http_max_conns_per_client in the limits block of the Nomad servers (100 by default), run fewer jobs at once, or set a longer timeout.',
    }),
    defineKind({
        id: 'no-leader',
        retryS: Infinity,
        // A cluster that loses its leader elects another within seconds. "rpc error" alone proves nothing: a follower also
        // adds it to final refusals.
        match: response(/^500$/, /no cluster leader|not the leader|leadership|failed to get conn|lead thread|not ready to serve|connection re|broken pipe|timeout|EOF/i),
        example: () => catalogue_nomad_refused(500, 'No cluster leader'),
        advice: () => 'The Nomad servers have no leader, or cannot reach it. Check nomad server members, nomad operator raft list-peers and the logs of the servers, or set a longer timeout.',
    }),
    defineKind({
        id: 'server-error',
        match: response(/^500$/),
        example: () => catalogue_nomad_refused(500, 'Unexpected failure'),
        advice: () => 'Look for this error in the logs of the Nomad servers.',
    }),
    defineKind({
        id: 'gateway-error',
        retryS: Infinity,
        match: response(/^50[234]$/),
        example: () => catalogue_nomad_refused(502, 'a web page (502 Bad Gateway)'),
        advice: () => 'The load balancer or proxy in front of Nomad cannot reach a Nomad server. Check its health checks and the Nomad servers.',
    }),
    defineKind({
        id: 'redirect',
        match: response(/^30[12378]$/),
        example: () => catalogue_nomad_refused(307, 'a redirect to https://login.example.com'),
        advice: ({ url }) => `Redirects are not followed, because they would send secrets to another server. Set the input url to the address of Nomad itself, instead of ${url}.`,
    }),
    defineKind({
        id: 'login-not-found',
        match: response(/^40[45]$/),
        example: () => catalogue_nomad_refused(404, ''),
        advice: ({ url }) => `There is no Nomad API at ${url}/v1/acl/login. Set the input url to the address of Nomad's API, without /ui or /v1. Nomad must be 1.5.4 or later.`,
    }),
    defineKind({
        id: 'invalid-token',
        match: ({ code: actual, target }) => (actual === 'INVALID_TOKEN' ? target : undefined),
        example: () => new Failure("Nomad's response does not contain a valid token", { code: 'INVALID_TOKEN', target: catalogue_nomad_NOMAD }),
        advice: ({ url }) => `A server other than Nomad's API may have answered at ${url}: a login page, Nomad's web UI or a load balancer. Set the input url to the address of Nomad's API, without /ui or /v1, or pass what that server requires in the input extraHeaders.`,
    }),
    defineKind({
        id: 'not-revoked',
        match: code('NOT_REVOKED'),
        example: () => new Failure('Nomad does not confirm that the token is revoked', { code: 'NOT_REVOKED' }),
        advice: () => 'A server in front of Nomad may have answered instead. Revoke the token with: nomad acl token delete ACCESSOR_ID',
    }),
    defineKind({
        id: 'not-nomad',
        match: response(/^(200|40[013])$/),
        example: () => catalogue_nomad_refused(403, 'a web page (403 Forbidden)'),
        advice: ({ url }) => `A server other than Nomad's API may have answered at ${url}: a login page, a firewall or a load balancer. Correct the input url, or pass what that server requires in the input extraHeaders.`,
    }),
];

;// CONCATENATED MODULE: ./src/failures/catalogue.ts





/** Everything that no other kind describes, such as a full disk. */
const UNEXPECTED = defineKind({
    id: 'unexpected',
    match: () => ({}),
    example: () => new Failure('ENOSPC: no space left on device, write', {}),
    advice: () => 'This action has no advice for this failure. Run the job again with step debugging (the secret ACTIONS_STEP_DEBUG set to true), and open an issue with the log if it persists.',
});
/** All kinds of failures; the first that matches decides. */
const KINDS = [...IDENTITY_KINDS, ...CONNECTION_KINDS, ...NOMAD_KINDS, UNEXPECTED];
/** Returns the first kind that describes a failure, with its advice at a time in milliseconds. */
function findKind(failure) {
    for (const kind of KINDS) {
        const advice = kind.diagnose(failure);
        if (advice !== undefined) {
            return { ...kind, advice };
        }
    }
    throw failure;
}

;// CONCATENATED MODULE: ./src/failures/explain.ts





// Longer annotations are hard to read.
const MAX_LENGTH = 1_450;
/** Returns the text of an annotation: what failed, what to change, and where it is documented. Also logs the claims of a refused JWT. Never throws. */
function explain(error) {
    try {
        logCauses(error);
        const failure = error instanceof Failure ? error : new Failure(describe(error), { cause: error });
        const { login } = failure.details;
        if (login !== undefined && findKind(failure).isAboutClaims) {
            listClaims(login.jwt);
        }
        return render(failure, findDocumentation());
    }
    catch {
        return describe(error);
    }
}
/** Returns the text of an annotation; `page` is the address of the troubleshooting page. */
function render(failure, page, now = Date.now()) {
    const { id, advice } = findKind(failure);
    const link = page === undefined ? '' : `\n${page}#${id}`;
    const text = `${failure.message.replace(/\.$/, '')}.\n${advice(now)}`;
    return text.slice(0, MAX_LENGTH - link.length).trim() + link;
}
function describe(error) {
    const message = error instanceof Error ? error.message : error;
    return (typeof message === 'string' && quote(message)) || 'An unknown error';
}
// Links to the page of the version that this step runs; a local action has no version.
function findDocumentation() {
    const { GITHUB_ACTION_REPOSITORY: repository = '', GITHUB_ACTION_REF: ref = '', GITHUB_SERVER_URL } = process.env;
    return /^[\w.-]+\/[\w.-]+$/.test(repository) && /^[\w./-]+$/.test(ref)
        ? `${GITHUB_SERVER_URL || 'https://github.com'}/${repository}/blob/${ref}/docs/troubleshooting.md`
        : undefined;
}
function logCauses(error) {
    for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
        const { name, code } = cause;
        lib_core.debug(`${depth === 0 ? 'Failed' : 'Caused by'}: ${name}${typeof code === 'string' ? ` ${code}` : ''}: ${quote(cause.message)}`);
    }
}

// EXTERNAL MODULE: external "node:http"
var external_node_http_ = __webpack_require__(7067);
;// CONCATENATED MODULE: ./src/inputs/headers.ts

// These are set by this action or by the connection.
const RESERVED = new Set([
    'accept-encoding',
    'connection',
    'content-encoding',
    'content-length',
    'content-type',
    'expect',
    'host',
    'keep-alive',
    'proxy-authorization',
    'transfer-encoding',
    'upgrade',
    'x-nomad-token',
]);
// A shorter value under an ordinary name is a word such as "true", whose mask would garble the whole log.
const MIN_SECRET_LENGTH = 6;
/** Reads `Name: value` lines, with names in lower case; throws an error that names the malformed line. */
function parseHeaders(value) {
    const headers = new Map();
    for (const [index, line] of value.split('\n').entries()) {
        if (line.trim() !== '') {
            const [name, content] = parseHeader(line, `line ${String(index + 1)}`);
            if (headers.has(name)) {
                throw new Error(`repeats the header on line ${String(index + 1)}`);
            }
            headers.set(name, content);
        }
    }
    return Object.fromEntries(headers);
}
/** Returns the parts of `Name: value` lines that can be secrets, even if a line is malformed. */
function findSecretsInHeaders(value) {
    return value.split('\n').flatMap((line) => {
        const [name, content] = splitLine(line);
        const isSecret = content.length >= MIN_SECRET_LENGTH || /auth|cookie|key|pass|secret|token/.test(name);
        return isSecret ? [...new Set([content, ...findCredentials(name, content)])] : [];
    });
}
/** Returns the `user:password` that a Basic authentication header encodes. https://www.rfc-editor.org/rfc/rfc7617#section-2 */
function decodeBasic(content) {
    const [, encoded] = /^basic\s+([\w+/-]+=*)$/i.exec(content) ?? [];
    const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
    return decoded.includes(':') ? decoded : undefined;
}
// A server may echo only part of a header: the credentials after the scheme, the user name or password in them, one cookie or parameter.
function findCredentials(name, content) {
    const [, scheme = '', credentials = ''] = /^([\w-]+)\s+(\S.*)$/.exec(content) ?? [];
    const [user = '', password = ''] = decodeBasic(content)?.split(/:(.*)/s) ?? [];
    const cookies = name === 'cookie' ? content.split(';').map((cookie) => cookie.replace(/^[^=]*=/, '').trim()) : [];
    const quoted = [...content.matchAll(/"([^"]+)"/g)].map(([, parameter = '']) => parameter);
    const lastWord = content.split(/\s+/).at(-1) ?? '';
    return [
        ...(name === 'authorization' || /^(apikey|basic|bearer|token)$/i.test(scheme) ? [credentials] : []),
        // A user name without a password is often a key.
        ...(password === '' ? [user] : [`${user}:${password}`, password]),
        ...[lastWord, ...quoted, ...cookies].filter((part) => part.length >= MIN_SECRET_LENGTH),
    ].filter((part) => part !== '');
}
function parseHeader(line, where) {
    const [name, content] = splitLine(line);
    if (name === '') {
        throw new Error(`must contain "Name: value" lines, but ${where} is not one`);
    }
    if (content === '') {
        throw new Error(`has no value on ${where}; check that the secret it comes from is set`);
    }
    try {
        (0,external_node_http_.validateHeaderName)(name);
        (0,external_node_http_.validateHeaderValue)(name, content);
    }
    catch {
        throw new Error(`contains a character on ${where} that is not allowed in a header`);
    }
    if (RESERVED.has(name)) {
        throw new Error(`sets ${name} on ${where}, which this action sets itself or does not allow`);
    }
    return [name, content];
}
// A line without a colon counts as a value: it may be a secret whose name is missing.
function splitLine(line) {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

// EXTERNAL MODULE: external "node:crypto"
var external_node_crypto_ = __webpack_require__(7598);
;// CONCATENATED MODULE: ./src/inputs/pem.ts

const BEGIN = '-----BEGIN ';
const BLOCK = /-----BEGIN ([^-]+)-----(.+?)-----END \1-----/gs;
// Shorter lines are padding at the end; their mask would garble the whole log.
const pem_MIN_SECRET_LENGTH = 4;
const MIN_GIVEN_LENGTH = 6;
const MIN_KEY_LINE_LENGTH = 16;
/** Reads base64 or PEM text and returns its certificates as PEM, in the same order; throws an error that says what is wrong. */
function parseCertificates(value) {
    const blocks = readBlocks(value)
        .filter(({ label }) => label === 'CERTIFICATE')
        .map(({ pem }) => pem);
    if (blocks.length === 0) {
        throw new Error('does not contain a certificate (-----BEGIN CERTIFICATE-----)');
    }
    for (const [index, block] of blocks.entries()) {
        try {
            new external_node_crypto_.X509Certificate(block);
        }
        catch {
            const position = `number ${String(index + 1)} of ${String(blocks.length)}`;
            throw new Error(`contains a certificate that cannot be read, ${position}`);
        }
    }
    return blocks.join('\n');
}
/** Reads base64 or PEM text and returns the private key in it as PEM; throws an error that says what is wrong. */
function parsePrivateKey(value) {
    if (/BEGIN ENCRYPTED|Proc-Type:[^\n]*ENCRYPTED/.test(decode(value))) {
        throw new Error('is encrypted with a passphrase; store the key without one in a secret');
    }
    const key = readBlocks(value).find(({ label }) => label.endsWith('PRIVATE KEY'));
    try {
        (0,external_node_crypto_.createPrivateKey)(key?.pem ?? '');
    }
    catch {
        throw new Error('does not contain a private key that can be read');
    }
    return key?.pem ?? '';
}
/** Tells whether a private key belongs to the first of the certificates. */
function isKeyOfCertificate(key, certificates) {
    return new external_node_crypto_.X509Certificate(certificates).checkPrivateKey((0,external_node_crypto_.createPrivateKey)(key));
}
/** Returns the secret lines of a private key, as given and decoded; the runner compares masks line by line. */
function findSecretsInPem(value) {
    const text = value.includes(BEGIN) ? value : decode(value);
    // Text around a key, such as the attributes that openssl pkcs12 prints, consists of ordinary words.
    const keys = [...text.matchAll(/-----BEGIN [^-]*PRIVATE KEY-----([^-]+)-----END/g)].flatMap(([, body = '']) => splitLines(body).filter((line) => isBase64(line, pem_MIN_SECRET_LENGTH)));
    // What is not the base64 of a key may be a word such as "none".
    const minLength = text.includes(BEGIN) ? pem_MIN_SECRET_LENGTH : MIN_GIVEN_LENGTH;
    const given = value.includes(BEGIN) ? [] : splitLines(value).filter((line) => line.length >= minLength);
    const others = keys.length > 0 ? [] : splitLines(text).filter((line) => isBase64(line, MIN_KEY_LINE_LENGTH));
    return [...new Set([...given, ...keys, ...others])];
}
function isBase64(line, minLength) {
    return line.length >= minLength && /^[\w+/=]+$/.test(line);
}
function splitLines(text) {
    return text.split(/(?:\s|\\[rn])+/);
}
function readBlocks(value) {
    const text = decode(value);
    if (!text.includes(BEGIN)) {
        throw new Error('must be PEM text or base64 of PEM text');
    }
    return [...text.matchAll(BLOCK)].map(([, label = '', body = '']) => ({
        label,
        pem: [`${BEGIN}${label}-----`, ...body.trim().split(/\s+/), `-----END ${label}-----`].join('\n'),
    }));
}
// Users paste PEM text, in which line ends may be written as \n or replaced by spaces, or base64 of such text.
function decode(value) {
    return (value.includes(BEGIN) ? value : decodeBase64(value)).replace(/\\[rn]/g, '\n');
}
function decodeBase64(value) {
    const base64 = value.replace(/\s/g, '');
    return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').toString() : '';
}

;// CONCATENATED MODULE: ./src/inputs/values.ts
/** Reads an address of Nomad's API and returns it without trailing slashes; like all functions here, throws an error that says what is wrong. */
function parseUrl(value) {
    if (!/^https?:\/\/[^\s\\]+$/i.test(value) || !URL.canParse(value)) {
        throw new Error('must be an http or https address such as https://nomad.example.com:4646');
    }
    const url = new URL(value);
    if (url.username !== '' || url.password !== '') {
        throw new Error('must not contain credentials; use an Authorization header in the input extraHeaders');
    }
    if (/[?#]/.test(value)) {
        throw new Error('must not contain a query or a fragment');
    }
    return url.href.replace(/\/+$/, '');
}
/** Reads the name of an auth method. */
function parseMethodName(value) {
    return expectMatch(value, /^[a-zA-Z0-9-]{1,128}$/, 'the name of an auth method: 1 to 128 letters, digits and hyphens');
}
/** Reads a DNS name; TLS does not allow IP addresses. https://www.rfc-editor.org/rfc/rfc6066#section-3 */
function parseServerName(value) {
    return expectMatch(value, /^(?![\d.]+$)[\w-]+(\.[\w-]+)*$/, 'a DNS name such as server.global.nomad');
}
/** Reads the name of a Nomad region. */
function parseRegion(value) {
    return expectMatch(value, /^[^\s\p{Cc}]+$/u, 'the name of a region, without spaces');
}
/** Reads the name of a Nomad namespace, or the asterisk that means all of them. */
function parseNamespace(value) {
    return expectMatch(value, /^([a-zA-Z0-9-]{1,128}|\*)$/, 'the name of a namespace (1 to 128 letters, digits and hyphens), or * for all');
}
/** Reads 1 to 3600 seconds. */
function parseTimeout(value) {
    const seconds = Number(expectMatch(value, /^\d+$/, 'a whole number of seconds'));
    if (seconds < 1 || seconds > 3600) {
        throw new Error('must be 1 to 3600 seconds');
    }
    return seconds;
}
function expectMatch(value, pattern, expected) {
    if (!pattern.test(value)) {
        throw new Error(`must be ${expected}`);
    }
    return value;
}

;// CONCATENATED MODULE: ./src/inputs/inputs.ts






const DEFAULT_URL = 'http://localhost:4646';
/** Masks the secrets among the inputs, then reads all inputs; throws a Failure that names the malformed input. */
function readInputs() {
    maskSecrets();
    const url = read('url', parseUrl) ?? DEFAULT_URL;
    const extraHeaders = read('extraHeaders', parseHeaders) ?? {};
    const inputs = {
        url,
        // The runner fills in the default of action.yml.
        isUrlDefault: url === DEFAULT_URL,
        methodName: read('methodName', parseMethodName) ?? 'github',
        identityToken: read('identityToken', String),
        jwtGithubAudience: read('jwtGithubAudience', String),
        exportToken: readBoolean('exportToken', true),
        outputToken: readBoolean('outputToken', true),
        tlsSkipVerify: readBoolean('tlsSkipVerify', false),
        caCertificate: read('caCertificate', parseCertificates),
        clientCertificate: read('clientCertificate', parseCertificates),
        clientKey: read('clientKey', parsePrivateKey),
        extraHeaders,
        basicCredentials: decodeBasic(extraHeaders['authorization'] ?? ''),
        tlsServerName: read('tlsServerName', parseServerName),
        region: read('region', parseRegion),
        namespace: read('namespace', parseNamespace),
        timeout: read('timeout', parseTimeout) ?? 60,
        exportConnection: readBoolean('exportConnection', false),
        revokeToken: readBoolean('revokeToken', true),
    };
    checkClientPair(inputs);
    return inputs;
}
/** Warns if someone other than Nomad could read the JWT or the token. */
function warnAboutTransport({ url, tlsSkipVerify }) {
    const { protocol, hostname } = new URL(url);
    if (protocol === 'http:' && !/^localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname)) {
        core.warning(`${url} uses plain HTTP: anyone who can read the network traffic can read the JWT and the Nomad token. Use https.`);
    }
    if (tlsSkipVerify) {
        core.warning('tlsSkipVerify is on: any server that impersonates Nomad can receive the JWT. Set caCertificate instead.');
    }
}
function maskSecrets() {
    // The runner compares masks line by line.
    lib_core.getInput('identityToken').split(/\r?\n/).forEach(mask);
    findSecretsInPem(lib_core.getInput('clientKey')).forEach(mask);
    findSecretsInHeaders(lib_core.getInput('extraHeaders')).forEach(mask);
}
function read(name, parse) {
    const value = lib_core.getInput(name);
    try {
        return value === '' ? undefined : parse(value);
    }
    catch (error) {
        throw invalid(name, error.message);
    }
}
function readBoolean(name, defaultValue) {
    try {
        return lib_core.getInput(name) === '' ? defaultValue : lib_core.getBooleanInput(name);
    }
    catch {
        throw invalid(name, 'must be true or false');
    }
}
function checkClientPair({ clientCertificate, clientKey }) {
    if (clientCertificate === undefined && clientKey === undefined) {
        return;
    }
    if (clientCertificate === undefined) {
        throw invalid('clientKey', 'also requires the input clientCertificate');
    }
    if (clientKey === undefined) {
        throw invalid('clientCertificate', 'also requires the input clientKey');
    }
    if (!isKeyOfCertificate(clientKey, clientCertificate)) {
        throw invalid('clientKey', 'does not belong to the (first) certificate in the input clientCertificate');
    }
}
function invalid(input, problem) {
    return new Failure(`Input ${input} ${problem}`, { code: 'INVALID_INPUT', input });
}

// EXTERNAL MODULE: external "node:timers/promises"
var promises_ = __webpack_require__(8500);
;// CONCATENATED MODULE: ./src/failures/retry.ts





const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;
// For failures that are only retried for a few seconds.
const MAX_BRIEF_DELAY_MS = 1_000;
/**
 * Makes attempts, each limited to the given number of milliseconds, until one succeeds or the catalogue says not to retry.
 * Throws the last Failure that explains the problem, and adds the number of attempts to its message.
 */
async function retry(deadline, attempt) {
    const startMs = performance.now();
    let retryS = 0;
    let lastTelling;
    for (let attempts = 1;; attempts += 1) {
        try {
            return await attempt(deadline.attemptMs);
        }
        catch (error) {
            if (!(error instanceof Failure)) {
                throw error;
            }
            const isTimeout = error.details.code === 'NO_RESPONSE';
            // An attempt that the deadline cuts short says less about the problem than the attempt before it.
            const failure = isTimeout && deadline.leftMs < 1 ? (lastTelling ?? error) : error;
            lastTelling = isTimeout ? lastTelling : error;
            const kind = findKind(failure);
            if (kind.retryS === 0) {
                throw failure;
            }
            // A server that was busy once is not a wrong address, whatever it does next.
            retryS = Math.max(retryS, kind.retryS);
            const spentMs = performance.now() - startMs;
            const leftMs = Math.min(deadline.leftMs, retryS * 1000 - spentMs);
            const { retryAfterMs } = failure.details.response ?? {};
            const delayMs = (retryAfterMs ?? 0) + jitter(attempts, retryS === Infinity ? MAX_DELAY_MS : MAX_BRIEF_DELAY_MS);
            const policy = retryS === Infinity ? 'until the deadline' : `for ${String(retryS)} s`;
            lib_core.debug(`${kind.id}: retry ${policy}, ${(0,src_deadline/* formatSeconds */.Xo)(Math.max(0, leftMs))} left`);
            if (delayMs >= leftMs) {
                throw failure.with({}, describeEnd(attempts, spentMs, retryAfterMs));
            }
            // A wrong input may be the reason, and the user should not have to wait until the end to learn that.
            const hint = attempts === 1 && retryS !== Infinity ? ` If it keeps failing: ${kind.advice(Date.now())}` : '';
            lib_core.info(`${failure.message}. Retrying in ${(0,src_deadline/* formatSeconds */.Xo)(delayMs)} (${(0,src_deadline/* formatSeconds */.Xo)(leftMs)} left).${hint}`);
            await (0,promises_.setTimeout)(delayMs);
        }
    }
}
// Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
function jitter(attempts, maxMs) {
    return Math.random() * Math.min(maxMs, FIRST_DELAY_MS * 2 ** attempts);
}
function describeEnd(attempts, spentMs, retryAfterMs) {
    const wait = retryAfterMs === undefined ? '' : `; the response asks for a wait of ${(0,src_deadline/* formatSeconds */.Xo)(retryAfterMs)}`;
    return ` (${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'} in ${(0,src_deadline/* formatSeconds */.Xo)(spentMs)}${wait})`;
}

;// CONCATENATED MODULE: ./package.json
const package_namespaceObject = /*#__PURE__*/JSON.parse('{"UU":"nomad-jwt-auth","rE":"1.0.0"}');
// EXTERNAL MODULE: external "node:tls"
var external_node_tls_ = __webpack_require__(1692);
;// CONCATENATED MODULE: ./src/http/trust.ts


// Only Node 22.15 and later can read the operating system's store.
const { getCACertificates } = external_node_tls_;
const MAX_NAMES_LENGTH = 16_384;
const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_UNTRUSTED|INVALID_CA)/;
/** Tells whether a TLS error says that no root certificate verifies the server. */
function isUntrusted(code) {
    return UNTRUSTED.test(code);
}
/** Returns the root certificates of Node, of NODE_EXTRA_CA_CERTS and of the operating system; undefined if Node cannot read the last. */
function readSystemRoots() {
    return getCACertificates && [...getCACertificates('default'), ...getCACertificates('system')];
}
/**
 * Checks the names in a server's certificate. Like the nomad CLI, it refuses a certificate without names; Node would use the common name.
 * https://www.rfc-editor.org/rfc/rfc9525#section-6
 */
function checkServerIdentity(host, certificate) {
    if (certificate.subjectaltname) {
        return external_node_tls_.checkServerIdentity(host, certificate);
    }
    const error = new Error('the certificate has no subject alternative name');
    return Object.assign(error, { code: 'ERR_TLS_CERT_ALTNAME_INVALID', cert: certificate });
}
/** Returns the DNS names and IP addresses in the certificate of a TLS error. */
function readCertificateNames(certificate) {
    // Before it is split, because a name may contain a secret that the server has received.
    const names = excerpt(certificate?.subjectaltname ?? '', MAX_NAMES_LENGTH).split(', ');
    return names.flatMap((name) => /^(?:DNS|IP Address):"?([^"]+)/.exec(name)?.[1] ?? []).map((name) => quote(name, 100));
}

;// CONCATENATED MODULE: ./src/http/connect-error.ts



/** Describes an error that ended a request before its response was complete; the message is `summary` and the reason. */
function describeError(summary, target, error, progress) {
    const proxyStatus = /^Proxy[^(]*\((\d{3})\)/.exec(error.message)?.[1];
    const reason = proxyStatus === undefined ? quote(findMessage(error)) : `the proxy answered ${proxyStatus}`;
    return new Failure(`${summary}: ${reason}`, {
        target,
        network: {
            code: error.code ?? '',
            ...progress,
            ...(proxyStatus !== undefined && { proxyStatus: Number(proxyStatus) }),
            ...(error.cert !== undefined && { certificateNames: readCertificateNames(error.cert) }),
        },
        cause: error,
    });
}
// OpenSSL has a short reason; a host with several addresses fails with an error for each, and an empty message.
function findMessage({ code = 'unknown error', reason, message, errors = [] }) {
    if (reason !== undefined && code.startsWith('ERR_SSL')) {
        return reason;
    }
    const said = message
        // The rest of the message advises changing how Node is started.
        .replace(/; if the root CA is installed locally.*$/s, '')
        .replace(/[:\s]+$/, '');
    return said || [...new Set(errors.map((error) => error.message))].join('; ') || code;
}

// EXTERNAL MODULE: external "node:diagnostics_channel"
var external_node_diagnostics_channel_ = __webpack_require__(3053);
;// CONCATENATED MODULE: ./src/http/connection-watch.ts

const CONNECTED = 'undici:client:connected';
/**
 * Watches the connections that undici opens to a server. undici itself does not say whether a request needed a new one, and reports
 * a connection that a TLS alert ended as closed by the other side, without the alert.
 * https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
 */
class ConnectionWatch {
    /** How many connections have been opened, with TLS if the address uses it. */
    connections = 0;
    #hosts;
    #error;
    /** Watches connections to an address and to its proxy. */
    constructor(...addresses) {
        this.#hosts = addresses.flatMap((address) => (address === undefined ? [] : new URL(address).host));
        (0,external_node_diagnostics_channel_.subscribe)(CONNECTED, this.#onConnected);
    }
    /** Returns the TLS alert that ended a connection since the last call. */
    takeTlsAlert() {
        const error = this.#error;
        this.#error = undefined;
        return error?.code?.startsWith('ERR_SSL') ? error : undefined;
    }
    close() {
        (0,external_node_diagnostics_channel_.unsubscribe)(CONNECTED, this.#onConnected);
    }
    #onConnected = (message) => {
        const { connectParams, socket } = message;
        if (this.#hosts.includes(connectParams.host)) {
            this.connections += 1;
            socket.once('error', (error) => (this.#error = error));
        }
    };
}

// EXTERNAL MODULE: ./src/http/undici.ts
var undici = __webpack_require__(1150);
;// CONCATENATED MODULE: ./src/http/dispatcher.ts



const MAX_CONNECT_MS = 3_000;
// Node only tries each address of a host except the last for 250 ms, less than one round trip between continents and a retransmission.
const MAX_ADDRESS_MS = 1_000;
// GitHub can take a while to issue a JWT, and the connection to Nomad is idle until then.
const KEEP_ALIVE_MS = 60_000;
(0,external_node_net_.setDefaultAutoSelectFamilyAttemptTimeout)(MAX_ADDRESS_MS);
/**
 * Creates the undici dispatcher for one server, through the proxy if there is one. `roots` replace Node's own. `opening` contains
 * the sockets that are not connected yet: undici does not destroy them, and they would keep the process alive.
 */
function createDispatcher(url, options, proxy, roots, opening) {
    const ca = options.caCertificate ?? roots;
    const connect = {
        timeout: MAX_CONNECT_MS,
        rejectUnauthorized: options.tlsSkipVerify !== true,
        checkServerIdentity: checkServerIdentity,
        ...(ca !== undefined && { ca }),
        ...(options.clientCertificate !== undefined && { cert: options.clientCertificate }),
        ...(options.clientKey !== undefined && { key: options.clientKey }),
        ...(options.tlsServerName !== undefined && { servername: options.tlsServerName }),
    };
    const shared = { connections: 1, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS };
    if (proxy === undefined) {
        return new undici/* Agent */.g6({ ...shared, connect: track((0,undici/* buildConnector */.gU)(connect), opening) });
    }
    return new undici/* ProxyAgent */.kT({
        ...shared,
        uri: proxy.origin,
        ...(proxy.authorization !== undefined && { token: proxy.authorization }),
        requestTls: connect,
        proxyTls: { timeout: MAX_CONNECT_MS },
        // Many proxies refuse to tunnel plain HTTP, and forward such requests instead.
        proxyTunnel: url.startsWith('https:'),
    });
}
function track(connect, opening) {
    return (options, callback) => {
        const socket = connect(options, (...outcome) => {
            opening.delete(socket);
            callback(...outcome);
        });
        opening.add(socket);
        return socket;
    };
}

;// CONCATENATED MODULE: ./src/http/no-proxy.ts

/**
 * Tells whether NO_PROXY contains the host of an address, by the rules that curl and Go share: hosts with their subdomains, IP
 * addresses, networks in CIDR notation, ports and `*`, separated by commas or spaces.
 * https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
function isExcluded(url, noProxy) {
    const host = no_proxy_normalize(url.hostname);
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return noProxy
        .toLowerCase()
        .split(/[\s,]+/)
        .some((entry) => entry === '*' || matches(entry, host, port));
}
/** Tells whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1. */
function isLoopback(hostname) {
    const host = no_proxy_normalize(hostname);
    return host === 'localhost' || isInNetwork(host, '127.0.0.0/8') || host === '::1';
}
function matches(entry, host, port) {
    if (entry.includes('/')) {
        return isInNetwork(host, entry);
    }
    // An IPv6 address without brackets contains colons itself.
    const [, name = entry, only = port] = (0,external_node_net_.isIP)(entry) === 0 ? (/^(.+?)(?::(\d+))?$/.exec(entry) ?? []) : [];
    const expected = no_proxy_normalize(name.replace(/^\*?\./, ''));
    if (only !== port || expected === '') {
        return false;
    }
    if ((0,external_node_net_.isIP)(expected) !== 0) {
        return isInNetwork(host, `${expected}/${(0,external_node_net_.isIP)(expected) === 6 ? '128' : '32'}`);
    }
    return host === expected || ((0,external_node_net_.isIP)(host) === 0 && host.endsWith(`.${expected}`));
}
function isInNetwork(host, network) {
    const family = (address) => ((0,external_node_net_.isIP)(address) === 6 ? 'ipv6' : 'ipv4');
    const [address = '', prefix = ''] = network.split('/');
    if ((0,external_node_net_.isIP)(host) === 0 ||
        (0,external_node_net_.isIP)(address) === 0 ||
        !/^\d+$/.test(prefix) ||
        Number(prefix) > ((0,external_node_net_.isIP)(address) === 6 ? 128 : 32)) {
        return false;
    }
    const list = new external_node_net_.BlockList();
    list.addSubnet(address, Number(prefix), family(address));
    return list.check(host, family(host));
}
// Removes the brackets of IPv6 addresses and the trailing dot of full names.
function no_proxy_normalize(host) {
    return host
        .replace(/^\[|\]$/g, '')
        .replace(/\.$/, '')
        .toLowerCase();
}

;// CONCATENATED MODULE: ./src/http/proxy.ts



/**
 * Returns the proxy for requests to an address and masks its credentials; undefined if NO_PROXY excludes the host, or the host is
 * this machine. Throws a Failure if the environment variable does not contain the address of an HTTP proxy.
 */
function findProxy(url) {
    const scheme = url.protocol === 'https:' ? 'https' : 'http';
    const variable = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`].find((name) => process.env[name]);
    const noProxy = process.env['no_proxy'] || process.env['NO_PROXY'] || '';
    if (variable === undefined || isLoopback(url.hostname) || isExcluded(url, noProxy)) {
        return undefined;
    }
    const value = process.env[variable] ?? '';
    // curl and others accept "proxy.example.com:3128", which parses as a URL of the scheme "proxy.example.com".
    const address = value.includes('://') ? value : `http://${value}`;
    const proxy = URL.canParse(address) ? new URL(address) : undefined;
    if (!proxy?.hostname || !/^https?:$/.test(proxy.protocol) || !isDecodable(proxy)) {
        throw new Failure(`The environment variable ${variable} is not the address of an HTTP proxy`, {
            code: 'INVALID_PROXY',
        });
    }
    return { origin: proxy.origin, authorization: readCredentials(proxy), variable };
}
// https://www.rfc-editor.org/rfc/rfc7617#section-2
function readCredentials({ username, password }) {
    if (username === '' && password === '') {
        return undefined;
    }
    const decoded = decodeURIComponent(password);
    const encoded = Buffer.from(`${decodeURIComponent(username)}:${decoded}`).toString('base64');
    // A user name without a password is often a key.
    [...(password === '' ? [username, decodeURIComponent(username)] : [password, decoded]), encoded].forEach(mask);
    return `Basic ${encoded}`;
}
function isDecodable({ username, password }) {
    try {
        return [username, password].every((part) => typeof decodeURIComponent(part) === 'string');
    }
    catch {
        return false;
    }
}

// EXTERNAL MODULE: ./node_modules/@actions/http-client/lib/index.js + 1 modules
var lib = __webpack_require__(4942);
;// CONCATENATED MODULE: ./src/http/response.ts



const SUCCESS = lib/* HttpCodes */.Hv.OK;
const REDIRECTS = [
    lib/* HttpCodes */.Hv.MovedPermanently,
    lib/* HttpCodes */.Hv.ResourceMoved,
    lib/* HttpCodes */.Hv.SeeOther,
    lib/* HttpCodes */.Hv.TemporaryRedirect,
    lib/* HttpCodes */.Hv.PermanentRedirect,
];
const MAX_BODY_BYTES = 1024 * 1024;
// Nomad's errors are far shorter. This limits what the patterns have to search.
const MAX_EXCERPT_LENGTH = 4096;
/** Reads the body of a response as text; undefined if it is longer than 1 MiB. */
async function readBody(body) {
    const chunks = [];
    let length = 0;
    for await (const chunk of body) {
        length += chunk.length;
        if (length > MAX_BODY_BYTES) {
            return undefined;
        }
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
}
/** Tells whether a response is the one that GitHub and Nomad send if all went well. */
function isSuccess({ status }) {
    return status === SUCCESS;
}
/** Describes a response with an unexpected status; the message adds the status and the server's own message to `summary`. */
function describeResponse(summary, target, response) {
    const { status, headers, text } = response;
    const body = excerpt(text, MAX_EXCERPT_LENGTH);
    const said = REDIRECTS.includes(status) ? describeRedirect(target.url, headers['location']) : quote(summarize(body));
    const details = { status, body, retryAfterMs: parseRetryAfter(headers['retry-after']) };
    return new Failure(`${summary} (${String(status)}): ${said || 'an empty response'}`, { target, response: details });
}
// The title describes a web page best, and "message" an error in JSON.
function summarize(body) {
    if (/^\s*</.test(body)) {
        const title = findTitle(body);
        return title === '' ? 'a web page' : `a web page (${title})`;
    }
    try {
        const { message } = JSON.parse(body);
        return typeof message === 'string' ? message : body;
    }
    catch {
        return body;
    }
}
function findTitle(page) {
    const start = page.toLowerCase().indexOf('<title');
    const [title = ''] = start === -1 ? [] : page.slice(page.indexOf('>', start) + 1).split('<', 1);
    return title.trim();
}
// A Location can be relative, malformed, or carry a query with secrets.
function describeRedirect(url, location) {
    const address = typeof location === 'string' ? excerpt(location, MAX_EXCERPT_LENGTH) : '';
    if (address === '' || !URL.canParse(address, url)) {
        return 'a redirect';
    }
    const { origin, pathname } = new URL(address, url);
    return `a redirect to ${quote(origin === new URL(url).origin ? pathname : origin)}`;
}
// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
function parseRetryAfter(value) {
    const text = typeof value === 'string' ? value.trim() : '';
    const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
    return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

;// CONCATENATED MODULE: ./src/http/connection.ts









/** One connection to a server, which its requests share and which is reopened if it is lost. */
class Connection {
    /** The server, for failures. */
    target;
    /** Whether the server has responded to a request. */
    hasResponded = false;
    #tls;
    #proxy;
    #origin;
    #opening = new Set();
    #watch;
    #roots;
    #dispatcher;
    /** Throws a Failure if the environment sets a malformed proxy. */
    constructor(peer, url, tls = {}) {
        this.#tls = tls;
        this.#origin = new URL(url).origin;
        this.#proxy = findProxy(new URL(url));
        this.target = { peer, url, proxy: this.#proxy };
        lib_core.debug(`Connecting to ${this.#place}${this.#proxy === undefined ? ' without a proxy' : ''}`);
        this.#dispatcher = this.#createDispatcher();
        this.#watch = new ConnectionWatch(this.#origin, this.#proxy?.origin);
    }
    /** Sends one request and reads the whole response, whatever its status; throws a Failure if there is no response within `limitMs`. */
    async send(request, limitMs) {
        const startMs = performance.now();
        const connections = this.#watch.connections;
        const log = (outcome) => {
            const kind = this.#watch.connections > connections ? 'new connection' : 'no new connection';
            const duration = (performance.now() - startMs).toFixed();
            lib_core.debug(`${request.method} ${this.#origin}${request.path}: ${outcome} after ${duration} ms, ${kind}`);
        };
        try {
            const onTimeout = () => this.#fail(`${this.#place} did not respond within ${(0,src_deadline/* formatSeconds */.Xo)(limitMs)}`, 'NO_RESPONSE');
            const response = await (0,src_deadline/* withTimeout */.wj)(limitMs, this.#exchange(request), onTimeout);
            log(String(response.status));
            return response;
        }
        catch (error) {
            const { code, network } = error.details;
            log(code ?? (network?.code || 'failed'));
            if (code === 'NO_RESPONSE') {
                this.#reopen();
            }
            throw error;
        }
    }
    /** Closes the connection and ends the requests on it. */
    close() {
        this.#watch.close();
        void this.#dispatcher.destroy(this.#describeUnsent());
        this.#opening.forEach((socket) => socket.destroy());
    }
    get #place() {
        return describeTarget(this.target);
    }
    #createDispatcher() {
        return createDispatcher(this.#origin, this.#tls, this.#proxy, this.#roots, this.#opening);
    }
    // Requests that wait on the same connection would not get a response either.
    #reopen() {
        void this.#dispatcher.destroy(this.#describeUnsent());
        this.#dispatcher = this.#createDispatcher();
    }
    #describeUnsent() {
        return this.#fail(`${this.#place} did not respond`, 'NOT_SENT');
    }
    async #exchange(request) {
        const roots = this.#roots;
        const connections = this.#watch.connections;
        try {
            const { statusCode, headers, body } = await this.#dispatcher.request({ ...request, origin: this.#origin });
            this.hasResponded = true;
            const text = await readBody(body);
            if (text === undefined) {
                throw this.#fail(`${this.#place} sent a response of more than 1 MiB`, 'RESPONSE_TOO_LONG');
            }
            return { status: statusCode, headers, text };
        }
        catch (error) {
            if (error instanceof Failure) {
                throw error;
            }
            if (roots === undefined && this.#canTrustMore(error)) {
                return this.#exchange(request);
            }
            throw this.#describe(error, connections);
        }
    }
    // Reading the system's store takes longer than failing once, so it is only read if Node's own roots are not enough.
    #canTrustMore({ code = '' }) {
        if (!isUntrusted(code) || this.#tls.caCertificate !== undefined) {
            return false;
        }
        if (this.#roots === undefined) {
            this.#roots = readSystemRoots();
            if (this.#roots !== undefined) {
                lib_core.debug("Node's root certificates cannot verify the server: adding those of the operating system");
                this.#reopen();
            }
        }
        return this.#roots !== undefined;
    }
    #describe(error, connections) {
        // Behind a proxy, undici throws this error instead of the failure that the connection was destroyed with.
        if (error.code === 'UND_ERR_DESTROYED') {
            return this.#describeUnsent();
        }
        const reason = this.#watch.takeTlsAlert() ?? error;
        return describeError(`Cannot reach ${this.#place}`, this.target, reason, this.#readProgress(connections));
    }
    #readProgress(connections) {
        const isConnected = this.#watch.connections > connections;
        return { hasResponded: this.hasResponded, hadConnected: connections > 0, isConnected };
    }
    #fail(message, code) {
        return new Failure(message, { code, target: this.target, network: { code: '', ...this.#readProgress(0) } });
    }
}

;// CONCATENATED MODULE: ./src/nomad/api.ts



/** Nomad's HTTP API on one connection. */
class NomadApi {
    #options;
    #connection;
    constructor(options) {
        this.#options = options;
        this.#connection = new Connection('Nomad', options.url, options);
    }
    /** The server, as failures describe it. */
    get target() {
        return this.#connection.target;
    }
    /** Whether the server has responded to a request. */
    get hasResponded() {
        return this.#connection.hasResponded;
    }
    /** Makes a call and returns its response, whatever the status; throws a Failure if there is no response within `limitMs`. */
    send({ method, path, secretId, body }, limitMs) {
        const { url, region, extraHeaders } = this.#options;
        const request = {
            path: new URL(url + path).pathname,
            query: region === undefined ? {} : { region },
            method,
            headers: {
                'user-agent': `${package_namespaceObject.UU}/${package_namespaceObject.rE}`,
                ...extraHeaders,
                ...(secretId !== undefined && { 'x-nomad-token': secretId }),
                ...(body !== undefined && { 'content-type': 'application/json' }),
            },
            body: body === undefined ? null : JSON.stringify(body),
        };
        return this.#connection.send(request, limitMs);
    }
    /** Throws a Failure that begins with `summary` unless the status of a response is 200. */
    expectSuccess(summary, response) {
        if (!isSuccess(response)) {
            throw describeResponse(summary, this.#connection.target, response);
        }
    }
    /** Closes the connection. */
    close() {
        this.#connection.close();
    }
}

;// CONCATENATED MODULE: ./src/nomad/revoke.ts




const POLL_DELAY_MS = 100;
const MAX_POLLS = 10;
/**
 * Revokes a management token with the token itself; returns false if it no longer existed. Throws a Failure unless Nomad confirms
 * that it no longer knows the token.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#delete-token
 */
async function revoke(options, { accessorId, secretId }, deadline) {
    const api = new NomadApi(options);
    try {
        const isDeleted = await retry(deadline, async (limitMs) => {
            const call = { method: 'DELETE', path: `/v1/acl/token/${accessorId}`, secretId };
            const response = await api.send(call, limitMs);
            if (isUnknownToken(response)) {
                return false;
            }
            api.expectSuccess('Nomad refused to revoke the token', response);
            return true;
        });
        await revoke_confirm(api, secretId, deadline);
        return isDeleted;
    }
    finally {
        api.close();
    }
}
// A gateway in front of Nomad may have answered instead, and a follower learns of the deletion a few milliseconds later.
async function revoke_confirm(api, secretId, deadline) {
    for (let polls = 1; polls <= MAX_POLLS && deadline.leftMs > 0; polls += 1) {
        const response = await api.send({ method: 'GET', path: '/v1/acl/token/self', secretId }, deadline.attemptMs);
        if (isUnknownToken(response)) {
            return;
        }
        await (0,promises_.setTimeout)(POLL_DELAY_MS);
    }
    throw new Failure('Nomad does not confirm that the token is revoked', { code: 'NOT_REVOKED' });
}
// Nomad's own messages for a token that does not exist: "not found" up to 1.8, and "Permission denied" since 1.10.
function isUnknownToken({ status, text }) {
    return ((status === 403 && /^(rpc error: )?Permission denied\s*$/.test(text)) ||
        (status === 404 && /^(rpc error: )?ACL token not found\s*$/.test(text)));
}

;// CONCATENATED MODULE: ./src/revocation.ts






const TIMEOUT_S = 5;
/** Revokes a token that the main step saved and logs the outcome; a failure is only a warning, because the job itself is done. */
async function revokeToken(token) {
    const name = `The ${token.type} token ${token.accessorId}`;
    try {
        mask(token.secretId);
        const wasThere = await revoke(readInputs(), token, new src_deadline/* Deadline */.B2(TIMEOUT_S));
        lib_core.info(wasThere ? `${name} is revoked.` : `${name} had already expired or been revoked.`);
    }
    catch (error) {
        lib_core.warning(`${name} could not be revoked and stays valid until it expires. ${explain(error)}`);
    }
}


/***/ })

};
