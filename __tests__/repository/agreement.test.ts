import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { readDocument, ROOT } from '../support/docs.js';
import { readInputsWith } from '../support/read-inputs-with.js';

interface Metadata {
  inputs: Record<string, { default?: string }>;
  outputs: Record<string, object>;
  runs: { using: string; main: string; post: string };
}

const { inputs, outputs, runs } = parse(readDocument('action.yml')) as Metadata;

// Properties of Inputs that are derived from other inputs.
const DERIVED = ['basicCredentials', 'isUrlDefault'];

describe('action.yml', () => {
  test('has the inputs that the program reads', () => {
    const read = Object.keys(readInputsWith({}).inputs ?? {}).filter((name) => !DERIVED.includes(name));
    expect(read.sort()).toEqual(Object.keys(inputs).sort());
  });

  test('has the same defaults as the program', () => {
    const defaults = Object.entries(inputs).map(([name, { default: value = '' }]) => [name, value]);
    const reading = readInputsWith(Object.fromEntries(defaults) as Record<string, string>);
    expect(reading.error).toBe('');
    expect(reading.inputs).toEqual(readInputsWith({}).inputs);
  });

  test('has the outputs that the program sets', () => {
    const set = readDocument('src/outputs/outputs.ts').matchAll(/setOutput\('(\w+)'/g);
    expect([...set].map(([, name]) => name)).toEqual(Object.keys(outputs));
  });

  test.each([
    ['main', 'dist/index.js'],
    ['post', 'dist/post/index.js'],
  ] as const)('names the %s program %s, an ES module for Node 20', (stage, program) => {
    expect(runs).toMatchObject({ using: 'node20', [stage]: program });
    expect(existsSync(join(ROOT, program))).toBe(true);
    expect(JSON.parse(readDocument(program.replace('index.js', 'package.json')))).toEqual({ type: 'module' });
  });
});

describe('dist', () => {
  test('contains only the parts of undici that send requests', () => {
    const bundle = readDocument('dist/index.js');
    expect(bundle).toContain('class ProxyAgent');
    expect(bundle).not.toMatch(/class (?:EventSource|MockAgent|WebSocket)\b/);
  });
});

describe('README.md', () => {
  test('has at most 220 lines', () => {
    expect(readDocument('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(220);
  });

  test('has two commands that package.json defines', () => {
    expect(readDocument('README.md')).toContain('```sh\nnpm ci && npm start\nnpm ci && npm test\n```');
    expect(packageJson.scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) });
  });
});

describe('CHANGELOG.md', () => {
  test('has a heading for the version of package.json, from which a release takes its notes', () => {
    const heading = `^## ${packageJson.version.replaceAll('.', '\\.')} \\(`;
    expect(readDocument('CHANGELOG.md')).toMatch(new RegExp(heading, 'm'));
  });
});
