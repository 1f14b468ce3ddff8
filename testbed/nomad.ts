import { findNomad, startNomadAgent, type NomadProgram } from './nomad-agent.js';
import { NomadAdmin } from './nomad-admin.js';
import { startStandIn } from './stand-in/server.js';

/** A Nomad to log in to, real or not, with ACLs bootstrapped. */
export interface NomadServer {
  /** What it is, for people: the real one's version, or that it is the stand-in. */
  name: string;
  url: string;
  admin: NomadAdmin;
  close(): Promise<void>;
}

/** Starts a real Nomad where there is a program, else the stand-in. */
export async function startNomad(): Promise<NomadServer> {
  const program = await findNomad();
  return program === undefined ? startStandInNomad() : startRealNomad(program);
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

/** Starts the stand-in on plain HTTP. */
export async function startStandInNomad(): Promise<NomadServer> {
  const standIn = await startStandIn();
  return { ...standIn, name: 'the stand-in for Nomad', admin: await NomadAdmin.bootstrap(standIn.url) };
}

/**
 * Asks a Nomad which token that is.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-self-token
 */
export function askSelf(url: string, secretId = ''): Promise<Response> {
  return fetch(`${url}/v1/acl/token/self`, { headers: { 'X-Nomad-Token': secretId } });
}
