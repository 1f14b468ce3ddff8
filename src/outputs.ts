import * as core from '@actions/core';
import type { NomadToken } from './token.js';

/** Where the token goes: to later steps by the environment, by an output, or both. */
export interface PublishOptions {
  exportToken: boolean;
  outputToken: boolean;
}

/** Hands a masked token to the job's later steps, says in one line what it is, and warns of one that may do everything or never expires. */
export function publish(token: NomadToken, methodName: string, options: PublishOptions): void {
  if (options.exportToken && canReceive('GITHUB_ENV')) {
    core.exportVariable('NOMAD_TOKEN', token.secretId);
  }
  if (canReceive('GITHUB_OUTPUT')) {
    if (options.outputToken) {
      core.setOutput('nomadToken', token.secretId);
    }
    core.setOutput('accessorId', token.accessorId);
    core.setOutput('tokenType', token.type);
    core.setOutput('policies', JSON.stringify(token.policies));
    core.setOutput('roles', JSON.stringify(token.roles));
    core.setOutput('expirationTime', token.expirationTime);
  }
  core.info(describeToken(token, methodName));
  if (token.type === 'management') {
    core.warning(
      `Nomad gave this job a management token, which may do everything on the cluster. ` +
        `Bind the auth method ${methodName} to a role or a policy instead.`,
    );
  }
  if (token.expirationTime === '') {
    core.warning(`Nomad gave this job a token that never expires. Set MaxTokenTTL on the auth method ${methodName}.`);
  }
}

// Where a run by hand sets no such file, the toolkit would print what belongs into it, and with it the token.
function canReceive(file: 'GITHUB_ENV' | 'GITHUB_OUTPUT'): boolean {
  const isSet = Boolean(process.env[file]);
  if (!isSet) {
    core.warning(
      `The environment variable ${file} is not set: outside a runner, set it to a file that takes what this step hands on.`,
    );
  }
  return isSet;
}

function describeToken(token: NomadToken, methodName: string): string {
  return [
    `Logged in to Nomad through the auth method ${methodName}: ${token.type} token ${token.accessorId}`,
    `policies: ${token.policies.join(', ') || 'none'}`,
    `roles: ${token.roles.join(', ') || 'none'}`,
    token.expirationTime === '' ? 'never expires' : `expires ${token.expirationTime}`,
  ].join('; ');
}
