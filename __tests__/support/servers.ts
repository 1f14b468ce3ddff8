import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { Connection } from '../../src/inputs/inputs.js';
import { runMain, runPost, type StageResult, type Step } from '../../testbed/runner.js';
import { listen, readBody, type LoopbackServer } from '../../testbed/server.js';

/** A request that a server has received; `call` is its method and path, without the query. */
export interface Received {
  call: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a server does with a request. */
export type Respond = (request: Received, response: ServerResponse) => void;

/** Nomad's response to a login. */
export const TOKEN = {
  SecretID: 'c0ffee00-0000-4000-8000-000000000001',
  AccessorID: 'c0ffee00-0000-4000-8000-000000000002',
  Type: 'client',
  Policies: ['deploy'],
  Roles: null as { Name: string }[] | null,
  ExpirationTime: '2030-01-01T00:00:00Z' as string | null,
};

/** A management token, which the post step revokes. */
export const MANAGEMENT = { ...TOKEN, Type: 'management', Policies: null };

/** The token with which a job requests its OIDC token. */
export const REQUEST_TOKEN = 'request-hunter2-hunter2';

/** Responds with a status, a body and headers; objects are sent as JSON. */
export const answer =
  (status: number, body: string | object = '', headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));

/** Never responds. */
export const hang: Respond = () => undefined;

/** Closes the connection without a response. */
export const drop: Respond = (_, response) => response.socket?.destroy();

/** Responds in these ways in turn, and in the last way from then on. */
export function inTurn(...responses: Respond[]): Respond {
  let calls = 0;
  return (request, response) => responses[Math.min(calls++, responses.length - 1)]?.(request, response);
}

/** Responds with 400 and the whole request, secrets included. */
export const echo: Respond = ({ url, headers, body }, response) =>
  response.writeHead(400).end(`${JSON.stringify(headers)} ${url} ${body}`);

/** Responds as GitHub does when it issues a JWT with these claims. */
export const issue = (claims: unknown = {}): Respond => answer(200, { value: createJwt(claims) });

/** Returns the command of a program that first runs the code of a module. */
export const preload = (code: string): string[] => [
  process.execPath,
  '--import',
  `data:text/javascript,${encodeURIComponent(code)}`,
];

/** The command of a program that has to end by itself: process.exit does nothing, and otherwise the exit status is -1. */
export const WITHOUT_EXIT = preload(
  'process.exit = () => undefined; setTimeout(() => process.kill(process.pid, "SIGKILL"), 20_000).unref();',
);

/** The command of a program whose lines end as on Windows. */
export const ON_WINDOWS = preload(`
  import { syncBuiltinESMExports } from 'node:module';
  import os from 'node:os';
  Object.defineProperty(os, 'EOL', { value: '\\r\\n' });
  syncBuiltinESMExports();
`);

/** Returns a JWT that nothing verifies; claims can also be JSON text. */
export function createJwt(claims: unknown = {}): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return `e30.${Buffer.from(text).toString('base64url')}.c2lnbmF0dXJlLWh1bnRlcjI`;
}

// The calls of Nomad's API that this action makes, and the responses of a Nomad that accepts any JWT.
const CALLS = {
  methods: [/^GET .*\/v1\/acl\/auth-methods$/, answer(200, [])],
  login: [/^POST .*\/v1\/acl\/login$/, answer(200, TOKEN)],
  self: [/^GET .*\/v1\/acl\/token\/self$/, answer(200, TOKEN)],
  policies: [/^GET .*\/v1\/acl\/policies$/, answer(200, [])],
  revoke: [/^DELETE .*\/v1\/acl\/token\//, answer(200)],
} satisfies Record<string, [RegExp, Respond]>;

/** Nomad, by its responses: one for all calls, or one for each call with an unusual response. */
export type Nomad = Respond | Partial<Record<keyof typeof CALLS, Respond>>;

/** A step and the servers that it meets. */
export interface Scenario extends Step {
  nomad?: Nomad;
  /** The certificate of Nomad, and whether it requests one. */
  tls?: ServerOptions;
  /** The input url, by default Nomad's address on the loopback interface. */
  url?: (address: string) => string;
  /** GitHub's token endpoint; without it, the step gets a JWT in the input identityToken. */
  github?: Respond;
  githubTls?: ServerOptions;
  /** The address of the token endpoint, by default on the loopback interface. */
  githubUrl?: (address: string) => string;
}

/** The result of a stage, and the requests that reached Nomad and GitHub. */
export interface Outcome extends StageResult {
  requests: Received[];
  githubRequests: Received[];
  /** What failed: the first line of the only error, without the period; empty after a success. */
  failure: string;
  /** The messages of all annotations. */
  messages: string[];
}

/** Runs the main program of a step. */
export function logIn(scenario: Scenario = {}): Promise<Outcome> {
  return meet(scenario, runMain);
}

/** Runs the post program, which has to end by itself, after a login with a management token; `token` and `connection` are what differs. */
export function cleanUp(
  scenario: Scenario & { token?: object; connection?: Partial<Connection> } = {},
): Promise<Outcome> {
  const { token, connection, state, ...rest } = scenario;
  return meet({ command: WITHOUT_EXIT, ...rest }, (step) => {
    const { AccessorID: accessorId, SecretID: secretId, ExpirationTime: expirationTime } = TOKEN;
    const usual = { url: step.inputs?.['url'], extraHeaders: {}, tlsSkipVerify: false, timeout: 60 };
    const saved = { accessorId, secretId, type: 'management', expirationTime, connection: { ...usual, ...connection } };
    return runPost({ ...step, state: state ?? { token: JSON.stringify({ ...saved, ...token }) } });
  });
}

/** Runs both programs of a step; `later` is how the step differs by the time of the post program. */
export function runJob(scenario: Scenario, later: Step = {}): Promise<Outcome & { post: StageResult }> {
  return meet(scenario, async (step) => {
    const main = await runMain(step);
    return { ...main, post: await runPost({ ...step, ...later, state: main.state }) };
  });
}

async function meet<T extends StageResult>(
  { nomad = {}, tls, url = String, github, githubTls, githubUrl = String, inputs, env, ...rest }: Scenario,
  run: (step: Step) => Promise<T>,
): Promise<T & Outcome> {
  const requests: Received[] = [];
  const githubRequests: Received[] = [];
  const [server, endpoint] = await Promise.all([
    listenTo(requests, byCall(nomad), tls),
    listenTo(githubRequests, github ?? answer(500), githubTls),
  ]);
  const job = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${githubUrl(endpoint.url)}/idtoken?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
  };
  try {
    const result = await run({
      ...rest,
      inputs: { url: url(server.url), ...(github === undefined && { identityToken: createJwt() }), ...inputs },
      env: { ...(github !== undefined && job), ...env },
    });
    const messages = result.annotations.map(({ message }) => message);
    return { ...result, requests, githubRequests, failure: findFailure(result), messages };
  } finally {
    await Promise.all([server.close(), endpoint.close()]);
  }
}

/** Starts a server that records its requests. */
export function listenTo(received: Received[], respond: Respond, tls?: ServerOptions): Promise<LoopbackServer> {
  return listen((request, response) => {
    void readBody(request).then((body) => {
      const { method = '', url = '', headers } = request;
      const record = { call: `${method} ${url.replace(/\?.*/, '')}`, url, headers, body };
      received.push(record);
      respond(record, response);
    });
  }, tls);
}

/** Returns how a Nomad responds to all calls. */
export function byCall(nomad: Nomad): Respond {
  if (typeof nomad === 'function') {
    return nomad;
  }
  const unusual: Partial<Record<string, Respond>> = nomad;
  return (request, response) => {
    const [name = '', [, usual] = []] = Object.entries(CALLS).find(([, [pattern]]) => pattern.test(request.call)) ?? [];
    (unusual[name] ?? usual ?? answer(404))(request, response);
  };
}

function findFailure({ exitCode, annotations }: StageResult): string {
  const errors = annotations.filter(({ level }) => level === 'error');
  if (errors.length !== exitCode) {
    throw new Error(`Exit status ${String(exitCode)}, but these annotations: ${JSON.stringify(annotations)}`);
  }
  return errors[0]?.message.split('\n', 1).join().replace(/\.$/, '') ?? '';
}
