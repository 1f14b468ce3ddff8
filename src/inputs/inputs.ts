import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import { mask } from '../secrets.js';
import { decodeBasic, findSecretsInHeaders, parseHeaders } from './headers.js';
import { findSecretsInPem, isKeyOfCertificate, parseCertificates, parsePrivateKey } from './pem.js';
import { parseMethodName, parseNamespace, parseRegion, parseServerName, parseTimeout, parseUrl } from './values.js';

/** The inputs under the names of action.yml, validated and decoded. */
export interface Inputs {
  url: string;
  /** Whether the input url was left out. */
  isUrlDefault: boolean;
  methodName: string;
  identityToken: string | undefined;
  jwtGithubAudience: string | undefined;
  exportToken: boolean;
  outputToken: boolean;
  tlsSkipVerify: boolean;
  /** PEM, as are the other certificates and the key. */
  caCertificate: string | undefined;
  clientCertificate: string | undefined;
  clientKey: string | undefined;
  /** Values by names in lower case. */
  extraHeaders: Record<string, string>;
  /** `user:password` of an Authorization header of type Basic in extraHeaders. */
  basicCredentials: string | undefined;
  tlsServerName: string | undefined;
  region: string | undefined;
  namespace: string | undefined;
  /** The timeout of the whole login in seconds. */
  timeout: number;
  exportConnection: boolean;
  revokeToken: boolean;
}

const DEFAULT_URL = 'http://localhost:4646';

/** Masks the secrets among the inputs, then reads all inputs; throws a Failure that names the malformed input. */
export function readInputs(): Inputs {
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
export function warnAboutTransport({ url, tlsSkipVerify }: Inputs): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !/^localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname)) {
    core.warning(
      `${url} uses plain HTTP: anyone who can read the network traffic can read the JWT and the Nomad token. Use https.`,
    );
  }
  if (tlsSkipVerify) {
    core.warning(
      'tlsSkipVerify is on: any server that impersonates Nomad can receive the JWT. Set caCertificate instead.',
    );
  }
}

function maskSecrets(): void {
  // The runner compares masks line by line.
  core.getInput('identityToken').split(/\r?\n/).forEach(mask);
  findSecretsInPem(core.getInput('clientKey')).forEach(mask);
  findSecretsInHeaders(core.getInput('extraHeaders')).forEach(mask);
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

function checkClientPair({ clientCertificate, clientKey }: Inputs): void {
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

function invalid(input: string, problem: string): Failure {
  return new Failure(`Input ${input} ${problem}`, { code: 'INVALID_INPUT', input });
}
