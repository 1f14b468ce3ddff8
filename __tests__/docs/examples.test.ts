import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { readDocument, ROOT } from '../support/docs.js';

interface Step {
  uses: string;
  with?: Record<string, unknown>;
}

const ACTION = packageJson.repository.replace('github:', '');
const EARLIER_ACTION = 'mikenomitch/nomad-jwt-auth';
const { inputs } = parse(readDocument('action.yml')) as { inputs: Record<string, unknown> };
const documents = ['README.md', ...readdirSync(join(ROOT, 'docs'), { encoding: 'utf8' }).map((file) => `docs/${file}`)];

/** Returns the YAML blocks of a document, without the indentation of a list. */
function readYaml(document: string): string[] {
  const blocks = readDocument(document).matchAll(/^( *)```ya?ml\n(.*?)^ *```/gms);
  return [...blocks].map(([, indent = '', code = '']) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** Returns the steps anywhere in a parsed block that use this action, whoever its owner is. */
function findSteps(node: unknown): Step[] {
  if (typeof node !== 'object' || node === null) {
    return [];
  }
  const { uses } = node as Partial<Step>;
  const isStep = typeof uses === 'string' && /(?:^|\/)[\w-]+\/nomad-jwt-auth[/@]/.test(uses);
  return isStep ? [node as Step] : Object.values(node).flatMap(findSteps);
}

const steps = (document: string): Step[] => readYaml(document).flatMap((code) => findSteps(parse(code)));

describe.each(documents)('%s', (document) => {
  test('has YAML blocks that parse', () => {
    const parseAll = (): unknown[] => readYaml(document).map((code) => parse(code) as unknown);
    expect(parseAll).not.toThrow();
  });

  test('uses only inputs that action.yml has', () => {
    const used = steps(document).flatMap((step) => Object.keys(step.with ?? {}));
    expect(used.filter((name) => !(name in inputs))).toEqual([]);
  });

  test('names the repository of package.json wherever it names the action', () => {
    const named = readDocument(document).match(/[\w-]+\/nomad-jwt-auth\b(?!\.ya?ml)/g) ?? [];
    expect(named.filter((name) => name !== ACTION && name !== EARLIER_ACTION)).toEqual([]);
  });
});

describe.each(['bug', 'config', 'idea'].map((name) => `.github/ISSUE_TEMPLATE/${name}.yml`))('%s', (form) => {
  test('links only to the repository of package.json', () => {
    const linked = [...readDocument(form).matchAll(/github\.com\/([\w-]+\/[\w-]+)/g)].map(([, name]) => name);
    expect(linked.filter((name) => name !== ACTION)).toEqual([]);
  });
});

describe('docs/examples.md', () => {
  test('has a login in each workflow, or a call of a workflow that has one', () => {
    const without = readYaml('docs/examples.md').filter((code) => findSteps(parse(code)).length === 0);
    expect(without.filter((code) => !code.includes('uses: octo-org/workflows/'))).toEqual([]);
  });

  test('names the auth method and the audience in each login', () => {
    const vague = steps('docs/examples.md').filter(
      ({ with: given = {} }) => !('methodName' in given && 'jwtGithubAudience' in given),
    );
    expect(vague).toEqual([]);
  });

  test('links to each of its sections', () => {
    const sections = [...readDocument('docs/examples.md').matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    const linked = [...readDocument('docs/examples.md').matchAll(/^- \[(.*)\]\(#/gm)].map(([, title]) => title);
    expect(linked).toEqual(sections);
  });
});
