import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT } from '../support/readme.js';

const documents = readdirSync(ROOT).filter((file) => file.endsWith('.md'));
const withoutCode = (markdown: string): string => markdown.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, 'code');
const readText = (file: string): string => withoutCode(readFileSync(join(ROOT, file), 'utf8'));

/** Returns the targets of a document's links, inline and by reference, and of its images. */
function readTargets(file: string): string[] {
  const markdown = readText(file);
  const inline = markdown.matchAll(/\]\(([^)\s]+)\)/g);
  const defined = new Map([...markdown.matchAll(/^\[([^\]]+)\]: (\S+)$/gm)].map(([, name, url]) => [name, url ?? '']));
  const references = [...markdown.matchAll(/(?<![\]\w])\[([^\]]+)\](?![(:[])/g)].map(([, name = '']) => name);
  return [...inline].map(([, url = '']) => url).concat(references.map((name) => defined.get(name) ?? `[${name}]`));
}

// https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
function readAnchors(file: string): string[] {
  const headings = readFileSync(join(ROOT, file), 'utf8')
    .replace(/^```.*?^```/gms, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function isBroken(target: string): boolean {
  if (target.startsWith('https://')) {
    return !URL.canParse(target);
  }
  const [path = '', anchor] = target.split('#');
  const file = posix.normalize(path);
  return !existsSync(join(ROOT, file)) || (anchor !== undefined && !readAnchors(file).includes(anchor));
}

describe.each(documents)('the links of %s', (document) => {
  test('lead to files and headings that there are', () => {
    const targets = readTargets(document).map((target) => (target.startsWith('#') ? document + target : target));
    expect(targets.filter(isBroken)).toEqual([]);
  });
});

test('the README links to the other documents', () => {
  const linked = readTargets('README.md').map((target) => target.split('#')[0]);
  expect(linked).toEqual(expect.arrayContaining(['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']));
});
