import * as core from '@actions/core';
import { trimFraction } from '../deadline.js';
import { quoteId } from '../secrets.js';
import { exportConnection, type ExportOptions } from './connection.js';
import { canReceive } from './files.js';
import { STATE, type SavedToken } from './state.js';

/** The token for later steps; `expirationTime` is empty if it does not expire. */
export interface PublishedToken {
  secretId: string;
  accessorId: string;
  type: string;
  policies: string[];
  roles: string[];
  expirationTime: string;
}

/** What to set for later steps. */
export interface PublishOptions extends ExportOptions {
  methodName: string;
  exportToken: boolean;
  outputToken: boolean;
  exportConnection: boolean;
}

const MAX_NAMES = 20;

/** Saves a token for the post step, with its secret only if it can and should be revoked. */
export function saveToken({ accessorId, secretId, type, expirationTime }: PublishedToken, revokeToken: boolean): void {
  const isRevocable = type === 'management' && revokeToken;
  const saved: SavedToken = { accessorId, type, expirationTime, ...(isRevocable && { secretId }) };
  if (canReceive('GITHUB_STATE')) {
    core.saveState(STATE.token, JSON.stringify(saved));
  } else if (isRevocable) {
    core.info(
      'The environment variable GITHUB_STATE does not name a file, so nothing will revoke the token after the job.',
    );
  }
}

/**
 * Passes a masked token to later steps, describes it in the log, and warns if it has too many permissions, none, or no expiration.
 * `effectivePolicies` are its existing policies, including those of its roles, if they are known.
 */
export function publish(token: PublishedToken, effectivePolicies: string[] | undefined, options: PublishOptions): void {
  if (options.exportConnection) {
    exportConnection(options);
  }
  if (options.exportToken && warnUnlessPresent('GITHUB_ENV')) {
    core.exportVariable('NOMAD_TOKEN', token.secretId);
  }
  if (warnUnlessPresent('GITHUB_OUTPUT')) {
    if (options.outputToken) {
      core.setOutput('nomadToken', token.secretId);
    }
    core.setOutput('accessorId', token.accessorId);
    core.setOutput('tokenType', token.type);
    core.setOutput('policies', JSON.stringify(token.policies));
    core.setOutput('roles', JSON.stringify(token.roles));
    core.setOutput('expirationTime', token.expirationTime);
  }
  core.info(describeToken(token, effectivePolicies, options.methodName));
  warnAboutToken(token, effectivePolicies, options.methodName);
}

function warnUnlessPresent(file: 'GITHUB_ENV' | 'GITHUB_OUTPUT'): boolean {
  const isPresent = canReceive(file);
  if (!isPresent) {
    core.warning(
      `The environment variable ${file} does not name a file. Outside a runner, set it to the path of a file in which this step can store its results.`,
    );
  }
  return isPresent;
}

function describeToken(token: PublishedToken, effectivePolicies: string[] | undefined, methodName: string): string {
  const rights = [];
  if (token.roles.length > 0) {
    rights.push(`roles: ${listNames(token.roles)}`);
  }
  const policies = effectivePolicies ?? token.policies;
  if (policies.length > 0) {
    rights.push(`policies: ${listNames(policies)}`);
  } else if (effectivePolicies === undefined && token.roles.length > 0) {
    rights.push('policies: through its roles');
  }
  return [
    `Logged in to Nomad through the auth method ${methodName}: ${token.type} token ${token.accessorId}`,
    ...rights,
    token.expirationTime === '' ? 'never expires' : `expires ${trimFraction(token.expirationTime)}`,
  ].join('; ');
}

function warnAboutToken(token: PublishedToken, effectivePolicies: string[] | undefined, methodName: string): void {
  if (token.type === 'management') {
    core.warning(
      `This is a management token, which allows everything on the cluster. ` +
        `Bind the auth method ${methodName} to a role or a policy instead.`,
    );
  }
  if (token.expirationTime === '') {
    core.warning(`This token never expires. Set MaxTokenTTL on the auth method ${methodName}.`);
  }
  if (effectivePolicies?.length === 0) {
    core.warning(
      `This token has no permissions: the policies of its roles (${listNames(token.roles)}) do not exist. Create them, or link the roles to other policies.`,
    );
  }
}

function listNames(names: string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).map(quoteId).join(', ') + (more > 0 ? ` and ${more.toLocaleString('en')} more` : '');
}
