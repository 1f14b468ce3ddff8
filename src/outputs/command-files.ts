import { accessSync, constants, statSync } from 'node:fs';
import * as core from '@actions/core';
import { Failure } from '../failures/failure.js';
import type { Inputs } from '../inputs/inputs.js';
import { findTempFolder } from './state.js';

const FILES = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE'] as const;

/** Tells whether the runner has prepared a file for later steps; without it, the toolkit would print the content, even secrets. */
export function canReceive(file: (typeof FILES)[number]): boolean {
  return statSync(process.env[file] ?? '', { throwIfNoEntry: false })?.isFile() === true;
}

/** Tells whether exporting the connection creates files, for PEM that the inputs contain. */
export function needsFolder({ exportConnection, connection }: Inputs): boolean {
  const { caCertificate, clientCertificate, clientKey } = connection;
  return exportConnection && [caCertificate, clientCertificate, clientKey].some((pem) => pem && pem.path === undefined);
}

/** Throws a Failure if a file for later steps, or the folder for PEM files, cannot be written: after the login, that would leave a token that nothing revokes. */
export function checkCommandFiles(inputs: Inputs): void {
  for (const name of FILES) {
    check(name, () => canReceive(name) && accessSync(process.env[name] ?? '', constants.W_OK));
  }
  // With the slash, a file is an error.
  check(
    'RUNNER_TEMP',
    () => needsFolder(inputs) && accessSync(`${findTempFolder()}/`, constants.W_OK | constants.X_OK),
  );
}

function check(name: string, access: () => unknown): void {
  try {
    access();
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new Failure('unwritable-file', `This step cannot write to the path that ${name} names (${code})`);
  }
}

/** Like `canReceive`, and warns about a file that is missing. */
export function warnUnlessPresent(file: (typeof FILES)[number]): boolean {
  const isPresent = canReceive(file);
  if (!isPresent) {
    core.warning(
      `The environment variable ${file} does not name a file. Outside a runner, set it to the path of a file in which this step can store its results.`,
    );
  }
  return isPresent;
}
