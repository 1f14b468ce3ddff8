import * as core from '@actions/core';
import { Deadline } from './deadline.js';
import { endSoon } from './exit.js';
import { explain } from './failures/explain.js';
import { getIdentity } from './identity/identity.js';
import { readInputs, warnAboutTransport } from './inputs/inputs.js';
import { NomadClient } from './nomad/client.js';
import { publish, saveToken } from './outputs/outputs.js';

async function run(): Promise<void> {
  // Mask the secrets among the inputs, then read and validate the inputs.
  const inputs = readInputs();
  warnAboutTransport(inputs);
  const deadline = new Deadline(inputs.timeout);
  const nomad = new NomadClient(inputs, deadline);
  try {
    // Open the connection to Nomad while GitHub issues the JWT.
    if (inputs.identityToken === undefined) {
      nomad.connect();
    }
    const jwt = await getIdentity(inputs, deadline);

    // Exchange the JWT for an ACL token, and wait until Nomad accepts it.
    const token = await nomad.login(jwt);
    saveToken(token, inputs.revokeToken);
    const effectivePolicies = await nomad.waitUntilUsable(token);

    // Pass the token to later steps; src/post.ts cleans up after the job.
    publish(token, effectivePolicies, inputs);
  } finally {
    nomad.close();
  }
}

try {
  await run();
} catch (error) {
  core.setFailed(explain(error));
}
endSoon();
