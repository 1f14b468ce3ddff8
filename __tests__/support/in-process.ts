import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import { Deadline } from '../../src/time.js';
import { Failure } from '../../src/failures/failure.js';
import { readInputs, type Connection, type Inputs } from '../../src/inputs/inputs.js';
import type { Jwt } from '../../src/github/identity.js';
import { NomadApi } from '../../src/nomad/api.js';
import { byCall, createJwt, listenTo, type Nomad, type Received } from './servers.js';

/** Reads inputs in this process, as the runner passes them; returns them or the error. */
export function readInputsWith(given: Record<string, string>): { inputs?: Inputs; error: string } {
  const variables = Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value] as const);
  variables.forEach(([name, value]) => (process.env[name] = value));
  try {
    return { inputs: readInputs(), error: '' };
  } catch (error) {
    return { error: (error as Error).message };
  } finally {
    variables.forEach(([name]) => (process.env[name] = ''));
  }
}

/** Captures what this process prints in each test, and then restores the output, the environment and Math.random. */
export function useProcess(): { text: string } {
  const output = { text: '' };
  const { random } = Math;
  const environment = { ...process.env };
  const write = process.stdout.write.bind(process.stdout);
  beforeEach(() => {
    output.text = '';
    process.stdout.write = (text: string | Uint8Array): boolean => {
      output.text += String(text).replaceAll('\r\n', '\n');
      return true;
    };
  });
  afterEach(() => {
    process.stdout.write = write;
    Math.random = random;
    Object.keys(process.env).forEach((name) => Reflect.deleteProperty(process.env, name));
    Object.assign(process.env, environment);
  });
  return output;
}

/** Creates a folder, which is deleted after the tests. */
export function createTestFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Returns the texts that an output masks. */
export function findMasks(output: string): string[] {
  return [...output.matchAll(/^::add-mask::(.*)$/gm)].map(([, mask = '']) => mask.replaceAll('%25', '%'));
}

/** Makes retries wait as little as they can. */
export function skipWaits(): void {
  Math.random = () => 0;
}

/** Returns a JWT with these claims. */
export function jwtWith(claims: Record<string, unknown> = {}): Jwt {
  return { token: createJwt(), header: {}, claims };
}

/** Returns how to reach a Nomad. */
export function connectTo(url: string, more: Partial<Connection> = {}): Connection {
  return { url, extraHeaders: {}, tlsSkipVerify: false, timeout: 60, ...more } as Connection;
}

/** The address of Nomad in failures that no server causes. */
export const URL_OF_NOMAD = 'https://nomad.example.com:4646';

/** What a test of Nomad's API uses. */
export interface Meeting {
  api: NomadApi;
  inputs: Inputs;
  deadline: Deadline;
  requests: Received[];
}

/** Starts a server with these responses, and gives its API to the test; `timeout` is in seconds. */
export async function meetNomad<T>(
  nomad: Nomad,
  use: (meeting: Meeting) => Promise<T>,
  { timeout = 60, tls, ...connection }: Partial<Connection> & { tls?: ServerOptions | undefined } = {},
): Promise<T> {
  const requests: Received[] = [];
  const server = await listenTo(requests, byCall(nomad), tls);
  const deadline = new Deadline(timeout);
  const inputs = { methodName: 'github', connection: connectTo(server.url, { timeout, ...connection }) } as Inputs;
  const api = new NomadApi(inputs.connection, deadline);
  try {
    return await use({ api, inputs, deadline, requests });
  } finally {
    api.close();
    await server.close();
  }
}

/** Returns the Failure that a promise is rejected with. */
export async function catchFailure(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof Failure)) {
    throw new Error(`Not a Failure: ${String(error)}`);
  }
  return error;
}
