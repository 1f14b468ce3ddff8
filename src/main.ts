import * as core from '@actions/core';
import { endSoon } from './exit.js';
import { explain } from './failures/explain.js';
import { getJwt } from './github/identity.js';
import { readInputs, warnAboutTransport } from './inputs/inputs.js';
import { NomadApi } from './nomad/api.js';
import { logIn, waitUntilUsable } from './nomad/login.js';
import { prepareFiles } from './outputs/files.js';
import { publish, saveToken } from './outputs/outputs.js';
import { Deadline } from './time.js';

// For some responses, the toolkit throws where no caller can catch the error.
process.once('uncaughtException', fail);
try {
  // Read and validate the inputs, and mask the secrets among them.
  const inputs = readInputs();
  warnAboutTransport(inputs.connection);
  const pemFiles = prepareFiles(inputs);
  const deadline = new Deadline(inputs.connection.timeout);
  const nomad = new NomadApi(inputs.connection, deadline);
  try {
    // Open the connection to Nomad while GitHub issues the JWT.
    if (inputs.identityToken === undefined) {
      nomad.send({ method: 'GET', path: '/v1/acl/auth-methods' }, deadline.attemptMs).catch(() => undefined);
    }
    const jwt = await getJwt(inputs, deadline);

    // Exchange the JWT for an ACL token, and wait until Nomad accepts it.
    const token = await logIn(nomad, jwt, inputs.methodName, deadline);
    saveToken(token, inputs);
    const policies = await waitUntilUsable(nomad, token, deadline);

    // Pass the token to later steps; src/post.ts cleans up after the job.
    publish({ ...token, policies }, inputs, pemFiles);
    // A request that the toolkit has not ended yet cannot turn the success into a failure.
    process.off('uncaughtException', fail).on('uncaughtException', endSoon);
  } finally {
    nomad.close();
  }
} catch (error) {
  fail(error);
}
endSoon();

function fail(error: unknown): void {
  core.setFailed(explain(error));
  endSoon();
}
