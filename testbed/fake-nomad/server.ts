import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { AuthMethod, BindingRule } from '../nomad-api.js';
import { listen, readBody, type LoopbackServer } from '../server.js';
import { Cluster } from './cluster.js';
import { Refusal } from './refusal.js';

/** One request that reached the fake Nomad. */
export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
}

/** A Nomad server as far as logins reach, which verifies JWTs for real and keeps its state in memory. */
export interface FakeNomad extends LoopbackServer {
  requests: SeenRequest[];
}

interface Call {
  method: string;
  path: string;
  body: string;
  secretId: string | undefined;
}

/** Starts a fake Nomad on HTTP or, given a certificate, on HTTPS; with `requestCert` in it, on mTLS. */
export async function startFakeNomad(tls?: ServerOptions): Promise<FakeNomad> {
  const cluster = new Cluster();
  const requests: SeenRequest[] = [];

  async function answer(request: IncomingMessage): Promise<unknown> {
    const { method = 'GET', url = '/', headers } = request;
    requests.push({ method, url, headers });
    const { pathname, searchParams } = new URL(url.replace(/^\/+/, '/'), 'http://nomad.example.com');
    if (url.startsWith('//')) {
      throw new Redirect(pathname);
    }
    if (!['', 'global'].includes(searchParams.get('region') ?? '')) {
      throw new Refusal(500, 'No path to region');
    }
    return route(cluster, {
      method: method === 'POST' ? 'PUT' : method,
      path: pathname,
      body: await readBody(request),
      secretId: headers['x-nomad-token'] as string | undefined,
    });
  }

  const server = await listen((request, response) => {
    answer(request).then(
      (body) => {
        const json = body === undefined ? '' : JSON.stringify(body);
        response.writeHead(200, json === '' ? {} : { 'content-type': 'application/json' }).end(json);
      },
      (error: unknown) => {
        if (error instanceof Redirect) {
          response.writeHead(307, { location: error.path }).end();
        } else {
          const status = error instanceof Refusal ? error.status : 500;
          const { message } = error as Error;
          response
            .writeHead(status, message === '' ? {} : { 'content-type': 'text/plain; charset=utf-8' })
            .end(message);
        }
      },
    );
  }, tls);
  return { ...server, requests };
}

class Redirect extends Error {
  constructor(readonly path: string) {
    super();
  }
}

async function route(cluster: Cluster, call: Call): Promise<unknown> {
  const { method, path, body, secretId } = call;
  if (path === '/v1/acl/login') {
    expectMethod(call, 'PUT');
    const { AuthMethodName, LoginToken } = parse(body) as Record<string, string>;
    return cluster.login(AuthMethodName, LoginToken);
  }
  if (path === '/v1/acl/bootstrap') {
    return cluster.bootstrap();
  }
  if (path === '/v1/acl/auth-methods' && method === 'GET') {
    return cluster.listMethods();
  }
  const [, kind, name = ''] =
    /^\/v1\/acl\/(auth-method|binding-rule|policy|role|token)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (kind === undefined) {
    throw new Refusal(404, '');
  }
  const token = cluster.findToken(secretId);
  if (token !== undefined && path === '/v1/acl/token/self') {
    return token;
  }
  if (token?.Type !== 'management') {
    throw new Refusal(403, 'Permission denied');
  }
  switch (`${method} ${kind}`) {
    case 'PUT auth-method':
      return cluster.putMethod(parse(body) as AuthMethod);
    case 'PUT binding-rule':
      return cluster.putRule(parse(body) as BindingRule);
    case 'PUT role':
      return cluster.putRole((parse(body) as { Name: string }).Name);
    case 'PUT policy':
      cluster.putPolicy(name);
      return undefined;
    case 'DELETE token':
      cluster.deleteToken(name);
      return undefined;
    default:
      throw new Refusal(405, 'Invalid method');
  }
}

function expectMethod(call: Call, method: string): void {
  if (call.method !== method) {
    throw new Refusal(405, 'Invalid method');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, describeSyntaxError(text));
  }
}

// As Go's decoder says it, of bodies that are wrong from their beginning.
function describeSyntaxError(text: string): string {
  if (text === '') {
    return 'EOF';
  }
  const literal = ['null', 'true', 'false'].find((word) => word.startsWith(text.charAt(0)));
  const index = text.split('').findIndex((character, at) => character !== literal?.[at]);
  const character = text.charAt(index);
  return literal === undefined
    ? `invalid character '${character}' looking for beginning of value`
    : `invalid character '${character}' in literal ${literal} (expecting '${literal.charAt(index)}')`;
}
