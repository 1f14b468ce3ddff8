import { setFlagsFromString } from 'node:v8';
import api from 'undici/lib/api/index.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';

// These modules and the V8 flag halve the CPU time of a run (4.0 instead of 9.5 times an empty program on Node 20, 3.4 instead of
// 6.3 on Node 24) and the bundle (825 instead of 1,504 kB). undici's index also loads fetch, WebSocket, caches and mocks. The modules
// are not a public interface: check them when you update undici. "paths" in tsconfig.json gives this file to
// @actions/http-client as well. The flag keeps V8 from optimizing the WebAssembly parser, because the process would wait for
// that before it ends. If it were set before Node's own modules are loaded, V8 would compile these again.
setFlagsFromString('--wasm-tiering-budget=1000000000');

// As undici's index does.
Object.assign(Dispatcher.prototype, api);

export { Agent, ProxyAgent, type Dispatcher };
