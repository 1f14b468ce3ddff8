import * as core from '@actions/core';
import { requestIdentity } from './identity.js';
import { readInputs } from './inputs.js';
import { Nomad } from './nomad.js';
import { publish } from './outputs.js';

async function run(): Promise<void> {
  const inputs = readInputs();
  const nomad = new Nomad(inputs);
  try {
    const jwt = await requestIdentity(inputs);
    const token = await nomad.login(inputs.methodName, jwt);
    publish(token, inputs.methodName, inputs);
  } finally {
    await nomad.close();
  }
}

try {
  await run();
} catch (error) {
  core.setFailed(error instanceof Error ? error.message : String(error));
}
