import * as core from '@actions/core';
import { requestIdentity } from './identity.js';
import { readInputs } from './inputs.js';
import { Nomad } from './nomad.js';
import { publish } from './outputs.js';
import { explain, type Known } from './refusal.js';
import { Deadline } from './retry.js';

async function run(known: Known): Promise<void> {
  const inputs = readInputs();
  const deadline = new Deadline(inputs.timeout);
  const nomad = new Nomad(inputs, deadline);
  Object.assign(known, inputs, { findMethods: () => nomad.findMethods() });
  if (inputs.identityToken === undefined) {
    nomad.warmUp();
  }
  const jwt = (known.jwt = await requestIdentity(inputs, deadline));
  const token = await nomad.login(inputs.methodName, jwt);
  await nomad.waitUntilKnown(token);
  publish(token, inputs.methodName, inputs);
}

const known: Known = {};
try {
  await run(known);
} catch (error) {
  core.setFailed(await explain(error, known));
}
// A request that was given up can hold a connection, and the process with it, for minutes.
process.exit();
