import { readLogins, VERSIONS } from '../testbed/recordings/recorded.js';
import type { KindId } from '../src/failures/catalogue.js';
import { render } from '../src/failures/explain.js';
import { makeSamples, refuse } from './samples.js';

// The recorded responses of these kinds belong to requests that the action does not make.
const MIXED: KindId[] = ['nomad-refused', 'not-nomad'];
const LINE_LENGTH = 126;
// What Nomad writes before most of its reasons to refuse a JWT.
const PREFIX = /unable to validate provided token: (?:unable to verify signature of JWT token: )?/;

/** Returns what the code knows about each kind of failure, as Markdown: messages, advice, and how long it is retried. */
export function renderErrors(): Record<string, string> {
  const samples = Object.entries(makeSamples());
  return Object.fromEntries(
    samples.map(([id, [first, ...others]]) => {
      const known = others.map(({ message }) => message);
      const recorded = findWordings(id as KindId, [first?.message ?? '', ...known]);
      const messages = new Set(
        [...known, ...recorded].map((message) => `Or: ${abbreviate(message, first?.message ?? '')}.`),
      );
      const { retry = 0 } = first?.kind ?? {};
      const policy = retry === 1 ? 'until the timeout' : 'for a sixth of the timeout';
      const advice = first ? [render(first).replace(PREFIX, '… ')] : [];
      const log = block([...advice, ...(messages.size > 0 ? ['', ...messages] : [])].join('\n'));
      return [id, retry === 0 ? `${log}\n` : `${log}\n\nRetried ${policy}.`];
    }),
  );
}

/** Returns the messages for recorded responses of a kind that are worded in another way. */
function findWordings(id: KindId, messages: string[]): string[] {
  if (MIXED.includes(id)) {
    return [];
  }
  const known = messages.map(generalize);
  const recorded = VERSIONS.flatMap((version) => readLogins(version))
    .filter(({ response: { status, body } }) => status !== 200 && body.trim() !== '')
    .map(({ response: { status, body } }) => refuse(status, body))
    .filter((failure) => failure.id === id && !known.includes(generalize(failure.message)));
  return [...new Map(recorded.map(({ message }) => [generalize(message), message])).values()];
}

// Returns a message with an ellipsis for the parts with which the first message begins, too.
function abbreviate(message: string, first: string): string {
  const parts = message.split(': ');
  const firstParts = first.split(': ');
  const start = parts.findIndex((part, index) => part !== firstParts[index]);
  return start > 0 ? `… ${parts.slice(start).join(': ')}` : message;
}

/** Returns a message without the parts that differ between clusters: names in quotes, addresses and attributes. */
export function generalize(message: string): string {
  return message
    .trim()
    .replace(/"[^"]*"/g, '""')
    .replace(/https?:\/\/\S+/g, 'URL')
    .replace(/(?:square|go-jose)\/go-jose|(?<=unmarshal )\w+ into .*/g, '')
    .replace(/dial tcp[^:]*(?::PORT)?:.*/, 'dial tcp')
    .replace(/\d+:\d+: unknown variable accessed: value\.\w+/, 'unknown variable');
}

// Long lines would be cut off on GitHub. Continuations are indented.
function block(text: string): string {
  const lines = text.split('\n').flatMap((line) => {
    const wrapped = line.startsWith(' ')
      ? [line]
      : line.match(new RegExp(`.{1,${String(LINE_LENGTH)}}(?: |$)|\\S+(?: |$)`, 'g'));
    return (wrapped ?? [line]).map((part, index) => `${index > 0 ? '  ' : ''}${part.trimEnd()}`);
  });
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``;
}
