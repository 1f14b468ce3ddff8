import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import methodConfig from '../../nomad-config/auth-method-adv.json' with { type: 'json' };
import packageJson from '../../package.json' with { type: 'json' };
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { findNomad } from '../../testbed/nomad-agent.js';
import type { Token } from '../../testbed/nomad-api.js';
import { isSince, startFakeCluster, startRealNomad, type NomadServer } from '../../testbed/nomad.js';
import { readBlocks, readDocument, ROOT } from '../support/docs.js';

interface Step {
  uses: string;
  with?: Record<string, unknown>;
}

const ACTION = packageJson.repository.replace('github:', '');
const EARLIER_ACTION = 'mikenomitch/nomad-jwt-auth';
const { inputs } = parse(readDocument('action.yml')) as { inputs: Record<string, unknown> };
const documents = ['README.md', ...readdirSync(join(ROOT, 'docs'), { encoding: 'utf8' }).map((file) => `docs/${file}`)];

/** Returns the YAML blocks of a document, without the indentation of a list. */
function readYaml(document: string): string[] {
  const blocks = readDocument(document).matchAll(/^( *)```ya?ml\n(.*?)^ *```/gms);
  return [...blocks].map(([, indent = '', code = '']) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** Returns the steps anywhere in a parsed block that use this action, whoever its owner is. */
function findSteps(node: unknown): Step[] {
  if (typeof node !== 'object' || node === null) {
    return [];
  }
  const { uses } = node as Partial<Step>;
  const isStep = typeof uses === 'string' && /(?:^|\/)[\w-]+\/nomad-jwt-auth[/@]/.test(uses);
  return isStep ? [node as Step] : Object.values(node).flatMap(findSteps);
}

const steps = (document: string): Step[] => readYaml(document).flatMap((code) => findSteps(parse(code)));

describe.each(documents)('%s', (document) => {
  test('has YAML blocks that parse', () => {
    const parseAll = (): unknown[] => readYaml(document).map((code) => parse(code) as unknown);
    expect(parseAll).not.toThrow();
  });

  test('uses only inputs that action.yml has', () => {
    const used = steps(document).flatMap((step) => Object.keys(step.with ?? {}));
    expect(used.filter((name) => !(name in inputs))).toEqual([]);
  });

  test('names the repository of package.json wherever it names the action', () => {
    const named = readDocument(document).match(/[\w-]+\/nomad-jwt-auth\b(?!\.ya?ml)/g) ?? [];
    expect(named.filter((name) => name !== ACTION && name !== EARLIER_ACTION)).toEqual([]);
  });
});

describe.each(['bug', 'config', 'idea'].map((name) => `.github/ISSUE_TEMPLATE/${name}.yml`))('%s', (form) => {
  test('links only to the repository of package.json', () => {
    const linked = [...readDocument(form).matchAll(/github\.com\/([\w-]+\/[\w-]+)/g)].map(([, name]) => name);
    expect(linked.filter((name) => name !== ACTION)).toEqual([]);
  });
});

describe('docs/examples.md', () => {
  test('names the auth method and the audience in each login', () => {
    const vague = steps('docs/examples.md').filter(
      ({ with: given = {} }) => !('methodName' in given && 'jwtGithubAudience' in given),
    );
    expect(vague).toEqual([]);
  });

  test('links to each of its sections', () => {
    const sections = [...readDocument('docs/examples.md').matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    const linked = [...readDocument('docs/examples.md').matchAll(/^- \[(.*)\]\(#/gm)].map(([, title]) => title);
    expect(linked).toEqual(sections);
  });
});

const program = await findNomad();

describe.each([
  ['the fake Nomad', startFakeCluster],
  ...(program === undefined ? [] : [[program.version, () => startRealNomad(program)] as const]),
])('docs/examples.md on %s', (name, start) => {
  const version = /\d+\.\d+\.\d+/.exec(name)?.[0];
  const PLAN = 'Read-only plan on pull requests';
  const PULL_REQUEST = { event_name: 'pull_request', ref: 'refs/pull/7/merge' };
  const TEAM = { repository_id: '75', repo_property_team: 'payments' };

  interface Recipe {
    heading: string;
    /** A job that gets the role, and jobs that get none. */
    job: Record<string, string>;
    others: Record<string, string>[];
    role: string;
    minutes?: number;
    methodName?: string;
    /** The recipe that must be applied first. */
    after?: string;
    since?: string;
  }

  const RECIPES: Recipe[] = [
    {
      heading: 'Main and release tags in one rule',
      job: { ref: 'refs/tags/v1.2.3' },
      others: [{ ref: 'refs/tags/v1.2.3-rc' }, { ref: 'refs/heads/dev' }, { event_name: 'schedule' }],
      role: 'repo-74',
    },
    {
      heading: PLAN,
      job: PULL_REQUEST,
      others: [{}, { ...PULL_REQUEST, repository_id: '75' }, { event_name: 'pull_request_target' }],
      role: 'plan',
      since: '1.11.2',
    },
    {
      heading: 'Shorter tokens for pull requests',
      job: PULL_REQUEST,
      others: [{}, { ...PULL_REQUEST, repository_id: '75' }],
      role: 'plan',
      minutes: 5,
      methodName: 'github-pr',
      after: PLAN,
      since: '1.11.2',
    },
    {
      heading: 'A scheduled job that only reads',
      job: { event_name: 'schedule' },
      others: [{}, { event_name: 'schedule', repository_id: '75' }],
      role: 'report',
    },
    {
      heading: 'One namespace per team',
      job: TEAM,
      others: [{}, { ...TEAM, repository_owner_id: '66' }, { ...TEAM, repo_property_team: 'payments,search' }],
      role: 'team-payments',
    },
  ];

  let issuer: Issuer;
  let nomad: NomadServer;

  beforeAll(async () => {
    issuer = await startIssuer();
  });

  beforeEach(async () => {
    nomad = await start();
    await putMethod('github-adv');
    await nomad.admin.putPolicy('deploy', 'namespace "default" { policy = "write" }');
    await nomad.admin.putRole('repo-74', ['deploy']);
  }, 60_000);

  afterEach(() => nomad.close());

  afterAll(() => issuer.close());

  /** Creates what the commands below a heading create, except namespaces. */
  async function apply(heading: string): Promise<void> {
    const [block = ''] = readBlocks('docs/examples.md', heading, 'sh');
    for (const command of block.split(/\n(?=nomad )/)) {
      const flag = (name: string): string | undefined => {
        const [, quoted, bare] = new RegExp(` -${name}=(?:'(.*?)'|(\\S+))`).exec(command) ?? [];
        return quoted ?? bare;
      };
      const [, policy = '', rules = ''] = /policy apply (\S+) - <<'EOF'\n(.*)^EOF/ms.exec(command) ?? [];
      const [kind] = /(?<= acl )\S+ (?:apply|create|update)/.exec(command) ?? [];
      switch (kind) {
        case 'policy apply':
          await nomad.admin.putPolicy(policy, rules);
          break;
        case 'role create':
          await nomad.admin.putRole(flag('name') ?? '', [flag('policy') ?? '']);
          break;
        case 'auth-method create':
          await putMethod(flag('name') ?? '', flag('max-token-ttl'));
          break;
        case 'binding-rule create':
        case 'binding-rule update':
          await nomad.admin.putRule({
            AuthMethod: flag('auth-method') ?? 'github-adv',
            BindType: 'role',
            BindName: flag('bind-name') ?? 'repo-${value.repo_id}',
            Selector: flag('selector') ?? '',
          });
      }
    }
  }

  function putMethod(name: string, MaxTokenTTL = '1h'): Promise<void> {
    return nomad.admin.putMethod(name, { ...methodConfig, JWKSURL: issuer.jwksUrl }, { MaxTokenTTL });
  }

  async function logIn(methodName: string, claims: Record<string, string>): Promise<Response> {
    const body = JSON.stringify({ AuthMethodName: methodName, LoginToken: await issuer.issue({ claims }) });
    return fetch(`${nomad.url}/v1/acl/login`, { method: 'POST', body });
  }

  const recipes = RECIPES.filter(({ since }) => !version || !since || isSince(version, since));

  test.each(recipes)('gives the job of "$heading" the role $role, and others none', async (recipe) => {
    const { heading, job, others, role, minutes = 60, methodName = 'github-adv', after } = recipe;
    if (after !== undefined) {
      await apply(after);
    }
    await apply(heading);
    const token = (await (await logIn(methodName, job)).json()) as Token;
    expect(token.Roles).toEqual([expect.objectContaining({ Name: role })]);
    expect((Date.parse(token.ExpirationTime ?? '') - Date.parse(token.CreateTime)) / 60_000).toBeCloseTo(minutes);
    for (const other of others) {
      expect({ other, status: (await logIn(methodName, other)).status }).toEqual({ other, status: 400 });
    }
  });
});
