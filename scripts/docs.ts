import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { readLogins, VERSIONS } from '../__tests__/support/recorded.js';
import { CONNECTION_KINDS } from '../src/failures/catalogue-connection.js';
import { IDENTITY_KINDS } from '../src/failures/catalogue-identity.js';
import { NOMAD_KINDS } from '../src/failures/catalogue-nomad.js';
import { findKind, KINDS } from '../src/failures/catalogue.js';
import { render } from '../src/failures/explain.js';
import { Failure } from '../src/failures/failure.js';
import type { Kind } from '../src/failures/match.js';
import { quote } from '../src/secrets.js';

interface Metadata {
  inputs: Record<string, { description: string; default?: string }>;
  outputs: Record<string, { description: string }>;
}

const ROOT = join(import.meta.dirname, '..');
// 46 seconds after the JWT of the examples has expired.
const NOW = Date.parse('2026-09-21T14:19:06Z');
const TABLE = '(?:\\|.*\n)*';
const REST = '[^]*';
// The recorded responses of these kinds belong to requests that the action does not make.
const MIXED = ['login-not-found', 'not-nomad', 'server-error'];
const GROUPS: Record<string, Kind[]> = {
  "Inputs and GitHub's OIDC token": IDENTITY_KINDS,
  Connections: CONNECTION_KINDS,
  "Nomad's responses": NOMAD_KINDS,
};

// All other inputs are in the group "Advanced".
const INPUT_GROUPS = {
  Login: ['url', 'methodName', 'identityToken', 'jwtGithubAudience'],
  TLS: ['caCertificate', 'clientCertificate', 'clientKey', 'tlsServerName', 'tlsSkipVerify'],
  'Later steps': ['exportToken', 'outputToken', 'exportConnection', 'namespace', 'revokeToken'],
};

/** Returns the documents that contain generated parts, by their paths, with these parts up to date. */
export async function renderDocuments(): Promise<Record<string, string>> {
  const { inputs, outputs } = parse(read('action.yml')) as Metadata;
  const outputRows = Object.entries(outputs).map(([name, { description }]) => [code(name), description]);
  return {
    'README.md': await update('README.md', [
      ['this table of the inputs from action.yml', TABLE, renderInputs(inputs)],
      ['this table of the outputs from action.yml', TABLE, renderTable(['Output', 'Description'], outputRows)],
    ]),
    'docs/troubleshooting.md': await update('docs/troubleshooting.md', [
      ['the rest of this page from src/failures', REST, renderErrors()],
    ]),
  };
}

function renderInputs(inputs: Metadata['inputs']): string {
  const listed = Object.values(INPUT_GROUPS).flat();
  const groups = { ...INPUT_GROUPS, Advanced: Object.keys(inputs).filter((name) => !listed.includes(name)) };
  const rows = Object.entries(groups).flatMap(([group, names]) =>
    names.map((name, index) => {
      const { description = '', default: value = '' } = inputs[name] ?? {};
      return [index === 0 ? `**${group}**` : '', code(name), code(value), description];
    }),
  );
  return renderTable(['', 'Input', 'Default', 'Description'], rows);
}

function renderErrors(): string {
  const grouped = Object.values(GROUPS).flat();
  const groups = { ...GROUPS, 'Other errors': KINDS.filter((kind) => !grouped.includes(kind)) };
  return Object.entries(groups)
    .map(([title, kinds]) => [`## ${title}`, ...kinds.map(renderKind)].join('\n\n'))
    .join('\n\n');
}

function renderKind({ id, retryS, example, variants: logged }: Kind): string {
  const policy =
    retryS === 0 ? 'Not retried.' : `Retried ${retryS === Infinity ? 'until the timeout' : `for ${String(retryS)} s`}.`;
  const failure = example();
  const others = MIXED.includes(id) ? [] : findOtherWordings(id, failure);
  const variants = others.length === 0 ? [] : ['Nomad can also respond:', block(others.join('\n'))];
  const more = logged.length === 0 ? [] : ['The log can also contain:', block(logged.join('\n'))];
  return [`### ${id}`, block(render(failure, undefined, NOW)), policy, ...variants, ...more].join('\n\n');
}

/** Returns the log lines for recorded responses of a kind whose wording differs from its example. */
function findOtherWordings(id: string, { details }: Failure): string[] {
  const { login, response, target } = details;
  if (login === undefined || response === undefined || target === undefined) {
    return [];
  }
  const isOther = ({ status, body }: { status: number; body: string }): boolean =>
    status !== 200 &&
    body.trim() !== '' &&
    findKind(new Failure('', { login, target, response: { status, body } })).id === id &&
    generalize(body) !== generalize(response.body);
  const lines = VERSIONS.flatMap((version) => readLogins(version))
    .filter((recorded) => isOther(recorded.response))
    .map(
      (recorded) => `Nomad refused the login (${String(recorded.response.status)}): ${quote(recorded.response.body)}`,
    );
  return [...new Set(lines)];
}

/** Returns a response body without the parts that differ between clusters: names in quotes, addresses and attributes. */
export function generalize(body: string): string {
  return body
    .trim()
    .replace(/"[^"]*"/g, '""')
    .replace(/https?:\/\/\S+/g, 'URL')
    .replace(/dial tcp[^:]*(?::PORT)?:/, 'dial tcp:')
    .replace(/\d+:\d+: unknown variable accessed: value\.\w+/, 'unknown variable');
}

function block(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function renderTable(headings: string[], rows: string[][]): string {
  const lines = [headings, headings.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

/** Replaces the generated parts of a document, each of which follows a comment. */
async function update(file: string, parts: [what: string, old: string, part: string][]): Promise<string> {
  const text = parts.reduce((before, [what, old, part]) => {
    const comment = `<!-- npm run docs writes ${what}. -->\n`;
    if (!before.includes(comment)) {
      throw new Error(`${file} does not contain the comment ${comment}`);
    }
    return before.replace(new RegExp(`${comment}\n*${old}`), () => `${comment}\n${part}\n`);
  }, read(file));
  return format(text, { ...(await resolveConfig(join(ROOT, file))), parser: 'markdown' });
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, text] of Object.entries(await renderDocuments())) {
    if (!process.argv.includes('--check')) {
      writeFileSync(join(ROOT, file), text);
    } else if (read(file) !== text) {
      console.error(`${file} is out of date. Run: npm run docs`);
      process.exitCode = 1;
    }
  }
}
