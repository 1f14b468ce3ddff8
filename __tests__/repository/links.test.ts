import { existsSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readDocument, ROOT } from '../support/docs.js';

const FOLDERS = ['.', 'docs', '__tests__'];
const documents = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => posix.join(folder, file)),
);

const withoutBlocks = (markdown: string): string => markdown.replace(/^ *```.*?^ *```/gms, '');

/** Returns the targets of a document's inline links, reference links and images. */
function readTargets(file: string): string[] {
  const markdown = withoutBlocks(readDocument(file)).replace(/`[^`\n]*`/g, 'code');
  const inline = markdown.matchAll(/\]\(([^)\s]+)\)/g);
  const defined = new Map([...markdown.matchAll(/^\[([^\]]+)\]: (\S+)$/gm)].map(([, name, url]) => [name, url ?? '']));
  const references = [...markdown.matchAll(/(?<![\]\w!])\[([^\]!]+)\](?![(:[])/g)].map(([, name = '']) => name);
  return [...inline].map(([, url = '']) => url).concat(references.map((name) => defined.get(name) ?? `[${name}]`));
}

// https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
function readAnchors(file: string): string[] {
  const headings = withoutBlocks(readDocument(file)).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Tells whether the file or the heading that a link points to does not exist. */
function isBroken(document: string, target: string): boolean {
  if (target.startsWith('https://')) {
    return !URL.canParse(target);
  }
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : posix.join(posix.dirname(document), path);
  return !existsSync(join(ROOT, file)) || (anchor !== undefined && !readAnchors(file).includes(anchor));
}

describe.each(documents)('%s', (document) => {
  test('links only to files and headings that exist', () => {
    const targets = readTargets(document);
    expect(targets.filter((target) => isBroken(document, target))).toEqual([]);
  });

  test('has headings with different anchors', () => {
    const anchors = readAnchors(document);
    expect(anchors.filter((anchor, index) => anchors.indexOf(anchor) !== index)).toEqual([]);
  });
});

test('the README links to each other document for users and contributors', () => {
  const linked = readTargets('README.md').map((target) => target.split('#')[0]);
  const others = documents.filter((file) => file !== 'README.md' && !file.startsWith('__tests__/'));
  expect(others.filter((file) => !linked.includes(file))).toEqual([]);
});
