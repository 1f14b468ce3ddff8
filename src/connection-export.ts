import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import type { ConnectionOptions } from './nomad.js';

/**
 * Exports to later steps what Nomad's own programs read to reach the cluster, and says which files it is about to write.
 * https://developer.hashicorp.com/nomad/docs/commands#environment-variables
 */
export function exportConnection(options: ConnectionOptions, announceFiles: (files: string[]) => void): void {
  // Run by hand there is no later step to find the files, and nobody to delete them.
  if (!process.env['GITHUB_ENV']) {
    return;
  }
  exportAll({
    NOMAD_ADDR: options.url,
    NOMAD_REGION: options.region,
    NOMAD_TLS_SERVER_NAME: options.tlsServerName,
    NOMAD_SKIP_VERIFY: options.tlsSkipVerify ? 'true' : undefined,
  });
  const pems = {
    NOMAD_CACERT: options.caCertificate,
    NOMAD_CLIENT_CERT: options.clientCertificate,
    NOMAD_CLIENT_KEY: options.clientKey,
  };
  const folder = process.env['RUNNER_TEMP'] || tmpdir();
  const files = Object.entries(pems).flatMap(([name, pem]) =>
    pem === undefined ? [] : [{ name, pem, path: join(folder, `nomad-${randomUUID()}.pem`) }],
  );
  announceFiles(files.map(({ path }) => path));
  for (const { pem, path } of files) {
    // Nobody else can read the file from its first byte on, nor have put it there before.
    writeFileSync(path, pem.endsWith('\n') ? pem : `${pem}\n`, { mode: 0o600, flag: 'wx' });
  }
  exportAll(Object.fromEntries(files.map(({ name, path }) => [name, path])));
}

function exportAll(variables: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined) {
      core.exportVariable(name, value);
    }
  }
}
