import type { Token } from '../nomad-rules/api.js';
import { startIssuer } from '../testbed/issuer.js';
import { findNomad } from '../testbed/nomad/agent.js';
import { startFakeCluster, startRealNomad, type NomadServer } from '../testbed/nomad/nomad.js';
import { KINDS, POLICIES, PLAUSIBLE, ROLES, RULES, type Situation } from './compare/situations.js';

// Compares the fake Nomad with the real one in NOMAD_BIN, in generated situations that are the same in every run.

const PARALLEL = 8;
const EXAMPLES = 5;
const MAX_UNKNOWN = 0.02;

interface Response {
  status: number;
  text: string;
}

/** A request and both responses; the real Nomad is not asked what the fake one does not know. */
interface Comparison {
  request: string;
  fake: string;
  real: string | undefined;
}

const program = await findNomad();
if (program === undefined) {
  throw new Error('Set NOMAD_BIN to the path of a nomad program.');
}
const [issuer, fake, real] = await Promise.all([startIssuer(), startFakeCluster(), startRealNomad(program)]);

async function send({ url, admin }: NomadServer, path: string, body: object): Promise<Response> {
  const headers = { 'X-Nomad-Token': admin.secretId };
  const response = await fetch(`${url}/v1/acl/${path}`, { method: 'PUT', headers, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

const describeStatus = ({ status }: Response): string => String(status);

/** Describes a token without what differs between servers, or a refusal without what Nomad chooses at random. */
function describeLogin({ status, text }: Response): string {
  if (status !== 200) {
    return `${String(status)} ${text}`
      .replace(/(?<=error converting claim )'.*?'|".*"(?= list claim)/, 'CLAIM')
      .replace(/computed "\w+" bind name for bind target is invalid: .*/, 'invalid bind name');
  }
  const { Type, Name, Policies, Roles, Global, ExpirationTTL } = JSON.parse(text) as Token;
  const names = [Policies ?? [], (Roles ?? []).map((role) => role.Name)].map((each) => each.sort());
  return JSON.stringify([Type, Name, ...names, Global, ExpirationTTL]);
}

async function compare(
  { policies = [], roles = [], method, rules = [], jobs = [] }: Situation,
  name: string,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];

  async function ask(path: string, body: object, describe = describeStatus, shown = body): Promise<void> {
    const known = describe(await send(fake, path, body));
    const answer = known.startsWith('501') ? undefined : describe(await send(real, path, body));
    comparisons.push({ request: `${path} ${JSON.stringify(shown)}`, fake: known, real: answer });
  }

  for (const policy of policies) {
    await ask(`policy/${name}`, { Name: name, ...policy });
  }
  for (const role of roles) {
    await ask('role', { Name: name, ...role });
  }
  const { Config, ...fields } = method ?? {};
  const defaults = { Name: name, Type: 'JWT', TokenLocality: 'global', MaxTokenTTL: '1h' };
  await ask('auth-method', { ...defaults, ...fields, Config: Config && { JWKSURL: issuer.jwksUrl, ...Config } });
  for (const rule of rules) {
    await ask('binding-rule', { AuthMethod: name, ...rule });
  }
  for (const claims of jobs) {
    const login = { AuthMethodName: name, LoginToken: await issuer.issue({ claims }) };
    await ask('login', login, describeLogin, claims);
  }
  return comparisons;
}

async function compareAll(kind: string, situations: Situation[]): Promise<Comparison[][]> {
  const waiting = situations.map((situation, index) => ({
    situation,
    name: `${kind.replace(/\W/g, '-')}-${String(index)}`,
  }));
  const results: Comparison[][] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      results.push(await compare(next.situation, next.name));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return results;
}

function printRow([first, ...cells]: (string | number)[]): void {
  console.log(`${String(first).padEnd(26)}${cells.map((cell) => String(cell).padStart(12)).join('')}`);
}

try {
  for (const { admin } of [fake, real]) {
    for (const name of POLICIES) {
      await admin.putPolicy(name, RULES);
    }
    for (const name of ROLES) {
      await admin.putRole(name, ['read']);
    }
  }
  printRow([real.name, 'situations', 'responses', 'same', 'unknown', 'different']);
  for (const [kind, situations] of Object.entries(KINDS)) {
    const results = await compareAll(kind, situations);
    const responses = results.flat();
    const isUnknown = (each: Comparison): boolean => each.real === undefined;
    const unknown = responses.filter(isUnknown).length;
    const different = responses.filter((each) => !isUnknown(each) && each.real !== each.fake);
    const same = responses.length - unknown - different.length;
    printRow([kind, situations.length, responses.length, same, unknown, different.length]);
    for (const each of different.slice(0, EXAMPLES)) {
      console.log(`  ${each.request}\n    fake: ${each.fake}\n    real: ${String(each.real)}`);
    }
    const unknownShare = results.filter((each) => each.some(isUnknown)).length / situations.length;
    if (different.length > 0 || (kind === PLAUSIBLE && unknownShare > MAX_UNKNOWN)) {
      process.exitCode = 1;
    }
  }
} finally {
  await Promise.all([issuer.close(), fake.close(), real.close()]);
}
