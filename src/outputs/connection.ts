import * as core from '@actions/core';
import { canReceive, choosePath, writePem } from './files.js';
import { STATE } from './state.js';

/** What later steps need to know to reach the cluster. */
export interface ExportOptions {
  url: string;
  region: string | undefined;
  namespace: string | undefined;
  tlsServerName: string | undefined;
  tlsSkipVerify: boolean;
  caCertificate: string | undefined;
  clientCertificate: string | undefined;
  clientKey: string | undefined;
  /** `user:password` that a proxy in front of Nomad requires. */
  basicCredentials: string | undefined;
  exportToken: boolean;
}

type Variables = Record<string, string | undefined>;

/**
 * Exports the variables that Nomad's own programs read to reach the cluster, after all PEM files are written. Variables that are
 * set in the job but do not apply to this login become empty, which the programs treat as unset.
 * https://developer.hashicorp.com/nomad/docs/commands#environment-variables
 */
export function exportConnection(options: ExportOptions): void {
  // A run by hand has no later step that reads the files, and nothing deletes them.
  if (!canReceive('GITHUB_ENV')) {
    return;
  }
  const variables: Variables = {
    NOMAD_ADDR: options.url,
    NOMAD_REGION: options.region,
    NOMAD_NAMESPACE: options.namespace,
    NOMAD_TLS_SERVER_NAME: options.tlsServerName,
    NOMAD_SKIP_VERIFY: options.tlsSkipVerify ? 'true' : undefined,
    NOMAD_HTTP_AUTH: options.basicCredentials,
    NOMAD_CAPATH: undefined,
    ...writeFiles({
      NOMAD_CACERT: options.caCertificate,
      NOMAD_CLIENT_CERT: options.clientCertificate,
      NOMAD_CLIENT_KEY: options.clientKey,
    }),
    // The token of another login must not be sent to this cluster.
    ...(!options.exportToken && { NOMAD_TOKEN: undefined }),
  };
  for (const [name, value = ''] of Object.entries(variables)) {
    if (value !== '' || process.env[name]) {
      core.exportVariable(name, value);
    }
  }
}

function writeFiles(pems: Variables): Variables {
  const files = Object.entries(pems).map(([name, pem]) => ({ name, pem, path: pem && choosePath() }));
  const paths = files.flatMap(({ path }) => path ?? []);
  if (paths.length > 0 && !canReceive('GITHUB_STATE')) {
    core.warning(
      'The environment variable GITHUB_STATE does not name a file, so the post step could not delete PEM files: they are neither written nor exported.',
    );
    return Object.fromEntries(files.map(({ name }) => [name, undefined]));
  }
  if (paths.length > 0) {
    // Before the first file is written, so that the post step deletes them even if this step fails.
    core.saveState(STATE.files, JSON.stringify(paths));
  }
  for (const { pem, path } of files) {
    if (pem !== undefined && path !== undefined) {
      writePem(path, pem);
    }
  }
  return Object.fromEntries(files.map(({ name, path }) => [name, path]));
}
