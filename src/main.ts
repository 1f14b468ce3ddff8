import * as core from '@actions/core';
import { requestIdentity } from './identity.js';
import { readInputs } from './inputs.js';
import { Nomad } from './nomad.js';
import { publish } from './outputs.js';
import { Deadline } from './retry.js';

async function run(): Promise<void> {
  const inputs = readInputs();
  const deadline = new Deadline(inputs.timeout);
  const nomad = new Nomad(inputs, deadline);
  if (inputs.identityToken === undefined) {
    nomad.warmUp();
  }
  const jwt = await requestIdentity(inputs, deadline);
  const token = await nomad.login(inputs.methodName, jwt);
  await nomad.waitUntilKnown(token);
  publish(token, inputs.methodName, inputs);
}

try {
  await run();
} catch (error) {
  core.setFailed(error instanceof Error ? error.message : String(error));
}
// A request that was given up can hold a connection, and the process with it, for minutes.
process.exit();
