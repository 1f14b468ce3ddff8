import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerOptions } from 'node:https';
import { listen, readBody, type LoopbackServer } from '../server.js';
import { AclState } from './acl-state.js';
import { Refusal, Unknown } from '../../nomad-rules/errors.js';
import { route } from './routes.js';

/** One request that reached the fake Nomad. */
export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
}

/** An HTTP server that implements the part of Nomad's ACL API that logins use, and verifies JWTs cryptographically. */
export interface FakeNomad extends LoopbackServer {
  requests: SeenRequest[];
}

/** Starts a fake Nomad on HTTP or, given a certificate, on HTTPS; with `requestCert` in `tls`, on mTLS. */
export async function startFakeNomad(tls?: ServerOptions): Promise<FakeNomad> {
  const state = new AclState();
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
    return route(state, {
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
      (error: unknown) => sendError(response, error as Error),
    );
  }, tls);
  return { ...server, requests };
}

class Redirect extends Error {
  constructor(readonly path: string) {
    super();
  }
}

function sendError(response: ServerResponse, error: Error): void {
  if (error instanceof Redirect) {
    response.writeHead(307, { location: error.path }).end();
    return;
  }
  const { status, message } = error instanceof Refusal ? error : new Unknown(`the response (${error.message})`);
  const headers = message === '' ? {} : { 'content-type': 'text/plain; charset=utf-8' };
  response.writeHead(status, headers).end(message);
}
