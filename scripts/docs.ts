import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { renderErrors } from './errors.js';
import { drawLog } from './picture.js';

interface Metadata {
  inputs: Record<string, { description: string; default?: string }>;
  outputs: Record<string, { description: string }>;
}

const ROOT = join(import.meta.dirname, '..');
const TABLE = '(?:\\|.*\n)*';

// All other inputs are in the group "Advanced".
const INPUT_GROUPS = {
  Login: ['url', 'methodName', 'identityToken', 'jwtGithubAudience'],
  TLS: ['caCertificate', 'clientCertificate', 'clientKey', 'tlsServerName', 'tlsSkipVerify'],
  'Later steps': ['exportToken', 'outputToken', 'exportConnection', 'namespace', 'revokeToken'],
};

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

function renderTable(headings: string[], rows: string[][]): string {
  const lines = [headings, headings.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

/** Replaces the generated parts of a document, each of which follows a line. */
async function update(file: string, parts: [line: string, old: string, part: string][]): Promise<string> {
  const text = parts.reduce((before, [line, old, part]) => {
    const pattern = new RegExp(`(?<=^${line})\n*${old}`, 'm');
    if (!pattern.test(before)) {
      throw new Error(`${file} does not contain the line ${line}`);
    }
    return before.replace(pattern, () => `\n${part}\n`);
  }, read(file));
  return format(text, { ...(await resolveConfig(join(ROOT, file))), parser: 'markdown' });
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

// The programs are one folder further away.
function useNode24(action: string): string {
  return action.replace('using: node20', 'using: node24').replace(/: ((?:\.\.\/)*dist\/)/g, ': ../$1');
}

const metadata = read('action.yml');
const { inputs, outputs } = parse(metadata) as Metadata;
const outputRows = Object.entries(outputs).map(([name, { description }]) => [code(name), description]);
const generated = {
  'README.md': await update('README.md', [
    ['<!-- npm run docs writes this table of the inputs from action.yml. -->\n', TABLE, renderInputs(inputs)],
    [
      '<!-- npm run docs writes this table of the outputs from action.yml. -->\n',
      TABLE,
      renderTable(['Output', 'Description'], outputRows),
    ],
  ]),
  'docs/troubleshooting.md': await update(
    'docs/troubleshooting.md',
    Object.entries(renderErrors()).map(([id, part]) => [`### ${id}\n`, '[^]*?(?=\\*\\*Fix in:)', part]),
  ),
  'docs/log.svg': await drawLog(),
  'node24/action.yml': useNode24(metadata),
  'node24/simulate/action.yml': useNode24(read('simulate/action.yml')),
};

for (const [file, text] of Object.entries(generated)) {
  if (!process.argv.includes('--check')) {
    writeFileSync(join(ROOT, file), text);
  } else if (read(file) !== text) {
    console.error(`${file} is out of date. Run: npm run docs`);
    process.exitCode = 1;
  }
}
