import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import type { ConnectionOptions } from './nomad.js';

/**
 * Exports to later steps what Nomad's own programs read to reach the cluster, and returns the files that this leaves.
 * https://developer.hashicorp.com/nomad/docs/commands#environment-variables
 */
export function exportConnection(options: ConnectionOptions): string[] {
  const files: string[] = [];
  // Run by hand there is no later step to find the files, and nobody to delete them.
  if (!process.env['GITHUB_ENV']) {
    return files;
  }
  const store = (pem: string | undefined): string | undefined => {
    if (pem === undefined) {
      return undefined;
    }
    const file = join(process.env['RUNNER_TEMP'] || tmpdir(), `nomad-${randomUUID()}.pem`);
    // Nobody else can read the file from its first byte on, nor have put it there before.
    writeFileSync(file, pem.endsWith('\n') ? pem : `${pem}\n`, { mode: 0o600, flag: 'wx' });
    files.push(file);
    return file;
  };
  const variables = {
    NOMAD_ADDR: options.url,
    NOMAD_REGION: options.region,
    NOMAD_CACERT: store(options.caCertificate),
    NOMAD_CLIENT_CERT: store(options.clientCertificate),
    NOMAD_CLIENT_KEY: store(options.clientKey),
    NOMAD_TLS_SERVER_NAME: options.tlsServerName,
    NOMAD_SKIP_VERIFY: options.tlsSkipVerify ? 'true' : undefined,
  };
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined) {
      core.exportVariable(name, value);
    }
  }
  return files;
}
