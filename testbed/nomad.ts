import { findNomad, startNomadAgent, type NomadProgram } from './nomad-agent.js';
import { NomadAdmin } from './nomad-admin.js';
import { startFakeNomad } from './fake-nomad/server.js';

/** A Nomad to log in to, real or not, with ACLs bootstrapped. */
export interface NomadServer {
  /** What it is, for people: the real one's version, or that it is the fake Nomad. */
  name: string;
  url: string;
  admin: NomadAdmin;
  close(): Promise<void>;
}

/** Starts a real Nomad where there is a program, else the fake Nomad. */
export async function startNomad(): Promise<NomadServer> {
  const program = await findNomad();
  return program === undefined ? startFakeCluster() : startRealNomad(program);
}

/** Starts a real Nomad server of its own on the loopback address. */
export async function startRealNomad(program: NomadProgram): Promise<NomadServer> {
  const agent = await startNomadAgent(program);
  try {
    return { ...agent, name: program.version, admin: await NomadAdmin.bootstrap(agent.url) };
  } catch (error) {
    await agent.close();
    throw error;
  }
}

/** Starts the fake Nomad on plain HTTP. */
export async function startFakeCluster(): Promise<NomadServer> {
  const fakeNomad = await startFakeNomad();
  return { ...fakeNomad, name: 'the fake Nomad', admin: await NomadAdmin.bootstrap(fakeNomad.url) };
}

/**
 * Asks a Nomad which token that is.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-self-token
 */
export function askSelf(url: string, secretId = ''): Promise<Response> {
  return fetch(`${url}/v1/acl/token/self`, { headers: { 'X-Nomad-Token': secretId } });
}
