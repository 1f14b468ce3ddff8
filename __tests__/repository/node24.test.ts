import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ROOT } from '../support/docs.js';

interface Metadata {
  runs: { using: string; main: string; post: string };
}

const read = (file: string): Metadata => parse(readFileSync(join(ROOT, file), 'utf8')) as Metadata;
const { runs: rootRuns, ...root } = read('action.yml');
const { runs, ...node24 } = read('node24/action.yml');

describe('node24/action.yml', () => {
  test('has the name, inputs and outputs of action.yml', () => {
    expect(node24).toEqual(root);
  });

  test('runs the programs of action.yml on Node 24', () => {
    expect(runs).toEqual({
      ...rootRuns,
      using: 'node24',
      main: `../${rootRuns.main}`,
      post: `../${rootRuns.post}`,
    });
  });

  test('names programs that exist', () => {
    const missing = [runs.main, runs.post].filter((program) => !existsSync(join(ROOT, 'node24', program)));
    expect(missing).toEqual([]);
  });
});
