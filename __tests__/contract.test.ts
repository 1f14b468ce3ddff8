import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startIssuer, type Issuer } from '../testbed/issuer.js';
import { findNomad } from '../testbed/nomad-agent.js';
import { startRealNomad, startStandInNomad, type NomadServer } from '../testbed/nomad.js';
import { runMain } from '../testbed/runner.js';
import { setUpGithubMethod } from '../testbed/set-up.js';
import { SITUATIONS, type Situation } from './situations.js';

interface Answer {
  status: number;
  body: string;
}

const RECORDINGS = join(import.meta.dirname, 'recordings');
const program = await findNomad();
const realName = program?.version ?? 'no real Nomad (none in NOMAD_BIN or on the PATH)';
process.stderr.write(`The contract is tested against the stand-in and ${realName}.\n`);

/** Reads what a Nomad of the given version answered, or the newest one recorded before it. */
function readRecordings(version: string): Map<string, Answer> {
  const byAge = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
  const versions = readdirSync(RECORDINGS).sort(byAge);
  const nearest = versions.filter((recorded) => byAge(recorded, version) <= 0).at(-1) ?? versions[0] ?? '';
  const { logins } = JSON.parse(readFileSync(join(RECORDINGS, nearest, 'logins.json'), 'utf8')) as {
    logins: { name: string; response: Answer }[];
  };
  return new Map(logins.map(({ name, response }) => [name, response]));
}

function readVersion(text: string): string {
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text;
}

// The recordings have placeholders for what differs from run to run.
function scrub(body: string): string {
  return body
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replace(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"TIME"')
    .replace(/"Hash":"[^"]*"/, '"Hash":"HASH"')
    .replace(/"JWT-[^"]*"/, '"JWT-METHOD"')
    .replace(/"(Create|Modify)Index":\d+/g, '"$1Index":0');
}

function parseScrubbed(body: string): unknown {
  const text = scrub(body);
  return text.startsWith('{') ? JSON.parse(text) : text;
}

const servers: [name: string, version: string, start: () => Promise<NomadServer>][] = [
  ['the stand-in', '2.0.6', startStandInNomad],
];
if (program !== undefined) {
  servers.push([program.version, readVersion(program.version), () => startRealNomad(program)]);
}

describe.each(servers)('%s', (_, version, start) => {
  const recordings = readRecordings(version);
  let issuer: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    issuer = await startIssuer();
    nomad = await start();
    for (const name of ['deploy', 'read', 'octo-org']) {
      await nomad.admin.putPolicy(name, 'namespace "default" { policy = "read" }');
    }
    await nomad.admin.putRole('repo-74', ['read']);
    await setUpGithubMethod(nomad.admin, issuer);
  }, 60_000);

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
  });

  async function setUp(name: string, { config, fields, rules }: Situation): Promise<void> {
    const keys =
      name === 'public-key-in-the-method' ? { JWTValidationPubKeys: [issuer.publicKey] } : { JWKSURL: issuer.jwksUrl };
    const ClaimMappings = {
      repository_owner: 'owner',
      repository: 'repo',
      repository_id: 'repo_id',
      ref: 'ref',
      workflow: 'workflow',
    };
    await nomad.admin.putMethod(name, { ...keys, ClaimMappings, ...config }, fields);
    for (const rule of rules ?? [{ BindType: 'policy', BindName: 'deploy' }]) {
      await nomad.admin.putRule({ AuthMethod: name, ...rule });
    }
  }

  async function ask(name: string, { jwt = {}, request = {} }: Situation): Promise<Answer> {
    const method = request.method ?? 'POST';
    const body = JSON.stringify({
      AuthMethodName: request.methodName ?? name,
      LoginToken: typeof jwt === 'string' ? jwt : await issuer.mint(jwt),
    });
    const response = await fetch(nomad.url + (request.path ?? '/v1/acl/login'), {
      method,
      redirect: 'manual',
      headers: request.headers ?? {},
      ...(method !== 'GET' && { body }),
    });
    return { status: response.status, body: await response.text() };
  }

  test.each(Object.entries(SITUATIONS))('answers as recorded: %s', async (situation, details) => {
    const name = situation.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    await setUp(name, details);
    const answer = await ask(name, details);
    const recorded = recordings.get(situation);
    expect({ status: answer.status, body: parseScrubbed(answer.body) }).toEqual({
      status: recorded?.status,
      body: parseScrubbed(recorded?.body ?? ''),
    });
  });

  test('lets the action log in with a token that Nomad then knows', async () => {
    const result = await runMain({ inputs: { url: nomad.url }, env: issuer.environment });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    const headers = { 'X-Nomad-Token': result.exported['NOMAD_TOKEN'] ?? '' };
    const self = await fetch(`${nomad.url}/v1/acl/token/self`, { headers });
    expect(await self.json()).toMatchObject({
      SecretID: result.outputs['nomadToken'],
      AccessorID: result.outputs['accessorId'],
      Type: result.outputs['tokenType'],
      Policies: JSON.parse(result.outputs['policies'] ?? '') as unknown,
      Roles: null,
      ExpirationTime: result.outputs['expirationTime'],
    });
  });

  test('lets the action log in to its region by name', async () => {
    const result = await runMain({ inputs: { url: nomad.url, region: 'global' }, env: issuer.environment });
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
  });

  test.each([
    ['another branch', { ref: 'refs/heads/dev' }, 'no role or policy bindings matched'],
    ['another repository', { repository_id: '75' }, 'no role or policy bindings matched'],
    ['another issuer', { iss: 'https://gitlab.example.com' }, 'invalid JWT issuer: https://gitlab.example.com'],
    ['another audience', { aud: 'https://github.com/other' }, 'invalid audience (aud) claim'],
  ])('refuses the action for %s, and the action says what Nomad said', async (_, claims, text) => {
    const identityToken = await issuer.mint({ claims });
    const result = await runMain({ inputs: { url: nomad.url, identityToken } });
    expect(result).toMatchObject({ exitCode: 1, exported: {}, outputs: {} });
    expect(result.annotations).toEqual([{ level: 'error', message: expect.stringContaining(text) }]);
  });
});
