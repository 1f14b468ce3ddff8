import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { ANSWER_REMEDIES } from '../../src/answer-remedies.js';
import { CONNECTION_REMEDIES } from '../../src/connection-remedies.js';
import { README, readRows, ROOT } from '../support/readme.js';
import { readInputsWith } from '../support/read-inputs-with.js';

interface Metadata {
  name: string;
  inputs: Record<string, { description: string; default?: string }>;
  outputs: Record<string, { description: string }>;
  runs: { using: string; main: string };
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const metadata = parse(read('action.yml')) as Metadata;

describe('action.yml, the README and the code', () => {
  test('name the same inputs', () => {
    const names = Object.keys(metadata.inputs);
    expect(readRows('Inputs').map(([name]) => name)).toEqual(names);
    expect(Object.keys(readInputsWith({}).inputs ?? {}).sort()).toEqual([...names].sort());
  });

  test('give the inputs the same defaults', () => {
    const defaults = Object.entries(metadata.inputs).map(([name, input]) => [name, input.default ?? '']);
    expect(readRows('Inputs').map(([name, value]) => [name, value])).toEqual(defaults);
    expect(readInputsWith(Object.fromEntries(defaults) as Record<string, string>)).toEqual(readInputsWith({}));
  });

  test('describe the inputs and the outputs in the same words', () => {
    const describeAll = (entries: Record<string, { description: string }>): string[][] =>
      Object.entries(entries).map(([name, { description }]) => [name, description]);
    expect(readRows('Inputs').map(([name, , text]) => [name, text])).toEqual(describeAll(metadata.inputs));
    expect(readRows('Outputs')).toEqual(describeAll(metadata.outputs));
  });

  test('name the same outputs', () => {
    const set = read('src/outputs.ts').matchAll(/setOutput\('(\w+)'/g);
    expect([...set].map(([, name]) => name)).toEqual(Object.keys(metadata.outputs));
  });
});

describe("the README's troubleshooting", () => {
  test.each([...ANSWER_REMEDIES, ...CONNECTION_REMEDIES].map(({ example, advice }) => [example, advice]))(
    'has the advice of the code for: %s',
    (example, advice) => {
      const text = advice.replace(/\{(?:unset|methods|nearest)\}/g, '').replace(/\{(\w+)\}/g, '_$1_');
      const inCell = text.replace(/\n\s*/g, ' ').trim();
      expect(README).toContain(`\n- **${example}**\n  ${inCell}\n`);
    },
  );
});

describe('the repository', () => {
  test('holds the program that action.yml runs, as an ES module on Node 20', () => {
    expect(metadata.runs).toMatchObject({ using: 'node20', main: 'dist/index.js', post: 'dist/index.js' });
    expect(existsSync(join(ROOT, metadata.runs.main))).toBe(true);
    expect(JSON.parse(read('dist/package.json'))).toEqual({ type: 'module' });
  });

  test('bundles no more of undici than what sends requests', () => {
    const bundle = read('dist/index.js');
    expect(bundle).toContain('class ProxyAgent');
    expect(bundle).not.toMatch(/class (?:EventSource|MockAgent|WebSocket)\b/);
  });

  test('holds no file of src that is longer than 150 lines, but for the tables of advice', () => {
    const files = readdirSync(join(ROOT, 'src')).filter((file) => !file.endsWith('-remedies.ts'));
    const long = files.filter((file) => read(join('src', file)).split('\n').length > 151);
    expect(long).toEqual([]);
  });

  test('has a heading in the changelog for its version, as releases take their notes from there', () => {
    expect(read('CHANGELOG.md')).toMatch(new RegExp(`^## ${packageJson.version.replaceAll('.', '\\.')} \\(`, 'm'));
  });

  test('has the two commands of the README as scripts', () => {
    expect(README).toContain('```sh\nnpm ci && npm start\nnpm ci && npm test\n```');
    expect(packageJson.scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) });
  });
});
