import * as core from '@actions/core';
import { findSecretsInHeaders, parseHeaders } from './headers.js';
import type { IdentityOptions } from './identity.js';
import type { ConnectionOptions } from './nomad.js';
import type { PublishOptions } from './outputs.js';
import { parseMethodName, parseRegion, parseServerName, parseTimeout, parseUrl } from './input-values.js';
import { findSecretsInPem, isKeyOfCertificate, parseCertificates, parsePrivateKey } from './pem.js';
import { mask } from './secrets.js';

/** The action's inputs under the names of action.yml, checked and decoded. */
export interface Inputs extends IdentityOptions, ConnectionOptions, PublishOptions {
  methodName: string;
  /** How many seconds the whole login may take. */
  timeout: number;
  exportConnection: boolean;
  revokeToken: boolean;
}

/** Where Nomad is taken to be where the input url does not say. */
export const DEFAULT_URL = 'http://localhost:4646';

/** Masks what is secret in the inputs, then reads them all; throws an error that names the input which is malformed. */
export function readInputs(): Inputs {
  maskSecrets();
  const inputs = {
    url: read('url', parseUrl) ?? DEFAULT_URL,
    methodName: read('methodName', parseMethodName) ?? 'github',
    identityToken: read('identityToken', String),
    jwtGithubAudience: read('jwtGithubAudience', String),
    exportToken: readBoolean('exportToken', true),
    outputToken: readBoolean('outputToken', true),
    tlsSkipVerify: readBoolean('tlsSkipVerify', false),
    caCertificate: read('caCertificate', parseCertificates),
    clientCertificate: read('clientCertificate', parseCertificates),
    clientKey: readClientKey(),
    extraHeaders: read('extraHeaders', parseHeaders) ?? {},
    tlsServerName: read('tlsServerName', parseServerName),
    region: read('region', parseRegion),
    timeout: read('timeout', parseTimeout) ?? 60,
    exportConnection: readBoolean('exportConnection', false),
    revokeToken: readBoolean('revokeToken', true),
  };
  checkClientPair(inputs);
  return inputs;
}

function maskSecrets(): void {
  core.getInput('identityToken').split(/\r?\n/).forEach(mask);
  findSecretsInPem(core.getInput('clientKey')).forEach(mask);
  findSecretsInHeaders(core.getInput('extraHeaders')).forEach(mask);
}

function read<T>(name: string, parse: (value: string) => T): T | undefined {
  const value = core.getInput(name);
  try {
    return value === '' ? undefined : parse(value);
  } catch (error) {
    throw new Error(`Input ${name} ${(error as Error).message}.`, { cause: error });
  }
}

function readBoolean(name: string, defaultValue: boolean): boolean {
  try {
    return core.getInput(name) === '' ? defaultValue : core.getBooleanInput(name);
  } catch {
    throw new Error(`Input ${name} must be true or false.`);
  }
}

function readClientKey(): string | undefined {
  const key = read('clientKey', parsePrivateKey);
  // The decoded lines differ from the base64 that was masked on reading.
  findSecretsInPem(key ?? '').forEach(mask);
  return key;
}

function checkClientPair({ clientCertificate, clientKey }: ConnectionOptions): void {
  if (clientCertificate === undefined && clientKey === undefined) {
    return;
  }
  if (clientCertificate === undefined) {
    throw new Error('Input clientKey needs the input clientCertificate beside it.');
  }
  if (clientKey === undefined) {
    throw new Error('Input clientCertificate needs the input clientKey beside it.');
  }
  if (!isKeyOfCertificate(clientKey, clientCertificate)) {
    throw new Error('Input clientKey does not belong to the (first) certificate in the input clientCertificate.');
  }
}

/** Warns where others than Nomad could read the JWT or the token. */
export function warnAboutTransport({ url, tlsSkipVerify }: ConnectionOptions): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !/^localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname)) {
    core.warning(`${url} is plain HTTP: whoever can read the network can read the JWT and the Nomad token. Use https.`);
  }
  if (tlsSkipVerify) {
    core.warning(
      'tlsSkipVerify is on: whoever can answer in the place of Nomad gets the JWT. Set caCertificate instead.',
    );
  }
}
