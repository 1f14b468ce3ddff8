import { closest } from 'fastest-levenshtein';
import { ANSWER_REMEDIES } from './answer-remedies.js';
import { decodePart, listClaims } from './claims.js';
import { CONNECTION_REMEDIES } from './connection-remedies.js';
import { fits, RequestFailure, type FailureDetails, type Remedy } from './failure.js';
import { DEFAULT_URL } from './inputs.js';
import type { AuthMethod } from './nomad.js';
import { quote } from './secrets.js';

/** What was known when the login failed. */
export interface Known {
  inputs?: { url: string; methodName: string; region: string | undefined; identityToken: string | undefined };
  jwt?: string;
  listMethods?: () => Promise<AuthMethod[]>;
}

// Three times what is quoted at most: an annotation that is much longer is not read.
const MAX_LENGTH = 1_450;

/** Returns what failed and what to change, and lists the claims of a JWT that Nomad has refused. */
export async function explain(error: unknown, known: Known): Promise<string> {
  if (!(error instanceof RequestFailure)) {
    return error instanceof Error ? error.message : String(error);
  }
  const { details } = error;
  const remedies = details.status !== undefined && details.peer === 'Nomad' ? ANSWER_REMEDIES : CONNECTION_REMEDIES;
  const remedy = remedies.find((candidate) => fits(candidate, details));
  const advice = remedy === undefined ? '' : await fill(remedy, known, details);
  if (known.jwt !== undefined && details.peer === 'Nomad' && /^(400|401|500)$/.test(String(details.status))) {
    listClaims(known.jwt);
  }
  return `${error.message.replace(/\.$/, '')}.\n${advice}`.slice(0, MAX_LENGTH).trim();
}

async function fill({ advice, said }: Remedy, known: Known, details: FailureDetails): Promise<string> {
  const { url, methodName, region, identityToken } = known.inputs ?? {};
  const [header, claims] = (known.jwt ?? '..').split('.').map(decodePart);
  const groups = said?.exec(details.said ?? '')?.groups;
  const values: Record<string, string | undefined> = {
    ...Object.fromEntries(Object.entries(groups ?? {}).map(([name, value]) => [name, value && quote(value)])),
    methodName,
    url,
    host: url && new URL(url).hostname,
    unset: url === DEFAULT_URL ? 'The input url is not set. ' : '',
    region,
    alg: show(header?.['alg']),
    kid: showId(header?.['kid']),
    iss: show(claims?.['iss']),
    aud: show(claims?.['aud']),
    expiry: describeTime('until', claims?.['exp']),
    start: describeTime('from', claims?.['nbf'] ?? claims?.['iat']),
    now: new Date().toISOString(),
    audienceInput: identityToken
      ? 'have the JWT in the input identityToken minted for one that is there'
      : 'set the input jwtGithubAudience to one that is there',
    ...(advice.includes('{methods}') && (await describeMethods(known))),
  };
  return advice.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
}

async function describeMethods({ inputs, listMethods }: Known): Promise<Record<'methods' | 'nearest', string>> {
  const methods = await listMethods?.().catch(() => undefined);
  const names = methods?.filter(({ type }) => type === 'JWT').map(({ name }) => name);
  if (names === undefined) {
    return { methods: '', nearest: ' nomad acl auth-method list shows them.' };
  }
  if (names.length === 0) {
    return { methods: 'This cluster has no JWT methods: make one with nomad acl auth-method create. ', nearest: '' };
  }
  return {
    methods: `JWT methods of this cluster: ${quote(names.join(', '))}. `,
    nearest: ` The nearest is ${quote(closest(inputs?.methodName ?? '', names))}.`,
  };
}

function show(claim: unknown): string {
  return claim === undefined ? 'absent' : quote(typeof claim === 'string' ? claim : JSON.stringify(claim));
}

// The id of a key often looks like a Nomad token, which `quote` would hide.
function showId(id: unknown): string {
  return typeof id === 'string' && /^[\w-]{1,100}$/.test(id) ? id : show(id);
}

function describeTime(what: 'from' | 'until', time: unknown): string {
  if (typeof time !== 'number' || !Number.isFinite(new Date(time * 1000).getTime())) {
    return 'The JWT does not say how long it is valid';
  }
  const seconds = Math.round(time - Date.now() / 1000);
  const distance = `${String(Math.abs(seconds))} s ${seconds < 0 ? 'ago' : 'ahead'}`;
  return `The JWT is valid ${what} ${new Date(time * 1000).toISOString()}, ${distance} by this runner's clock`;
}
