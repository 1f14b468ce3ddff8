import * as core from '@actions/core';
import { decodeBasic } from '../inputs/headers.js';
import type { Inputs } from '../inputs/inputs.js';
import type { NomadToken } from '../nomad/token.js';
import { formatTime } from '../time.js';
import type { SavedToken } from './state.js';

/** Saves a token for the post step: with secrets only if it can and should be revoked. */
export function saveToken(token: NomadToken, { connection, revokeToken }: Inputs): void {
  const { accessorId, secretId, type, expirationTime } = token;
  const isRevocable = type === 'management' && revokeToken;
  const saved: SavedToken = { accessorId, type, expirationTime, ...(isRevocable && { secretId, connection }) };
  core.saveState('token', JSON.stringify(saved));
}

/** Passes a masked token to later steps and describes it in the log. */
export function publish(token: NomadToken, inputs: Inputs, pemFiles: Record<string, string>): void {
  if (inputs.exportToken) {
    core.exportVariable('NOMAD_TOKEN', token.secretId);
  }
  if (inputs.exportConnection) {
    exportConnection(inputs, pemFiles);
  } else if (inputs.exportToken) {
    adviseAddress(inputs);
  }
  const outputs = {
    ...(inputs.outputToken && { nomadToken: token.secretId }),
    accessorId: token.accessorId,
    tokenType: token.type,
    policies: JSON.stringify(token.policies),
    roles: JSON.stringify(token.roles),
    expirationTime: token.expirationTime,
  };
  Object.entries(outputs).forEach(([name, value]) => core.setOutput(name, value));
  describeToken(token, inputs.methodName);
}

function describeToken({ type, accessorId, roles, policies, expirationTime }: NomadToken, methodName: string): void {
  const parts = [
    `Logged in to Nomad through the auth method ${methodName}: ${type} token ${accessorId}`,
    ...(roles.length > 0 ? [`roles: ${roles.join(', ')}`] : []),
    ...(policies.length > 0 ? [`policies: ${policies.join(', ')}`] : []),
    expirationTime === '' ? 'never expires' : `expires ${formatTime(expirationTime)}`,
  ];
  core.info(parts.join('; '));
  if (type === 'management') {
    core.warning(
      `This is a management token, which allows everything on the cluster. Bind the auth method ${methodName} to a role or a policy instead.`,
    );
  }
  if (expirationTime === '') {
    core.warning(`This token never expires. Set MaxTokenTTL on the auth method ${methodName}.`);
  }
}

// What Nomad's own programs read to reach the cluster: https://developer.hashicorp.com/nomad/docs/commands#environment-variables
function exportConnection({ connection, namespace, exportToken }: Inputs, pemFiles: Record<string, string>): void {
  const { url, region, tlsServerName, tlsSkipVerify, extraHeaders } = connection;
  const variables: Record<string, string | undefined> = {
    NOMAD_ADDR: url,
    NOMAD_REGION: region,
    NOMAD_NAMESPACE: namespace,
    NOMAD_TLS_SERVER_NAME: tlsServerName,
    NOMAD_SKIP_VERIFY: tlsSkipVerify ? 'true' : undefined,
    NOMAD_HTTP_AUTH: decodeBasic(extraHeaders['authorization'] ?? ''),
    NOMAD_CAPATH: undefined,
    NOMAD_CACERT: undefined,
    NOMAD_CLIENT_CERT: undefined,
    NOMAD_CLIENT_KEY: undefined,
    ...pemFiles,
    // The token of another login must not be sent to this cluster.
    ...(!exportToken && { NOMAD_TOKEN: undefined }),
  };
  const { pathname, origin } = new URL(url);
  if (pathname !== '/') {
    core.warning(
      `The nomad CLI, Terraform and nomad-pack ignore the path of NOMAD_ADDR: they send requests to ${origin} instead of ${url}.`,
    );
  }
  if (!tlsSkipVerify && process.env['NOMAD_SKIP_VERIFY'] !== undefined) {
    core.warning(
      'NOMAD_SKIP_VERIFY is set in this job, and no step can unset it. nomad-pack takes any value as true, even an empty one, and does not verify the server: run it in another job.',
    );
  }
  // The nomad CLI and Terraform treat an empty variable as unset.
  for (const [name, value = ''] of Object.entries(variables)) {
    if (value !== '' || process.env[name]) {
      core.exportVariable(name, value);
    }
  }
}

/** Says what to set if later steps get the token, but another address, region or namespace. */
export function adviseAddress({ connection: { url, region }, namespace }: Inputs): void {
  const expected = { NOMAD_ADDR: url, NOMAD_REGION: region, NOMAD_NAMESPACE: namespace };
  // A runner that is itself a job of Nomad has a region and a namespace in its environment.
  const wrong = Object.entries(expected).filter(
    ([name, value = '']) => (process.env[name] ?? '').replace(/\/+$/, '') !== value,
  );
  if (wrong.length > 0) {
    const states = wrong.map(([name]) => `${name} ${process.env[name] ? 'has another value' : 'is not set'}`);
    const values = wrong.map(([name, value]) => `${name} to ${value ?? "''"}`);
    core.info(
      `Later steps get NOMAD_TOKEN, but ${states.join(', ')} in this job: set exportConnection to true, or ${values.join(', ')}.`,
    );
  }
}
