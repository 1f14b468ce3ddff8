import api from 'undici/lib/api/index.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';

// undici's own index loads fetch, WebSocket, caches and mocks besides: half of the bundle, and a fifth of its CPU time.
// Like this file, it gives dispatchers their methods. tsconfig.json has @actions/http-client find this file in its place.
Object.assign(Dispatcher.prototype, api);

export { Agent, ProxyAgent, type Dispatcher };
