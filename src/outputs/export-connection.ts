import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as core from '@actions/core';
import { decodeBasic } from '../inputs/headers.js';
import type { Connection, Inputs } from '../inputs/inputs.js';
import type { Pem } from '../inputs/pem.js';
import { needsFolder, warnUnlessPresent } from './command-files.js';
import { createFolder } from './state.js';

/** Exports what Nomad's own programs read to reach the cluster: https://developer.hashicorp.com/nomad/docs/commands#environment-variables */
export function exportConnection(inputs: Inputs): void {
  const { connection, namespace, exportToken } = inputs;
  const { url, region, tlsServerName, tlsSkipVerify, extraHeaders } = connection;
  const variables: Record<string, string | undefined> = {
    NOMAD_ADDR: url,
    NOMAD_REGION: region,
    NOMAD_NAMESPACE: namespace,
    NOMAD_TLS_SERVER_NAME: tlsServerName,
    NOMAD_SKIP_VERIFY: tlsSkipVerify ? 'true' : undefined,
    NOMAD_HTTP_AUTH: decodeBasic(extraHeaders['authorization'] ?? ''),
    NOMAD_CAPATH: undefined,
    ...provideFiles(inputs, {
      NOMAD_CACERT: connection.caCertificate,
      NOMAD_CLIENT_CERT: connection.clientCertificate,
      NOMAD_CLIENT_KEY: connection.clientKey,
    }),
    // The token of another login must not be sent to this cluster.
    ...(!exportToken && { NOMAD_TOKEN: undefined }),
  };
  warnAboutPrograms(connection);
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

function warnAboutPrograms({ url, tlsSkipVerify }: Connection): void {
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
}

function provideFiles(inputs: Inputs, pems: Record<string, Pem | undefined>): Record<string, string | undefined> {
  const folder = needsFolder(inputs) && warnUnlessPresent('GITHUB_STATE') ? createFolder() : '';
  if (folder !== '') {
    // Before the folder contains a file, so that the post step deletes it even if this step fails; without state, it could not.
    core.saveState('folder', folder);
  }
  const write = (name: string, pem: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `${pem}\n`, { mode: 0o600 });
    return path;
  };
  return Object.fromEntries(
    Object.entries(pems).map(([name, pem]) => [name, pem && (pem.path ?? (folder && write(`${name}.pem`, pem.text)))]),
  );
}
