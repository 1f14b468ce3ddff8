import { spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import exampleClaims from '../../jws-example.json' with { type: 'json' };
import adv from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import packageJson from '../../package.json' with { type: 'json' };
import { generalize } from '../../scripts/errors.js';
import { makeSamples, refuse } from '../../scripts/samples.js';
import type { Claims } from '../../simulator/identities.js';
import { startIssuer } from '../../testbed/issuer.js';
import { readBlocks, readDocument, readRows } from '../support/docs.js';
import { readLogins, VERSIONS } from '../../testbed/recordings/recorded.js';
import { ROOT } from '../../testbed/root.js';
import { paste } from '../support/workspace.js';

const ACTION = packageJson.repository.replace('github:', '');
const [login, simulate] = ['action.yml', 'simulate/action.yml'].map(
  (file) => parse(readDocument(file)) as { inputs: Record<string, unknown> },
);
const inputs = { ...login?.inputs, ...simulate?.inputs };
const list = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { encoding: 'utf8' }).map((file) => `${folder}/${file}`);

const onPosix = process.platform === 'win32' ? test.skip : test;
const onPosixWithJq = spawnSync('jq', ['--version']).status === 0 ? onPosix : test.skip;

/** Returns the inputs of each step in a document's YAML blocks that uses this action, whoever its owner is. */
function readInputs(document: string): string[][] {
  const steps: string[][] = [];
  const collect = (_: unknown, node: unknown): unknown => {
    const step = node as { uses?: string; with?: object } | null;
    if (/(?:^|\/)[\w-]+\/nomad-jwt-auth[/@]/.test(step?.uses ?? '')) {
      steps.push(Object.keys(step?.with ?? {}));
    }
    return node;
  };
  for (const [, indent = '', code = ''] of readDocument(document).matchAll(/^( *)```ya?ml\n(.*?)^ *```/gms)) {
    parse(code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), collect);
  }
  return steps;
}

describe.each(['README.md', ...list('docs'), ...list('.github/ISSUE_TEMPLATE')])('%s', (document) => {
  test('has YAML blocks that parse, with inputs of the actions', () =>
    expect(readInputs(document).flatMap((names) => names.filter((name) => !(name in inputs)))).toEqual([]));

  test('names the repository of package.json wherever it names the action', () => {
    const named = readDocument(document).match(/[\w-]+\/nomad-jwt-auth\b(?!\.ya?ml|-)/g) ?? [];
    expect(named.filter((name) => name !== ACTION && name !== 'mikenomitch/nomad-jwt-auth')).toEqual([]);
  });
});

test('docs/examples.md names the auth method and the audience in each login', () => {
  // Some examples show only the version of the action.
  const names = readInputs('docs/examples.md').filter((some) => some.length > 0);
  expect(names.length).toBeGreaterThan(1);
  expect(names.filter((some) => !some.includes('methodName') || !some.includes('jwtGithubAudience'))).toEqual([]);
});

test('docs/examples.md links to each of its sections', () => {
  const sections = [...readDocument('docs/examples.md').matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  const linked = [...readDocument('docs/examples.md').matchAll(/^- \[(.*)\]\(#/gm)].map(([, title]) => title);
  expect(linked).toEqual(sections);
});

test('docs/claims-and-selectors.md lists the mappings of github-adv and the values of jws-example.json', () => {
  const rows = readRows('docs/claims-and-selectors.md', 'Claims of a GitHub JWT');
  const mappings = rows.map(([claim = '', attribute = '']) => [claim, attribute.replace('value.', '')]);
  expect(Object.fromEntries(mappings)).toEqual(adv.ClaimMappings);
  const example = (claim: string): unknown => (exampleClaims as Claims)[claim] ?? expect.stringMatching(/^only /);
  expect(rows).toEqual(rows.map(([claim = '', attribute, , ...rest]) => [claim, attribute, example(claim), ...rest]));
});

onPosixWithJq('docs/claims-and-selectors.md prints the claims of a JWT with jq', async () => {
  const [command = ''] = readBlocks('docs/claims-and-selectors.md', 'Debugging', 'sh');
  const issuer = await startIssuer();
  // The base64url form of this text contains both characters that base64 lacks.
  const workflow = 'Ü?>~ÿ?>?>~~';
  const jwt = await issuer.issue({ claims: { workflow } });
  await issuer.close();
  const printed = await paste(`echo '${jwt}' | ${command.replace('jwt.txt', '')}`);
  expect(JSON.parse(printed)).toMatchObject({ aud: exampleClaims.aud, sub: exampleClaims.sub, workflow });
});

onPosix('docs/nomad-setup.md prints the keys of an issuer in the form of JWTValidationPubKeys', async () => {
  const issuer = await startIssuer();
  const [command = ''] = readBlocks('docs/nomad-setup.md', 'Servers without internet access', 'sh');
  const printed = await paste(command.replace(/https:\S+jwks/, issuer.jwksUrl));
  await issuer.close();
  const key = createPublicKey(issuer.publicKey).export({ type: 'spki', format: 'pem' });
  expect(JSON.parse(printed)).toEqual({ JWTValidationPubKeys: [key] });
});

test('docs/troubleshooting.md has one section and one row of the index for each kind, and no others', () => {
  const sections = [...readDocument('docs/troubleshooting.md').matchAll(/^### ([a-z-]+)$/gm)].map(([, id]) => id);
  const rows = readRows('docs/troubleshooting.md', 'Errors by log line');
  const ids = Object.keys(makeSamples()).sort();
  expect(sections.sort()).toEqual(ids);
  expect(rows.map(([, link = '']) => /^\[(.*)\]\(#\1\)$/.exec(link)?.[1] ?? link).sort()).toEqual(ids);
});

// Samples that are not recorded, because the servers are old, broken, limited or not Nomad.
const NOT_RECORDED = /^(?:gateway-error|keys-invalid|nomad-too-old|not-nomad|token-ttl-not-allowed)$/;
test('docs/troubleshooting.md shows samples that a real Nomad has sent', () => {
  const recorded = VERSIONS.flatMap(readLogins).map(({ response: { status, body } }) => refuse(status, body));
  const messages = recorded.map(({ message }) => generalize(message));
  const samples = Object.entries(makeSamples()).flatMap(([id, [sample]]) => (sample ? [{ id, sample }] : []));
  const expected = samples.filter(
    ({ id, sample }) => sample.facts.status > 0 && sample.message.startsWith('Nomad refused') && !NOT_RECORDED.test(id),
  );
  expect(expected.length).toBeGreaterThan(15);
  expect(expected.filter(({ sample }) => !messages.includes(generalize(sample.message)))).toEqual([]);
});

test('docs/troubleshooting.md lists only messages that are in the sources', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const code = files.filter((file) => file.endsWith('.ts')).map((file) => readDocument(join('src', file)));
  const sources = code.join('\n');
  const rows = readRows('docs/troubleshooting.md', 'Warnings and messages');
  const messages = rows.flatMap(([message = '']) => message.split('…'));
  expect(messages.length).toBeGreaterThan(4);
  expect(messages.filter((message) => !sources.includes(message.trim()))).toEqual([]);
});
