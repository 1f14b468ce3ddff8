import { setFlagsFromString } from 'node:v8';
import apiRequest from 'undici/lib/api/api-request.js';
import agent from 'undici/lib/dispatcher/agent.js';
import proxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import type Undici from 'undici/types/index.js';
import type Dispatcher from 'undici/types/dispatcher.js';

// These modules and the V8 flag halve the CPU time of a run (4.0 instead of 9.5 times an empty program on Node 20, 3.6 instead of
// 6.3 on Node 24) and the bundle (680 instead of 1,504 kB). undici's index also loads fetch, WebSocket, caches and mocks;
// scripts/build.ts leaves out the part of fetch that only form data needs. The modules are not a public interface: check them when
// you update undici. "paths" in tsconfig.json gives this file to @actions/http-client as well. The flag keeps V8 from
// optimizing the WebAssembly parser, because the process would wait for that before it ends. If it were set before Node's own
// modules are loaded, V8 would compile these again.
setFlagsFromString('--wasm-tiering-budget=1000000000');

/** Only for @actions/http-client. */
export const ProxyAgent = proxyAgent as typeof Undici.ProxyAgent;
export const Agent = agent as typeof Undici.Agent;
export const request = apiRequest as Dispatcher['request'];
