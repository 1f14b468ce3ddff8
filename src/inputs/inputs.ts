import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import { mask } from '../secrets.js';
import { formatTime } from '../time.js';
import { parseHeaders } from './headers.js';
import { parseCertificates, parsePrivateKey } from './pem.js';
import { matching, parseUrl } from './values.js';

/** The inputs under the names of action.yml, validated and decoded. */
export type Inputs = ReturnType<typeof readInputs>;

/** The inputs that say how to reach Nomad, which a revocation after the job needs as well. */
export type Connection = Inputs['connection'];

const WARN_BEFORE_MS = 14 * 24 * 60 * 60 * 1000;
const NAMESPACE = /^([a-zA-Z0-9-]{1,128}|\*)$/;
const NAME = '1 to 128 letters, digits and hyphens';
const SECONDS = /^0*([1-9]\d{0,2}|[12]\d{3}|3[0-5]\d\d|3600)$/;
// TLS does not allow IP addresses. https://www.rfc-editor.org/rfc/rfc6066#section-3
const SERVER_NAME = /^(?![\d.]+$)[\w-]+(\.[\w-]+)*$/;

/** Reads all inputs and masks the secrets among them; throws a Failure that names the malformed input. */
export function readInputs() {
  // The secrets come first, so that no error appears in the log before they are masked.
  const identityToken = read('identityToken', String);
  // The runner compares masks line by line.
  identityToken?.split(/\r?\n/).forEach(mask);
  const connection = {
    clientKey: read('clientKey', parsePrivateKey),
    extraHeaders: read('extraHeaders', parseHeaders) ?? {},
    url: read('url', parseUrl) ?? 'http://localhost:4646',
    region: read('region', matching(/^[^\s\p{Cc}]+$/u, 'the name of a region, without spaces')),
    tlsSkipVerify: readBoolean('tlsSkipVerify', false),
    tlsServerName: read('tlsServerName', matching(SERVER_NAME, 'a DNS name such as server.global.nomad')),
    caCertificate: read('caCertificate', parseCertificates),
    clientCertificate: read('clientCertificate', parseCertificates),
    /** The timeout of the whole login in seconds. */
    timeout: Number(read('timeout', matching(SECONDS, 'a whole number of seconds from 1 to 3600')) ?? 60),
  };
  checkClientPair(connection);
  // A bundle of CAs may contain an old one, but each certificate of a chain must be valid.
  checkExpiry('caCertificate', Math.max(...(connection.caCertificate?.expiryMs ?? [Infinity])));
  checkExpiry('clientCertificate', Math.min(...(connection.clientCertificate?.expiryMs ?? [])));
  return {
    identityToken,
    jwtGithubAudience: read('jwtGithubAudience', String),
    methodName:
      read('methodName', matching(/^[a-zA-Z0-9-]{1,128}$/, `the name of an auth method: ${NAME}`)) ?? 'github',
    connection,
    namespace: read('namespace', matching(NAMESPACE, `the name of a namespace (${NAME}), or * for all`)),
    exportToken: readBoolean('exportToken', true),
    outputToken: readBoolean('outputToken', true),
    exportConnection: readBoolean('exportConnection', false),
    revokeToken: readBoolean('revokeToken', true),
  };
}

/** Warns if someone other than GitHub and Nomad could read the JWT or the token. */
export function warnAboutTransport({ url, tlsSkipVerify }: Connection): void {
  const { protocol, hostname } = new URL(url);
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    core.warning(
      'NODE_TLS_REJECT_UNAUTHORIZED is 0: any server that impersonates GitHub can receive the credentials with which this job requests its JWT. Set NODE_EXTRA_CA_CERTS instead.',
    );
  }
  if (protocol === 'http:' && !/^localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname)) {
    core.warning(
      `${url} uses plain HTTP: anyone who can read the network traffic can read the JWT and the Nomad token. Use https.`,
    );
  }
  if (tlsSkipVerify) {
    core.warning('tlsSkipVerify is on: any server that impersonates Nomad can receive the JWT. Set caCertificate.');
  }
}

function read<T>(name: string, parse: (value: string) => T): T | undefined {
  const value = core.getInput(name);
  try {
    return value === '' ? undefined : parse(value);
  } catch (error) {
    throw invalid(name, (error as Error).message);
  }
}

function readBoolean(name: string, defaultValue: boolean): boolean {
  try {
    return core.getInput(name) === '' ? defaultValue : core.getBooleanInput(name);
  } catch {
    throw invalid(name, 'must be true or false');
  }
}

function checkClientPair({ clientCertificate, clientKey }: Connection): void {
  const [given, missing] = clientKey ? ['clientKey', 'clientCertificate'] : ['clientCertificate', 'clientKey'];
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    throw invalid(given, `requires the input ${missing}, which is not set, or whose secret is empty in this job`);
  }
  const key = clientKey && createPrivateKey(clientKey);
  if (clientCertificate && key && !new X509Certificate(clientCertificate.text).checkPrivateKey(key)) {
    throw invalid('clientKey', 'does not belong to the (first) certificate in the input clientCertificate');
  }
}

function checkExpiry(input: string, expiryMs: number): void {
  if (expiryMs < Date.now()) {
    throw invalid(input, `contains a certificate that expired at ${formatTime(expiryMs)}; renew it`);
  }
  if (expiryMs < Date.now() + WARN_BEFORE_MS) {
    core.warning(`Input ${input} contains a certificate that expires at ${formatTime(expiryMs)}. Renew it.`);
  }
}

function invalid(input: string, problem: string): Failure {
  return new Failure('invalid-input', `Input ${input} ${problem}`);
}
