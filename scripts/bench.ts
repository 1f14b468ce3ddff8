import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { createAuthority, createServerCertificate } from '../testbed/certificates.js';
import { startIssuer, type Issuer } from '../testbed/issuer.js';
import { NomadAdmin, setUpGithubMethod } from '../testbed/nomad/admin.js';
import { runMain, runPost, type StageResult, type Step } from '../testbed/runner.js';
import { listenTcp, open, type LoopbackServer } from '../testbed/server.js';
import { startFakeNomad } from '../testbed/fake-nomad/fake-nomad.js';

interface Times {
  wallS: number;
  cpuS: number;
}

const PAIRS = 15;
const ROUND_TRIP_MS = 100;
const ISSUE_MS = 300;
// A connection and a request; GitHub's own endpoint takes one more round trip, for TLS.
const GITHUB_MS = 2 * ROUND_TRIP_MS + ISSUE_MS;
const TIMED = ['bash', '-c', 'TIMEFORMAT="%R %U %S"; time "$@"', 'bash'];
const REPORT_PEAK =
  'data:text/javascript,import{writeSync}from"node:fs";process.on("exit",()=>writeSync(2,`peak ${process.resourceUsage().maxRSS} KiB\n`))';

type Run = (step: Step) => Promise<StageResult | undefined>;

/** Runs a stage of a step with the given Node, or an empty program, and returns its times. */
async function time(step: Step, node: string[], run: Run = runMain): Promise<Times> {
  const { raw = '', exitCode } = (await run({ ...step, command: [...TIMED, ...node] })) ?? {};
  const [, wall, user, system] = /^([\d.]+) ([\d.]+) ([\d.]+)$/m.exec(raw) ?? [];
  if (exitCode !== 0 || wall === undefined) {
    throw new Error(`The program failed:\n${raw}`);
  }
  return { wallS: Number(wall), cpuS: Number(user) + Number(system) };
}

function findMedian(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

async function compareWithNothing(step: Step, node: string, run: Run = runMain): Promise<Times> {
  const ratios: Times[] = [];
  // The first pair warms the files up.
  for (let pair = 0; pair <= PAIRS; pair += 1) {
    const nothing = await time(step, [node, '-e', '0', '--'], run);
    const stage = await time(step, [node], run);
    ratios.push({ wallS: stage.wallS / nothing.wallS, cpuS: stage.cpuS / nothing.cpuS });
  }
  ratios.shift();
  return {
    wallS: findMedian(ratios.map(({ wallS }) => wallS)),
    cpuS: findMedian(ratios.map(({ cpuS }) => cpuS)),
  };
}

async function measurePeakMiB(step: Step, node: string): Promise<number> {
  const { raw } = await runMain({ ...step, command: [node, '--import', REPORT_PEAK] });
  return Number(/^peak (\d+) KiB$/m.exec(raw)?.[1]) / 1024;
}

/** Measures how much longer a login takes than GitHub's part of it, if both servers are far away and Nomad uses TLS. */
async function measureWaitMs(step: Step, issuer: Issuer, nomadPort: number, node: string): Promise<number> {
  const github = await startSlowLink(Number(new URL(issuer.url).port), ROUND_TRIP_MS, ISSUE_MS);
  const nomad = await startSlowLink(nomadPort, ROUND_TRIP_MS);
  const far = {
    inputs: { ...step.inputs, url: `https://127.0.0.1:${String(nomad.port)}` },
    env: {
      ...issuer.environment,
      ACTIONS_ID_TOKEN_REQUEST_URL:
        issuer.environment['ACTIONS_ID_TOKEN_REQUEST_URL']?.replace(issuer.url, github.url) ?? '',
    },
  };
  const waits: number[] = [];
  for (let run = 0; run < PAIRS; run += 1) {
    waits.push((await time(far, [node])).wallS * 1000 - GITHUB_MS);
  }
  await github.close();
  await nomad.close();
  return findMedian(waits);
}

/** Starts a relay to a port that adds the latency of a long distance; `answerMs` further delays the answers. */
function startSlowLink(port: number, roundTripMs: number, answerMs = 0): Promise<LoopbackServer> {
  return listenTcp((near) => {
    const far = connect(port, '127.0.0.1');
    // The TCP handshake takes one round trip before the near end can send its first bytes.
    const openMs = performance.now() + roundTripMs;
    near.on('data', (chunk) =>
      setTimeout(() => far.write(chunk), Math.max(0, openMs - performance.now()) + roundTripMs / 2),
    );
    const answer = (send: () => void): void => void setTimeout(send, roundTripMs / 2 + answerMs);
    far.on('data', (chunk) => answer(() => near.write(chunk)));
    far.on('end', () => answer(() => near.end()));
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
  });
}

const issuer = await startIssuer();
const plain = await startFakeNomad();
await setUpGithubMethod(await NomadAdmin.bootstrap(plain.url), issuer);
const authority = await createAuthority();
const tls = await open(
  createServer(await createServerCertificate(authority, ['127.0.0.1']), (socket) =>
    socket.pipe(connect(plain.port, '127.0.0.1')).pipe(socket),
  ),
  'https',
);

const near: Step = { inputs: { url: plain.url, timeout: '10' }, env: issuer.environment };
const far: Step = { inputs: { timeout: '10', caCertificate: authority.cert } };
const bundle = statSync(join(import.meta.dirname, '../dist/index.js')).size;
console.log(`A whole login on loopback (the JWT, the warm-up, the login, the question whether the token is usable)
against an empty program (node -e 0), medians of ${String(PAIRS)} pairs. The bundle has ${(bundle / 1000).toFixed()} kB.\n`);
for (const node of [process.execPath, ...process.argv.slice(2)]) {
  const { raw } = await runMain({ command: [node, '-p', 'process.version', '--'] });
  const ratio = await compareWithNothing(near, node);
  const main = await runMain(near);
  const post = await compareWithNothing(near, node, (step) => runPost({ ...step, state: main.state }));
  const peakMiB = await measurePeakMiB(near, node);
  const waitMs = await measureWaitMs(far, issuer, tls.port, node);
  console.log(`Node ${raw.trim()}
  CPU time      ${ratio.cpuS.toFixed(1)} times that of the empty program
  wall time     ${ratio.wallS.toFixed(1)} times
  post step     ${post.cpuS.toFixed(1)} times its CPU time, with a client token
  peak memory   ${peakMiB.toFixed()} MiB
  far away      ${waitMs.toFixed()} ms beyond the ${String(GITHUB_MS)} ms that GitHub takes, of round trips of ${String(ROUND_TRIP_MS)} ms\n`);
}
await Promise.all([issuer, plain, tls].map((server) => server.close()));
