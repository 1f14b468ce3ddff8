import { connect } from 'node:net';
import { listenTcp, type LoopbackServer } from './server.js';

/** Starts a relay to a port that adds the latency of a long distance; `answerMs` further delays the answers. */
export function startSlowLink(port: number, roundTripMs: number, answerMs = 0): Promise<LoopbackServer> {
  return listenTcp((near) => {
    const far = connect(port, '127.0.0.1');
    // The TCP handshake takes one round trip before the near end can send its first bytes.
    const openMs = performance.now() + roundTripMs;
    near.on('data', (chunk) => {
      setTimeout(() => far.write(chunk), Math.max(0, openMs - performance.now()) + roundTripMs / 2);
    });
    const answer = (send: () => void): void => void setTimeout(send, roundTripMs / 2 + answerMs);
    far.on('data', (chunk) => {
      answer(() => near.write(chunk));
    });
    far.on('end', () => {
      answer(() => near.end());
    });
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
  });
}
