import { describe, expect, test } from '@jest/globals';
import { warnAboutTransport } from '../../src/inputs/inputs.js';
import { createAuthority, createClientCertificate } from '../../testbed/certificates.js';
import { connectTo, findMasks, readInputsWith, useProcess } from '../support/in-process.js';

const authority = await createAuthority();
const client = await createClientCertificate(authority);
const stranger = await createClientCertificate(authority, 'stranger.example.com');
const stdout = useProcess();
const read = (name: string, value: string): unknown => {
  const { inputs } = readInputsWith({ [name]: value });
  return { ...inputs, ...inputs?.connection }[name as 'url'];
};
const BOOLEANS = ['exportToken', 'outputToken', 'tlsSkipVerify', 'exportConnection', 'revokeToken'];
const RESERVED = [
  ...['accept-encoding', 'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host'],
  ...['keep-alive', 'proxy-authorization', 'transfer-encoding', 'upgrade', 'x-nomad-token'],
];

type Accepted = [name: string, value: string, expected?: unknown];
type Refusal = [name: string, problem: string, ...values: string[]];

test('a blank value is the default', () => {
  const { connection, ...others } = readInputsWith({}).inputs ?? {};
  const names = Object.keys({ ...connection, ...others });
  const { inputs } = readInputsWith(Object.fromEntries(names.map((name) => [name, '  \n'])));
  expect(inputs).toEqual({ connection, ...others });
});

test.each<Accepted>([
  ['url', 'HTTPS://Nomad.Example.com:4646/base/path//', 'https://nomad.example.com:4646/base/path'],
  ['methodName', 'Github-1'.repeat(16)],
  ['tlsServerName', 'server.global.nomad'],
  ['region', 'eu-west_1'],
  ['namespace', 'team-a'],
  ['namespace', '*'],
  ['jwtGithubAudience', 'https://nomad.example.com/?x=1&y=2'],
  ['timeout', '060', 60],
  ...[1, 10, 199, 999, 1000, 2999, 3000, 3599, 3600].map((each): Accepted => ['timeout', String(each), each]),
  ...BOOLEANS.flatMap((name): Accepted[] => [
    [name, 'True', true],
    [name, 'false', false],
  ]),
])('%s accepts %s', (name, value, expected = value) => expect(read(name, value)).toBe(expected));

test.each<Refusal>([
  ['url', 'must be an http or https address', 'nomad.example.com', 'https://a:99999', 'https:\\\\a', 'x https://a'],
  ['url', 'must not contain credentials', 'https://hunter2@a.example.com', 'https://:hunter2@a.example.com'],
  ['url', 'must not contain a query or a fragment', 'https://a.example.com?token=hunter2', 'https://a.example.com#'],
  ['methodName', 'must be the name of an auth method', 'owner/repo', 'x'.repeat(129)],
  ['tlsServerName', 'must be a DNS name', '127.0.0.1', '::1', 'nomad..example.com'],
  ['region', 'must be the name of a region', 'two words', 'a\u0007'],
  ['namespace', 'must be the name of a namespace', 'team_a', '**'],
  ['timeout', 'must be a whole number of seconds from 1 to 3600', '0', '3601', '4000', '10000', '60s'],
  ...BOOLEANS.map((name): Refusal => [name, 'must be true or false', 'yes']),
  ['extraHeaders', 'must contain "Name: value" lines, but line 2 is not one', 'X-Good: 1\nhunter2-without-a-colon'],
  ['extraHeaders', 'has no value on line 2', 'X-Good: 1\nX-Secret:  '],
  ['extraHeaders', 'contains a character on line 1', 'Bad Name: hunter2', 'X-Bell: hunter2\u0007'],
  ['extraHeaders', 'has two headers on line 1; write', 'X-A: 1 X-B: hunter2', 'X-A: 1 cookie: hunter2'],
  ['extraHeaders', 'repeats the header on line 2', 'X-A: hunter2\nx-a: hunter2'],
  ...RESERVED.map((name): Refusal => ['extraHeaders', `sets ${name} on line 1`, `${name.toUpperCase()}: hunter2`]),
])('%s %s', (name, problem, ...values) => {
  const errors = values.map((value) => readInputsWith({ [name]: value }).error);
  expect(errors.filter((error) => !error.startsWith(`Input ${name} ${problem}`))).toEqual([]);
  expect(errors.join()).not.toContain('hunter2');
});

describe('extraHeaders', () => {
  test('are read from Name: value lines, without blank lines', () => {
    const given =
      'X-Team: platform\r\n\n  Authorization :  Basic dXNlcjpwYXNz \nX-Time: 10:30\n__proto__: (a; my-bot: b)';
    expect(Object.entries(read('extraHeaders', given) as object)).toEqual([
      ['x-team', 'platform'],
      ['authorization', 'Basic dXNlcjpwYXNz'],
      ['x-time', '10:30'],
      ['__proto__', '(a; my-bot: b)'],
    ]);
  });

  test.each([
    ['X-Key: abcdef', ['abcdef']],
    ['X-Key: abcde', []],
    ['X-Environment: production\nX-Region: production-eu-west-1-blue-green\nX-Author: octocat', []],
    ['X-Octo: 11111111-2222-3333-4444-555555555555', ['11111111-2222-3333-4444-555555555555']],
    ['X-Octo: 0123456789-0123456789abcdefABCD', ['0123456789-0123456789abcdefABCD']],
    ['X-Octo: 0123456789abcdefABC\nX-Cat: 01234567890123456789\nX-Dog: abcdefghijklmnopqrstuvwxyz', []],
    ...['Cookie', 'X-Octo-Token', 'CF-Access-Client-Secret', 'X-PASSWORD', 'x-credentials', 'X-Signature-1'].map(
      (name): [string, string[]] => [`${name}: of ${name}`, [`of ${name}`]],
    ),
    ['Authorization: Bearer s3cr3t-value', ['Bearer s3cr3t-value', 's3cr3t-value']],
    ['X-Octo: token t0ken', ['token t0ken', 't0ken']],
    ['Authorization: Basic dTpwYXNzd29yZA==', ['Basic dTpwYXNzd29yZA==', 'dTpwYXNzd29yZA==', 'password']],
    ['Authorization: Basic dXNlcg==', ['Basic dXNlcg==', 'dXNlcg==']],
    ['X-Auth: NotBasic dTpwYXNzd29yZF8y', ['NotBasic dTpwYXNzd29yZF8y']],
    ['a-secret-without-a-name', ['a-secret-without-a-name']],
    ['X-Bell-Key: a\u0007hunter3\nX-Key: hunter4', ['a\u0007hunter3', 'hunter4']],
  ])('%j adds these masks: %j', (extraHeaders, expected) => {
    readInputsWith({ extraHeaders });
    expect(findMasks(stdout.text)).toEqual(expected);
  });
});

const STRANGE = { clientCertificate: client.cert, clientKey: stranger.key };
const ABSENT = 'which is not set, or whose secret is empty in this job';

test.each([
  [`clientKey requires the input clientCertificate, ${ABSENT}`, { clientKey: client.key }],
  [`clientCertificate requires the input clientKey, ${ABSENT}`, { clientCertificate: client.cert }],
  ['clientKey does not belong to the (first) certificate in the input clientCertificate', STRANGE],
])('the input %s', (problem, inputs) => expect(readInputsWith(inputs).error).toBe(`Input ${problem}`));

test('secrets are masked line by line even if another input is malformed', () => {
  const identityToken = 'first-line\r\nsecond-line';
  const { error } = readInputsWith({ url: 'nonsense', identityToken, extraHeaders: 'X-Key: another-key' });
  expect(error).toContain('Input url');
  expect(findMasks(stdout.text)).toEqual(['first-line', 'second-line', 'another-key']);
});

type Transport = [url: string, tlsSkipVerify: boolean, warning: RegExp];
const PLAIN = /^::warning::http:\S+ uses plain HTTP: anyone who can .* the JWT and the Nomad token\. Use https\.\n$/;
const PUBLIC = ['nomad.example.com', '127.0.0.1.a.com', 'localhost.a.com', '128.0.0.1:4646', '[::2]:4646'];
const PRIVATE = ['https://nomad.example.com', 'http://localhost:4646', 'http://127.3.2.1', 'http://[::1]:4646'];

test.each<Transport>([
  ...PUBLIC.map((host): Transport => [`http://${host}`, false, PLAIN]),
  ...PRIVATE.map((url): Transport => [url, false, /^$/]),
  ['http://localhost:4646', true, /^::warning::tlsSkipVerify is on: .*caCertificate.*\n$/],
])('the url %s with tlsSkipVerify %s prints %s', (url, tlsSkipVerify, warning) => {
  warnAboutTransport(connectTo(url, { tlsSkipVerify }));
  expect(stdout.text).toMatch(warning);
});

test('NODE_TLS_REJECT_UNAUTHORIZED=0 causes a warning', () => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  warnAboutTransport(connectTo('https://nomad.example.com'));
  expect(stdout.text).toMatch(/^::warning::NODE_TLS_REJECT_UNAUTHORIZED is 0: .* impersonates GitHub .*\n$/);
});
