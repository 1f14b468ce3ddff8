import { existsSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from '../../testbed/root.js';
import { readDocument } from '../support/docs.js';
import { readInputsWith } from '../support/in-process.js';
import { logIn } from '../support/servers.js';

const metadata = parse(readDocument('action.yml')) as { inputs: Record<string, { default?: string }>; outputs: object };

test('action.yml has the inputs that the program reads, with the same defaults', () => {
  const { connection, ...others } = readInputsWith({}).inputs ?? {};
  expect(Object.keys(metadata.inputs).sort()).toEqual(Object.keys({ ...connection, ...others }).sort());
  const defaults = Object.entries(metadata.inputs).map(([name, { default: value = '' }]) => [name, value]);
  const reading = readInputsWith(Object.fromEntries(defaults) as Record<string, string>);
  expect(reading).toMatchObject({ error: '', inputs: { connection, ...others } });
});

test('action.yml has the outputs that the program sets', async () => {
  const { outputs } = await logIn();
  expect(Object.keys(metadata.outputs)).toEqual(Object.keys(outputs));
});

test('action.yml runs modules on Node 20', () => {
  const runs = { using: 'node20', main: 'dist/index.js', post: 'dist/post/index.js' };
  expect(metadata).toEqual(expect.objectContaining({ runs }));
  const packages = ['dist', 'dist/post', 'dist/simulate'].map((folder) => readDocument(`${folder}/package.json`));
  expect(new Set(packages.map((json) => json.trim()))).toEqual(new Set(['{\n  "type": "module"\n}']));
});

test('dist contains only the parts of undici that send requests', () => {
  const bundle = readDocument('dist/index.js');
  expect(bundle).toContain('class ProxyAgent');
  expect(bundle).not.toMatch(/class (?:EventSource|FormData|MockAgent|WebSocket)\b/);
});

test('dist lacks a part of undici, which it only requires for a body of form data', () => {
  const lines = readDocument('dist/index.js').split('\n');
  const [id = ''] =
    /\d+/.exec(lines[lines.findIndex((line) => line.includes('("../web/fetch/body.js")')) - 3] ?? '') ?? [];
  const uses = lines.flatMap((line, at) => (line.includes(`require__(${id})`) ? lines.slice(at - 2, at).join() : []));
  expect(uses).toEqual(uses.map(() => expect.stringContaining('if (util.isFormDataLike(body)) {')));
  expect(uses).toHaveLength(2);
});

test('README.md has at most 220 lines, and two commands that package.json defines', () => {
  const readme = readDocument('README.md');
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(220);
  expect(readme).toContain('```sh\nnpm ci && npm start\nnpm ci && npm test\n```');
  expect(packageJson.scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) });
});

const documents = ['.', 'docs', '__tests__']
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((file) => posix.join(folder, file)))
  .filter((file) => file.endsWith('.md'));

const readProse = (file: string): string => readDocument(file).replace(/^ *```.*?^ *```/gms, '');

/** Returns the targets of a document's inline links, reference links and images. */
function readTargets(file: string): string[] {
  const markdown = readProse(file).replace(/`[^`\n]*`/g, 'code');
  const inline = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, url = '']) => url);
  const defined = new Map([...markdown.matchAll(/^\[([^\]]+)\]: (\S+)$/gm)].map(([, name, url]) => [name, url ?? '']));
  const references = [...markdown.matchAll(/(?<![\]\w!])\[([^\]!]+)\](?![(:[])/g)].map(([, name = '']) => name);
  return [...inline, ...references.map((name) => defined.get(name) ?? `[${name}]`)];
}

// https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
function readAnchors(file: string): string[] {
  const headings = [...readProse(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'));
}

function exists(document: string, target: string): boolean {
  if (target.startsWith('https://')) {
    return URL.canParse(target);
  }
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : posix.join(posix.dirname(document), path);
  return existsSync(join(ROOT, file)) && (anchor === undefined || readAnchors(file).includes(anchor));
}

test.each(documents)('%s links only to files and headings that exist, and its headings differ', (document) => {
  expect(readTargets(document).filter((target) => !exists(document, target))).toEqual([]);
  expect(readAnchors(document)).toEqual([...new Set(readAnchors(document))]);
});

test('the README links to each other document for users and contributors', () => {
  const linked = readTargets('README.md').map((target) => target.split('#')[0]);
  const others = documents.filter((file) => file !== 'README.md' && !file.startsWith('__tests__/'));
  expect(others.filter((file) => !linked.includes(file))).toEqual([]);
});
