import { describe, expect, test } from '@jest/globals';
import { generalize, renderDocuments } from '../../scripts/docs.js';
import { findKind, KINDS } from '../../src/failures/catalogue.js';
import { render } from '../../src/failures/explain.js';
import { readDocument, readSection } from '../support/docs.js';
import { readLogins, VERSIONS } from '../support/recorded.js';

const PAGE = 'docs/troubleshooting.md';

// Responses that are not recorded, because the servers are old, broken or not Nomad.
const NOT_RECORDED = ['gateway-error', 'nomad-too-old', 'not-nomad', 'redirect', 'server-error'];

const recorded = new Set(
  VERSIONS.flatMap((version) =>
    readLogins(version).map(({ response }) => `${String(response.status)} ${generalize(response.body)}`),
  ),
);

describe.each(KINDS.map((kind) => [kind.id, kind] as const))('the error %s', (id, { example }) => {
  test('has an example of its own kind', () => {
    expect(findKind(example()).id).toBe(id);
  });

  test('is found on the page by each line of its annotation, unless the line contains a time', () => {
    const section = readSection(PAGE, id);
    const lines = render(example(), undefined)
      .split('\n')
      .filter((line) => !/\d{4}-\d\d-\d\dT/.test(line));
    expect(lines.filter((line) => !section.includes(line))).toEqual([]);
  });

  const { login, response } = example().details;
  if (login !== undefined && response !== undefined && !NOT_RECORDED.includes(id)) {
    test('shows a response that a real Nomad has sent', () => {
      expect([...recorded]).toContain(`${String(response.status)} ${generalize(response.body)}`);
    });
  }
});

describe(PAGE, () => {
  test('has an entry for each kind of failure, and no other', () => {
    const ids = [...readDocument(PAGE).matchAll(/^### (.*)$/gm)].map(([, id]) => id);
    expect(ids.sort()).toEqual(KINDS.map(({ id }) => id).sort());
  });

  test('is up to date with npm run docs, as is the README', async () => {
    const documents = await renderDocuments();
    const files = Object.keys(documents);
    expect(Object.fromEntries(files.map((file) => [file, readDocument(file)]))).toEqual(documents);
  });

  test('has no cell of more than 300 characters', () => {
    const cells = readDocument(PAGE)
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .flatMap((row) => row.split(' | ').map((cell) => cell.trim()));
    expect(cells.filter((cell) => cell.length > 300)).toEqual([]);
  });
});
