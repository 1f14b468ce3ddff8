import { findNomad, startNomadAgent, type NomadProgram } from './agent.js';
import { NomadAdmin } from './admin.js';
import { startFakeNomad, type FakeNomad } from '../fake-nomad/fake-nomad.js';

/** A real or a fake Nomad on the loopback address, with bootstrapped ACLs. */
export interface NomadServer {
  /** Its display name: "Nomad v2.0.6", or "the fake Nomad". */
  name: string;
  /** The version that it behaves like, such as "2.0.6". */
  version: string;
  url: string;
  admin: NomadAdmin;
  close(): Promise<void>;
}

/** Starts a real Nomad if there is a nomad program, otherwise the fake Nomad. */
export async function startNomad(): Promise<NomadServer> {
  const program = await findNomad();
  return program === undefined ? startFakeCluster() : startRealNomad(program);
}

/** Starts a new, empty Nomad server of a nomad program. */
export async function startRealNomad(program: NomadProgram): Promise<NomadServer> {
  const agent = await startNomadAgent(program);
  const version = /\d+\.\d+\.\d+/.exec(program.version)?.[0] ?? '';
  try {
    return { ...agent, name: program.version, version, admin: await NomadAdmin.bootstrap(agent.url) };
  } catch (error) {
    await agent.close();
    throw error;
  }
}

/** Starts the fake Nomad on plain HTTP. */
export async function startFakeCluster(): Promise<NomadServer & FakeNomad> {
  const fakeNomad = await startFakeNomad();
  const { url } = fakeNomad;
  return { ...fakeNomad, name: 'the fake Nomad', version: '2.0.5', admin: await NomadAdmin.bootstrap(url) };
}

/** Tells whether a version, such as "1.10.5", is the same as another one or newer. */
export function isSince(version: string, since: string): boolean {
  return version.localeCompare(since, 'en', { numeric: true }) >= 0;
}

/**
 * Asks a Nomad server which token a secret ID belongs to.
 * https://developer.hashicorp.com/nomad/api-docs/acl/tokens#read-self-token
 */
export function askSelf(url: string, secretId = ''): Promise<Response> {
  return fetch(`${url}/v1/acl/token/self`, { headers: { 'X-Nomad-Token': secretId } });
}
