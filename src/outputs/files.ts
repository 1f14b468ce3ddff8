import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import type { Inputs } from '../inputs/inputs.js';
import { createFolder } from './state.js';

/** Checks the runner's files for later steps, writes the PEM files that exportConnection needs, and returns their paths by variable. Throws a Failure if that is impossible: after the login, it would leave a token that nobody gets. */
export function prepareFiles({ exportConnection, connection }: Inputs): Record<string, string> {
  for (const name of ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE']) {
    // Without the file, the toolkit would print what it should contain, even secrets.
    write(name, () => appendFileSync(process.env[name] ?? '', ''));
  }
  const { caCertificate, clientCertificate, clientKey } = connection;
  const pems = Object.entries({
    NOMAD_CACERT: caCertificate?.text,
    NOMAD_CLIENT_CERT: clientCertificate?.text,
    NOMAD_CLIENT_KEY: clientKey,
  }).filter(([, pem]) => exportConnection && pem !== undefined);
  return pems.length === 0 ? {} : write('RUNNER_TEMP', () => writePemFiles(pems));
}

function writePemFiles(pems: [variable: string, pem: string | undefined][]): Record<string, string> {
  const folder = createFolder();
  // Before the folder contains a file, so that the post step deletes it even if this step fails.
  core.saveState('folder', folder);
  return Object.fromEntries(
    pems.map(([variable, pem]) => {
      const path = join(folder, `${variable}.pem`);
      writeFileSync(path, `${String(pem)}\n`, { mode: 0o600 });
      return [variable, path];
    }),
  );
}

function write<T>(name: string, access: () => T): T {
  try {
    return access();
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new Failure('unwritable-file', `This step cannot write to the path that ${name} names (${code})`);
  }
}
