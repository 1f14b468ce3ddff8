import * as core from '@actions/core';
import type { Inputs } from '../inputs/inputs.js';
import type { NomadToken } from '../nomad/token.js';
import { formatTime } from '../times.js';
import { adviseAddress, exportConnection } from './export-connection.js';
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
