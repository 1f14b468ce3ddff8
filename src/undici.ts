import api from 'undici/lib/api/index.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';

// undici's own index loads fetch, WebSocket, caches and mocks besides: half of the bundle, and a quarter of its CPU time.
// These modules are no public interface: look at them when undici is updated. By "paths" in tsconfig.json, ncc gives this
// file to @actions/http-client as well, which imports "undici". Like the index, it gives dispatchers their methods.
Object.assign(Dispatcher.prototype, api);

export { Agent, ProxyAgent, type Dispatcher };
