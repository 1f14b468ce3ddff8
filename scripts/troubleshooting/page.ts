import { readLogins, VERSIONS } from '../../testbed/recordings/recorded.js';
import { findKind, type KindId } from '../../src/failures/catalogue.js';
import { render } from '../../src/failures/explain.js';
import { ACTION_ENTRIES } from './action.js';
import { fail, refuse, type Entries, type Entry } from './entry.js';
import { JWT_ENTRIES } from './jwt.js';
import { NETWORK_ENTRIES } from './network.js';
import { NOMAD_ENTRIES } from './nomad.js';

const OTHER_ENTRIES = {
  unexpected: {
    sample: fail(
      'unexpected',
      "ENOSPC: no space left on device, open '/home/runner/work/_temp/nomad-jwt-auth-x3Zc1r/NOMAD_CACERT.pem'",
    ),
    why: 'Before you open an issue, remove host names and IDs that you do not want to publish.',
  },
} satisfies Entries;

/** What docs/troubleshooting.md shows for each kind of failure. */
export const ENTRIES: Record<KindId, Entry> = {
  ...ACTION_ENTRIES,
  ...NETWORK_ENTRIES,
  ...JWT_ENTRIES,
  ...NOMAD_ENTRIES,
  ...OTHER_ENTRIES,
};

// The recorded responses of these kinds belong to requests that the action does not make.
const MIXED: KindId[] = ['login-not-found', 'nomad-refused', 'redirect'];

const GROUPS = Object.entries({
  "Inputs and GitHub's OIDC token": ACTION_ENTRIES,
  Connections: NETWORK_ENTRIES,
  "Nomad's verdict on the JWT": JWT_ENTRIES,
  'Other responses': NOMAD_ENTRIES,
  'Other errors': OTHER_ENTRIES,
}).map(([title, entries]) => ({ title, ids: Object.keys(entries) as KindId[] }));

/** Returns a list of links to all kinds of failures, one line for each group. */
export function renderIndex(): string {
  return GROUPS.map(({ title, ids }) => `- ${title}: ${ids.map((id) => `[${id}](#${id})`).join(', ')}`).join('\n');
}

/** Returns the entries of all kinds of failures, in groups. */
export function renderErrors(): string {
  return GROUPS.flatMap(({ title, ids }) => [`## ${title}`, ...ids.map(renderKind)]).join('\n\n');
}

function renderKind(id: KindId): string {
  const { sample, variants = [], why, check = [], fix, links = [] } = ENTRIES[id];
  const recorded = findOtherWordings(id);
  return [
    `### ${id}`,
    block(render(sample)),
    describeRetry(findKind(sample).retry),
    recorded.length > 0 && `Nomad can also respond:\n\n${block(recorded.join('\n'))}`,
    variants.length > 0 && `The log can also contain:\n\n${block(variants.join('\n'))}`,
    check.length > 0 ? `**Why it happens.** ${why}` : why,
    check.length > 0 && `**What to check.**\n\n${check.map((item) => `- ${item}`).join('\n')}`,
    fix !== undefined && `**How to fix it.** ${fix}`,
    links.length > 0 && `See ${links.join(', ')}.`,
  ]
    .filter((part) => part !== false)
    .join('\n\n');
}

function describeRetry(share: number): string {
  if (share === 0) {
    return 'Not retried.';
  }
  return share === 1 ? 'Retried until the timeout.' : 'Retried for a sixth of the timeout (10 s by default).';
}

/** Returns the log lines for recorded responses of a kind whose wording differs from its sample. */
function findOtherWordings(id: KindId): string[] {
  if (MIXED.includes(id)) {
    return [];
  }
  const lines = VERSIONS.flatMap((version) => readLogins(version))
    .filter(({ response: { status, body } }) => status !== 200 && body.trim() !== '')
    .map(({ response: { status, body } }) => refuse(status, body))
    .filter(
      (failure) => findKind(failure).id === id && generalize(failure.sign) !== generalize(ENTRIES[id].sample.sign),
    )
    .map(({ message }) => `${message}.`);
  return [...new Set(lines)];
}

/** Returns a response without the parts that differ between clusters: names in quotes, addresses and attributes. */
export function generalize(text: string): string {
  return text
    .trim()
    .replace(/"[^"]*"/g, '""')
    .replace(/https?:\/\/\S+/g, 'URL')
    .replace(/dial tcp[^:]*(?::PORT)?:.*/, 'dial tcp')
    .replace(/\d+:\d+: unknown variable accessed: value\.\w+/, 'unknown variable');
}

function block(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
