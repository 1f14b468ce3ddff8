import * as core from '@actions/core';
import { exportConnection } from './connection-export.js';
import { requestIdentity } from './identity.js';
import { readInputs, warnAboutTransport } from './inputs.js';
import { Nomad } from './nomad.js';
import { publish } from './outputs.js';
import { announcePost, cleanUp, isPost, leaveFiles, leaveToken } from './post.js';
import { explain, type Known } from './refusal.js';
import { Deadline } from './time.js';

const POST_TIMEOUT_S = 5;

async function logIn(known: Known): Promise<void> {
  announcePost();
  const inputs = readInputs();
  known.inputs = inputs;
  warnAboutTransport(inputs);
  const deadline = new Deadline(inputs.timeout);
  const nomad = new Nomad(inputs, deadline);
  known.listMethods = () => nomad.listMethods();
  if (inputs.identityToken === undefined) {
    nomad.warmUp();
  }
  const jwt = await requestIdentity(inputs, deadline);
  known.jwt = jwt;
  const token = await nomad.login(inputs.methodName, jwt);
  leaveToken(token, inputs.revokeToken);
  if (inputs.exportConnection) {
    exportConnection(inputs, leaveFiles);
  }
  await nomad.waitUntilKnown(token);
  publish(token, inputs.methodName, inputs);
}

async function finish(known: Known): Promise<void> {
  await cleanUp(() => {
    const inputs = readInputs();
    known.inputs = inputs;
    return new Nomad(inputs, new Deadline(POST_TIMEOUT_S));
  });
}

const known: Known = {};
try {
  await (isPost() ? finish(known) : logIn(known));
} catch (error) {
  // What cannot be cleaned up must not fail a job whose work is done.
  const report = isPost() ? core.warning : core.setFailed;
  report(await explain(error, known));
}
// A request that was given up can hold a connection, and the process with it, for minutes.
process.exit();
