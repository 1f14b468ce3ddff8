import fc, { type Arbitrary } from 'fast-check';
import type { Claims } from '../../simulator/identities.js';
import { GITHUB_ISSUER } from '../../testbed/issuer.js';

/** What is created on a server, in the form of Nomad's API and without the usual fields, and claims of jobs that then log in. */
export interface Situation {
  policies?: object[];
  roles?: object[];
  method?: { Config?: object | null };
  rules?: object[];
  jobs?: Claims[];
}

/** Rules of a policy. */
export const RULES = 'namespace "default" { policy = "read" }';
/** The policies and roles that exist in every situation. */
export const POLICIES = [
  'deploy',
  'read',
  'octo-org',
  'repo-74',
  ...Array.from({ length: 40 }, (_, index) => `p${String(index)}`),
];
export const ROLES = ['repo-74', 'deploy', 'octo-org'];
/** The kind of situations that users create. */
export const PLAUSIBLE = 'plausible configurations';

const NOW = Math.floor(Date.now() / 1000);

const pick = fc.constantFrom;
const text = (...parts: Arbitrary<unknown>[]): Arbitrary<string> => fc.tuple(...parts).map((all) => all.join(''));
const words = (all: string): Arbitrary<string> =>
  pick(
    ...all
      .trim()
      .split(/\s+/)
      .map((word) => (word === 'NOTHING' ? '' : word)),
  );
const some = <T>(item: Arbitrary<T>, maxLength: number): Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength });

// Selectors, most of which are valid.
const PATH = words(String.raw`
  value.owner value.owner value.ref list.teams list.empty value.absent list.absent value list owner value.owner.x
  list.teams.0 list.teams.9 list.teams.x value["owner"] "/value/owner" "/list/teams/1" x x.y value.constructor
  list.__proto__ value["a/b"] "/value/a~1b"
`);
const VALUE = words(String.raw`
  "octo-org" "octo" ${'`'}dev${'`'} "dev" "" "\u006fcto-org" "\x64ev" "\q" "a\tb" "/refs/heads" "refs/heads/main" dev
  octo value.owner 5 -1 1.5 07 "^octo" "(?i)OCTO" ${'`'}^[a-z-]+$${'`'} "["
`);
const CONDITION = fc.oneof(
  text(PATH, pick(' == ', ' != ', '==', ' contains ', ' not contains ', ' matches ', ' not matches '), VALUE),
  text(PATH, pick(' is empty', ' is not empty', ' is nil', ' is  not nil')),
  text(VALUE, pick(' in ', ' not in '), PATH),
);
const { EXPRESSION } = fc.letrec<{ EXPRESSION: string }>((tie) => ({
  EXPRESSION: fc.oneof(
    { maxDepth: 5 },
    CONDITION,
    text(tie('EXPRESSION'), pick(' and ', ' or '), tie('EXPRESSION')),
    text(pick('not ', 'not not '), tie('EXPRESSION')),
    text(pick('(', '( '), tie('EXPRESSION'), pick(')', ' )')),
    text(
      pick('any ', '(any ', 'all '),
      PATH,
      pick(' as x { ', ' as _, x{', ' as i, x { '),
      tie('EXPRESSION'),
      pick(' }', '})'),
    ),
  ),
}));
const TOKEN = words(String.raw`
  and or not ( ) && = ! 'dev' in any é . , [ is == " ${'`'}
`);
const NESTED = fc
  .tuple(fc.nat({ max: 8 }), fc.nat({ max: 7 }), CONDITION)
  .map(([brackets, nots, inner]) => '('.repeat(brackets) + 'not ('.repeat(nots) + inner + ')'.repeat(brackets + nots));
const BROKEN = text(fc.oneof(CONDITION, TOKEN), pick(' ', ''), fc.oneof(CONDITION, TOKEN), pick(' ', ''), TOKEN);
// The policies of the token show which selectors match.
const selecting = (selectors: Arbitrary<string>, count: number, jobs: Arbitrary<Claims[]>): Arbitrary<Situation> =>
  fc.record({
    method: pick({ Config: SELECTOR_CONFIG }),
    rules: fc
      .array(selectors, { minLength: count, maxLength: count })
      .map((all) => all.map((Selector, index) => ({ Selector, BindType: 'policy', BindName: `p${String(index)}` }))),
    jobs,
  });
const SELECTOR_CONFIG = {
  ClaimMappings: { repository_owner: 'owner', ref: 'ref', slash: 'a/b', none: 'absent', subject: 'subject' },
  ListClaimMappings: { teams: 'teams', empty: 'empty', no_list: 'absent' },
};
const SELECTOR_JOBS = pick<Claims[]>([{ teams: ['dev', 'octo-org', 'ops'], empty: [], slash: '5' }]);

const ATOM = words(String.raw`
  a K s main . \. \d \w \s \S \W \b \B ^ $ \A \z [a-z] [^/] [A-Z0-9_-] [\w.-] \/ \- - / \t [^\n]
  [a-] [k-t] é { \q \pL [[:alpha:]] (?=a)
`);
const REPEAT = words(String.raw`
  NOTHING NOTHING NOTHING * + ? *? {2} {1,100} {0,} {,5} {2,1} {01} **
`);
const { PATTERN } = fc.letrec<{ PATTERN: string }>((tie) => ({
  PATTERN: fc.oneof(
    { maxDepth: 3 },
    text(ATOM, REPEAT),
    text(tie('PATTERN'), tie('PATTERN')),
    text(tie('PATTERN'), pick('|'), tie('PATTERN')),
    text(pick('(', '(?:'), tie('PATTERN'), pick(')', '){2}', ')?', '){0,2}')),
  ),
}));
const PATTERN_SELECTOR = text(
  pick('value.subject matches `'),
  pick('', '', '^', '(?i)', '^(?i)'),
  PATTERN,
  pick('`', '$`'),
);
const SUBJECT = text(
  ...Array.from({ length: 5 }, () =>
    pick('', 'a', 'k', 'K', '\u212a', 'ſ', 's', 'main', 'MAIN', '-', '/', ' ', '\n', '\u00a0', '_', '7', 'é', '😀'),
  ),
);

// Claims and mappings.
const SCALAR: Arbitrary<unknown> = pick(
  'dev',
  '',
  'R&D',
  'a"b\\c',
  'é😀',
  true,
  7,
  -3,
  1.5,
  2 ** 53,
  1e21,
  0,
  -0,
  null,
);
const CLAIM: Arbitrary<unknown> = fc.oneof(
  SCALAR,
  SCALAR,
  fc.array(fc.oneof(SCALAR, pick<unknown>({ a: 1 }, ['x']))),
  fc.dictionary(pick('a', 'b/c', '0'), SCALAR),
);
const SOURCE = words(String.raw`
  one two /one /one/a /one/b~1c /one/0 /two/1 /two/length constructor __proto__ /
`);
const mappingsOf = (names: Arbitrary<string>): Arbitrary<Record<string, string>> =>
  fc.dictionary(SOURCE, names, { maxKeys: 3 });
const MAPPINGS = fc.record({
  method: fc.record({
    Config: fc.record({
      ClaimMappings: mappingsOf(pick('a', 'b', 'constructor')),
      ListClaimMappings: mappingsOf(pick('a', 'b')),
    }),
  }),
  rules: pick([
    { BindType: 'policy', BindName: 'deploy' },
    ...[
      'list.a is empty',
      '"dev" in list.a',
      '"1" in list.a',
      '"true" in list.b',
      'value.a == "dev"',
      'value.a matches "^.[a-z7]"',
    ].map((Selector, index) => ({ Selector, BindType: 'policy', BindName: `p${String(index)}` })),
    { Selector: 'value.constructor is not empty', BindType: 'policy', BindName: 'read' },
  ]),
  jobs: fc.tuple(fc.record({ one: CLAIM, two: CLAIM })),
});

// Templates.
const PLACE = pick(
  ...[
    '${value.owner}',
    '${ value.repo_id }',
    '${value.none}',
    '${value.nope}',
    '${auth_method_type}',
    '${value.repo}',
    '${value.mixed}',
  ],
  ...[
    '$',
    '$${value.owner}',
    '${value.repo_id + 0}',
    '${"x"}',
    '${',
    '}',
    '$$',
    '${value.owner/x}',
    'repo-',
    'A',
    ' ',
    'é',
    '${true}',
  ],
);
const TEMPLATE = text(PLACE, pick('', '-', 'x'), fc.oneof(pick(''), PLACE));
const NAMES = fc.record({
  method: fc.record({
    TokenNameFormat: fc.oneof(pick(''), TEMPLATE),
    Config: pick({
      ClaimMappings: {
        repository_owner: 'owner',
        repository_id: 'repo_id',
        repository: 'repo',
        no: 'none',
        mixed: 'mixed',
      },
    }),
  }),
  rules: fc.tuple(
    fc.record({
      BindType: pick('policy', 'role'),
      BindName: fc.oneof(TEMPLATE, pick('repo-${value.repo_id}', '${value.owner}')),
    }),
  ),
  jobs: fc.tuple(fc.record({ mixed: pick('Deploy', 'É', 'x'.repeat(200)) })),
});

// JWTs.
const TIME = fc.oneof(
  pick<unknown>(undefined, undefined, null, 0, 'soon', 1e18, -1),
  pick(-7200, -400, -100, -30, 30, 100, 400, 7200).map((offset) => NOW + offset),
);
const LEEWAY = pick<unknown>(undefined, undefined, undefined, '', '0s', '10s', '5m', '1h', '-1s', 3e11, 'soon', '1.5s');
const JWTS = fc.record({
  method: fc.record({
    Config: fc.record({
      BoundIssuer: pick<unknown>(undefined, [], [GITHUB_ISSUER], ['https://example.com', GITHUB_ISSUER], GITHUB_ISSUER),
      BoundAudiences: pick<unknown>(undefined, [], ['a'], ['a', 'b'], 'a'),
      SigningAlgs: pick<unknown>(
        undefined,
        [],
        ['RS256'],
        ['ES256'],
        ['RS256', 'none'],
        ['RS256', 'HS256'],
        ['ES256', 'RS256'],
      ),
      ExpirationLeeway: LEEWAY,
      NotBeforeLeeway: LEEWAY,
      ClockSkewLeeway: LEEWAY,
    }),
  }),
  rules: pick([{ BindType: 'policy', BindName: 'deploy' }]),
  jobs: fc.tuple(
    fc.record({
      exp: fc.oneof(pick(NOW + 3600), TIME),
      nbf: TIME,
      iat: TIME,
      aud: pick<unknown>('a', ['b', 'c'], [], 'c', undefined, null, 7),
      iss: pick<unknown>(GITHUB_ISSUER, GITHUB_ISSUER, 'https://example.com', undefined, null, true),
    }),
  ),
});

// Objects, some of whose fields are unusual.
const ODD = pick<unknown>(null, '', 'x', 7, true, [], ['x'], {}, { x: 'y' }, [null], { x: null }, 'a_b');
const unusual = (object: Record<string, unknown>, others: Record<string, unknown[]>): Arbitrary<object> => {
  const fields = Object.keys({ ...object, ...others });
  const change = pick(...fields).chain((name) =>
    fc.tuple(
      pick(name, name, name.toLowerCase(), name.toUpperCase(), `${name}x`),
      fc.oneof(pick(object[name], ...(others[name] ?? [])), ODD),
    ),
  );
  return fc.array(change, { maxLength: 2 }).map((changes) => ({ ...object, ...Object.fromEntries(changes) }));
};
const METHODS = fc.record({
  method: unusual(
    { Type: 'JWT', TokenLocality: 'local', MaxTokenTTL: '1h' },
    {
      MaxTokenTTL: ['1s', '0s', '9000h', '1h30m', 9e11, '1d', '500ms', '.5h', '1h1'],
      TokenLocality: ['Global', 'global'],
      Type: ['OIDC', 'jwt'],
      Config: [null, {}, { OIDCDiscoveryURL: 'http://127.0.0.1:1', OIDCClientID: 'x' }],
    },
  ).chain((fields) =>
    unusual(
      {},
      {
        BoundAudiences: [['x']],
        BoundIssuer: [['x']],
        ClaimMappings: [{ sub: 'sub' }],
        VerboseLogging: [false],
        OIDCScopes: [['x']],
      },
    ).map((Config) => ({ Config, ...fields })),
  ),
  rules: pick([{ BindType: 'policy', BindName: 'deploy' }]),
  jobs: pick([{}]),
});
const OBJECTS = fc.record({
  rules: fc.tuple(
    unusual(
      { BindType: 'role', BindName: 'repo-74', Selector: '' },
      {
        BindType: ['policy', 'management', 'Role'],
        BindName: [''],
        Description: ['x'.repeat(257)],
        AuthMethod: ['nope'],
      },
    ),
  ),
  roles: fc.tuple(
    unusual(
      { Policies: [{ Name: 'deploy' }] },
      { Policies: [[{ Name: 'nope' }], [{ Name: 'read' }, { Name: 'read' }], [{}]] },
    ),
  ),
  policies: fc.tuple(unusual({ Rules: RULES }, { Rules: ['', 'nope', 'namespace {}'] })),
  jobs: pick([{}]),
});

// What users write.
const PLAUSIBLE_SELECTOR = text(
  pick(
    'value.owner_id == "65"',
    'value.repo_id == "74"',
    'value.owner == "octo-org"',
    'value.repo matches "^octo-org/"',
  ),
  pick(''),
  fc.oneof(
    pick(
      '',
      ' and value.ref == "refs/heads/main"',
      ' and value.ref_protected == "true"',
      ' and "deploy" in list.teams',
    ),
    pick(
      ...[
        ' and value.ref matches "^refs/tags/v\\\\d+\\\\.\\\\d+$"',
        ' and value.ref matches "^refs/heads/(main|release/.+)$"',
      ],
      ...[
        ' and value.event_name != "pull_request"',
        ' and (value.ref == "refs/heads/main" or value.event_name == "push")',
      ],
      ...[
        ' and value.environment in "production staging"',
        ' and value.environment is not empty',
        ' and not value.team is empty',
      ],
      ...[
        ' and any list.teams as team { team matches "^ops-" }',
        ' and value.workflow matches `(?i)deploy`',
        ' and value.actor != dependabot',
      ],
    ),
  ),
);
const CONFIGURATION = fc.record({
  policies: pick(
    [RULES],
    ['namespace "*" {\n  policy = "write"\n}\n\nnode { policy = "read" }\nagent {\n  policy = "read"\n}'],
    [
      '# Deployments\nnamespace "default" {\n  policy       = "read"\n  capabilities = ["submit-job", "dispatch-job", "read-logs"]\n}',
    ],
    [
      'namespace "prod-*" {\n  capabilities = ["deny"]\n}\nnamespace "dev" {\n  variables {\n    path "nomad/jobs/*" {\n      capabilities = ["read"]\n    }\n  }\n}',
    ],
    [
      'operator { policy = "read" }\nquota { policy = "read" }\nnode_pool "*" { policy = "read" }\nhost_volume "data" { policy = "write" }',
    ],
  ).map((all) => all.map((Rules) => ({ Rules, Description: 'Created by a test' }))),
  roles: pick([{ Policies: [{ Name: 'deploy' }, { Name: 'read' }] }]),
  method: fc.record({
    TokenLocality: pick('local', 'global'),
    MaxTokenTTL: pick('10m', '1h', '23h0m0s', '1h30m', 3600e9),
    TokenNameFormat: pick(
      '',
      'gha-${value.repo_id}-${value.run_id}',
      '${auth_method_type}-${auth_method_name}',
      'ci ${value.repo} (${value.ref})',
    ),
    Config: fc.record(
      {
        BoundIssuer: pick([GITHUB_ISSUER]),
        BoundAudiences: pick(['nomad.example.com'], ['https://nomad.example.com', 'nomad.example.com']),
        ClaimMappings: pick({
          ...{
            repository_owner: 'owner',
            repository_owner_id: 'owner_id',
            repository: 'repo',
            repository_id: 'repo_id',
            ref: 'ref',
          },
          ...{
            ref_protected: 'ref_protected',
            event_name: 'event_name',
            environment: 'environment',
            workflow: 'workflow',
            actor: 'actor',
          },
          ...{
            run_id: 'run_id',
            run_attempt: 'attempt',
            repo_property_team: 'team',
            '/groups/primary': 'group',
            email_verified: 'verified',
          },
        }),
        ListClaimMappings: pick({ teams: 'teams' }),
        ClockSkewLeeway: pick('10s', '1m'),
        SigningAlgs: pick(['RS256']),
        VerboseLogging: pick(false),
      },
      { requiredKeys: ['ClaimMappings'] },
    ),
  }),
  rules: fc.oneof(
    some(
      fc.record({
        Selector: PLAUSIBLE_SELECTOR,
        BindType: pick('role', 'policy'),
        BindName: pick('repo-${value.repo_id}', 'deploy', '${value.owner}', 'team-${value.team}', '${value.repo}'),
        Description: pick('Octo deploys'),
      }),
      3,
    ),
    fc.tuple(fc.record({ Selector: PLAUSIBLE_SELECTOR, BindType: pick('management') })),
  ),
  jobs: fc.array(
    fc.record(
      {
        ref: pick(
          'refs/heads/main',
          'refs/heads/feature/x',
          'refs/tags/v1.2',
          'refs/pull/7/merge',
          'refs/heads/größer',
        ),
        ref_protected: pick('true', 'false'),
        event_name: pick('push', 'pull_request', 'workflow_dispatch'),
        environment: pick('production', 'Staging'),
        workflow: pick('Deploy & test', 'Nomad JWT Auth', 'Déploiement'),
        repository_owner_id: pick('65', '66'),
        repo_property_team: pick('ops', 'Dev-1'),
        teams: pick<unknown>(['deploy', 'dev'], ['ops-1'], [], 'deploy'),
        groups: pick({ primary: 'ops', all: ['ops'] }),
        email_verified: pick(true),
        run_attempt: pick<unknown>('1', 2),
      },
      { requiredKeys: [] },
    ),
    { minLength: 2, maxLength: 4 },
  ),
});

/** The kinds of situations, each with the same situations in every run. */
export const KINDS: Record<string, Situation[]> = Object.fromEntries(
  (
    [
      ['selectors', selecting(EXPRESSION, 40, SELECTOR_JOBS), 80],
      ['broken selectors', selecting(BROKEN, 40, SELECTOR_JOBS), 25],
      ['nested selectors', selecting(NESTED, 5, SELECTOR_JOBS), 20],
      [
        'patterns',
        selecting(PATTERN_SELECTOR, 40, fc.array(fc.record({ subject: SUBJECT }), { minLength: 4, maxLength: 4 })),
        60,
      ],
      ['mappings', MAPPINGS, 600],
      ['names', NAMES, 600],
      ['JWTs', JWTS, 800],
      ['auth methods', METHODS, 600],
      ['rules, roles and policies', OBJECTS, 400],
      [PLAUSIBLE, CONFIGURATION, 500],
    ] as [string, Arbitrary<Situation>, number][]
  ).map(([kind, situations, numRuns], index) => [kind, fc.sample(situations, { numRuns, seed: index + 1 })]),
);
