import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import type { Inputs } from '../inputs/inputs.js';
import { createFolder } from './state.js';

/** Checks the runner's files for later steps, writes the PEM files that exportConnection needs, and returns their paths by variable. Throws a Failure if that is impossible: after the login, it would leave a token that nobody gets. */
export function prepareFiles(inputs: Inputs): Record<string, string> {
  let name = '';
  try {
    // Without the file, the toolkit would print what it should contain, even secrets.
    for (name of ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE']) {
      appendFileSync(process.env[name] ?? '', '');
    }
    name = 'RUNNER_TEMP';
    return writePemFiles(inputs);
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new Failure('unwritable-file', `This step cannot write to the path in the variable ${name} (${code})`);
  }
}

function writePemFiles({ exportConnection, connection }: Inputs): Record<string, string> {
  const { caCertificate, clientCertificate, clientKey: key } = connection;
  const pems = { NOMAD_CACERT: caCertificate?.text, NOMAD_CLIENT_CERT: clientCertificate?.text, NOMAD_CLIENT_KEY: key };
  const given = Object.entries(pems).filter(([, pem]) => exportConnection && pem !== undefined);
  if (given.length === 0) {
    return {};
  }
  const folder = createFolder();
  // Before the folder contains a file, so that the post step deletes it even if this step fails.
  core.saveState('folder', folder);
  const paths = given.map(([variable, pem]) => {
    const path = join(folder, `${variable}.pem`);
    writeFileSync(path, `${String(pem)}\n`, { mode: 0o600 });
    return [variable, path];
  });
  return Object.fromEntries(paths) as Record<string, string>;
}
