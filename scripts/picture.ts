import { readSetup } from '../simulator/setups.js';
import { withSimulation } from '../simulator/simulation.js';
import { startFakeCluster } from '../testbed/nomad/nomad.js';
import { runMain } from '../testbed/runner.js';

// Narrow enough to be read on a phone.
const COLUMNS = 58;
const WIDTH = 520;
const LINE_HEIGHT = 20;
// The ID and the time of the token, which each run has anew.
const ACCESSOR_ID = 'c0ffee00-0000-4000-8000-000000000002';
const EXPIRY = '2026-12-01T12:00:00Z';
const COLORS = { text: '#e6edf3', error: '#ff7b72', number: '#6e7681', title: '#ffffff' };

interface Line {
  number: string;
  text: string;
  color: string;
}

/** Draws the log of a login that succeeds and of one that is refused, as an SVG picture. */
export async function drawLog(): Promise<string> {
  const logs = Object.entries(await runLogins());
  return draw(logs.flatMap(([title, log]) => toLines(title, log)).slice(0, -1));
}

// Runs a login that succeeds and one that is refused, and returns the first paragraphs of their logs by the titles of the steps.
async function runLogins(): Promise<Record<string, string>> {
  return withSimulation(await readSetup('github-adv'), startFakeCluster, async ({ nomad, issuer }) => {
    const logIn = async (env: Record<string, string>): Promise<string> => {
      const method = { methodName: 'github-adv', jwtGithubAudience: 'nomad.example.com' };
      const { collapsedLog } = await runMain({ inputs: { url: nomad.url, exportConnection: 'true', ...method }, env });
      return collapsedLog
        .replace(/( [^.\n]*:)?\n\n.*/s, '')
        .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/, ACCESSOR_ID)
        .replace(/expires \S+Z/, `expires ${EXPIRY}`);
    };
    return {
      'A push to main': await logIn(issuer.environment),
      'A push to another branch': await logIn(issuer.startJob({ ref: 'refs/heads/feature' })),
    };
  });
}

function toLines(title: string, log: string): Line[] {
  let isError = false;
  const lines = log.split('\n').flatMap((line, index) => {
    isError ||= line.startsWith('Error: ');
    return wrap(line).map((text, part) => ({
      number: part === 0 ? String(index + 1) : '',
      text,
      color: isError ? COLORS.error : COLORS.text,
    }));
  });
  return [{ number: '▾', text: title, color: COLORS.title }, ...lines, { number: '', text: '', color: '' }];
}

function wrap(line: string): string[] {
  const at = line.lastIndexOf(' ', COLUMNS);
  return line.length <= COLUMNS || at <= 0 ? [line] : [line.slice(0, at), ...wrap(`  ${line.slice(at + 1)}`)];
}

function draw(lines: Line[]): string {
  const height = (lines.length + 1) * LINE_HEIGHT;
  const texts = lines.map(({ number, text, color }, index) => {
    const y = String((index + 1.5) * LINE_HEIGHT);
    return `<text x="36" y="${y}" fill="${COLORS.number}" text-anchor="end">${number}</text><text x="48" y="${y}" fill="${color}" xml:space="preserve">${escape(text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13">
<rect width="${String(WIDTH)}" height="${String(height)}" rx="8" fill="#0d1117"/>
${texts.filter((_, index) => lines[index]?.text !== '').join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
