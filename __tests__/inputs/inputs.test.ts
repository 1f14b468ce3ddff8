import { beforeAll, describe, expect, test } from '@jest/globals';
import { createAuthority, createClientCertificate, type Certificate } from '../../testbed/certificates.js';
import { readInputsWith } from '../support/read-inputs-with.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const masksIn = (output: string): string[] =>
  [...output.matchAll(/^::add-mask::(.*)$/gm)].map(([, mask]) => mask ?? '');

describe('inputs that are not given', () => {
  test('have the defaults of action.yml, even without a runner that sets them', () => {
    expect(readInputsWith({}).inputs).toEqual({
      url: 'http://localhost:4646',
      methodName: 'github',
      identityToken: undefined,
      jwtGithubAudience: undefined,
      exportToken: true,
      outputToken: true,
      tlsSkipVerify: false,
      caCertificate: undefined,
      clientCertificate: undefined,
      clientKey: undefined,
      extraHeaders: {},
      basicCredentials: undefined,
      isUrlDefault: true,
      tlsServerName: undefined,
      region: undefined,
      namespace: undefined,
      timeout: 60,
      exportConnection: false,
      revokeToken: true,
    });
  });

  test('have the defaults if they are blank', () => {
    const blank = ['url', 'methodName', 'exportToken', 'tlsSkipVerify', 'caCertificate', 'extraHeaders', 'region'];
    expect(readInputsWith(Object.fromEntries(blank.map((name) => [name, '  \n']))).inputs).toEqual(
      readInputsWith({}).inputs,
    );
  });
});

describe('url', () => {
  test.each([
    ['https://nomad.example.com:4646', 'https://nomad.example.com:4646'],
    ['http://127.0.0.1:4646/', 'http://127.0.0.1:4646'],
    ['HTTPS://Nomad.Example.com/base/path//', 'https://nomad.example.com/base/path'],
    ['http://[::1]:4646', 'http://[::1]:4646'],
  ])('%s is read as %s', (url, expected) => {
    expect(readInputsWith({ url }).inputs?.url).toBe(expected);
  });

  test.each([
    ['nomad.example.com:4646', 'must be an http or https address'],
    ['ftp://nomad.example.com', 'must be an http or https address'],
    ['https://', 'must be an http or https address'],
    ['https://nomad.example.com:99999', 'must be an http or https address'],
    ['https://nomad.example.com/a b', 'must be an http or https address'],
    ['https://nomad.exa\nmple.com', 'must be an http or https address'],
    ['https://operator:hunter2@nomad.example.com', 'must not contain credentials'],
    ['https://hunter2@nomad.example.com', 'must not contain credentials'],
    ['https://:hunter2@nomad.example.com', 'must not contain credentials'],
    ['https://nomad.example.com?token=hunter2', 'must not contain a query or a fragment'],
    ['https://nomad.example.com#', 'must not contain a query or a fragment'],
  ])('%j is refused: it %s', (url, problem) => {
    const { error } = readInputsWith({ url });
    expect(error).toContain(`Input url ${problem}`);
    expect(error).not.toContain('hunter2');
  });
});

describe('names', () => {
  test.each([
    ['methodName', 'github-adv'],
    ['tlsServerName', 'server.global.nomad'],
    ['region', 'eu-west_1'],
    ['namespace', 'team-a'],
    ['namespace', '*'],
    ['jwtGithubAudience', 'https://nomad.example.com/?x=1&y=2'],
  ])('%s accepts %s', (name, value) => {
    expect(readInputsWith({ [name]: value }).inputs).toHaveProperty(name, value);
  });

  test.each([
    ['methodName', 'git hub'],
    ['methodName', 'owner/repo'],
    ['methodName', 'x'.repeat(129)],
    ['tlsServerName', 'https://nomad.example.com'],
    ['tlsServerName', '127.0.0.1'],
    ['tlsServerName', '::1'],
    ['region', 'two words'],
    ['region', 'two\nlines'],
    ['namespace', 'two words'],
    ['namespace', 'team_a'],
  ])('%s rejects %j', (name, value) => {
    expect(readInputsWith({ [name]: value }).error).toMatch(new RegExp(`^Input ${name} must be `));
  });
});

describe.each(['exportToken', 'outputToken', 'tlsSkipVerify', 'exportConnection', 'revokeToken'])('%s', (name) => {
  test.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
  ])('accepts %s', (value, expected) => {
    expect(readInputsWith({ [name]: value }).inputs).toHaveProperty(name, expected);
  });

  test.each(['yes', '1', 'tRUE', 'on', 'null', 'true false'])('rejects %s', (value) => {
    expect(readInputsWith({ [name]: value }).error).toBe(`Input ${name} must be true or false`);
  });
});

describe('timeout', () => {
  test.each([1, 60, 3600])('accepts %d seconds', (seconds) => {
    expect(readInputsWith({ timeout: String(seconds) }).inputs?.timeout).toBe(seconds);
  });

  test.each(['0', '3601', '-1', '1.5', '1e2', '60s', 'forever', '9'.repeat(400)])('rejects %s', (timeout) => {
    expect(readInputsWith({ timeout }).error).toMatch(/^Input timeout must be /);
  });
});

describe('extraHeaders', () => {
  test('are read from Name: value lines, without blank lines', () => {
    const extraHeaders = 'X-Team: platform\r\n\n  Authorization :  Basic dXNlcjpwYXNz \nX-Time: 10:30\n';
    expect(readInputsWith({ extraHeaders }).inputs?.extraHeaders).toEqual({
      'x-team': 'platform',
      authorization: 'Basic dXNlcjpwYXNz',
      'x-time': '10:30',
    });
  });

  test('keep names that have a special meaning in JavaScript', () => {
    expect(
      Object.entries(readInputsWith({ extraHeaders: '__proto__: a\nconstructor: b' }).inputs?.extraHeaders ?? {}),
    ).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  test('are masked if they can be secrets, with and without their scheme', () => {
    const { output } = readInputsWith({
      extraHeaders: 'Authorization: Bearer s3cr3t-value\nX-Api-Key: abc\nX-Env: eu\nX-Trace: 0123456789 1',
    });
    expect(masksIn(output)).toEqual(['Bearer s3cr3t-value', 's3cr3t-value', 'abc', '0123456789 1']);
  });

  test.each([
    ['X-Good: 1\nhunter2-without-a-colon', 'must contain "Name: value" lines, but line 2 is not one'],
    [': hunter2', 'must contain "Name: value" lines, but line 1 is not one'],
    ['X-Good: 1\nX-Secret:  ', 'has no value on line 2'],
    ['Bad Name: hunter2', 'contains a character on line 1 that is not allowed in a header'],
    ['X-Bell: hunter2\u0007', 'contains a character on line 1 that is not allowed in a header'],
    ['X-Snowman: hunter2☃', 'contains a character on line 1 that is not allowed in a header'],
    ['X-A: hunter2\nx-a: hunter2', 'repeats the header on line 2'],
    ['X-Nomad-Token: hunter2', 'sets x-nomad-token on line 1'],
  ])('%j is refused: it %s', (extraHeaders, problem) => {
    const { error } = readInputsWith({ extraHeaders });
    expect(error).toContain(`Input extraHeaders ${problem}`);
    expect(error).not.toContain('hunter2');
  });

  test.each([
    'accept-encoding',
    'connection',
    'content-encoding',
    'content-length',
    'content-type',
    'expect',
    'host',
    'keep-alive',
    'proxy-authorization',
    'transfer-encoding',
    'upgrade',
    'x-nomad-token',
  ])('cannot set %s', (name) => {
    expect(readInputsWith({ extraHeaders: `${name.toUpperCase()}: a` }).error).toMatch(
      new RegExp(`^Input extraHeaders sets ${name} on line 1`),
    );
  });

  test('are masked if their names sound secret, however short they are', () => {
    const names = ['Authorization', 'Cookie', 'X-Api-Key', 'X-Pass', 'X-Secret', 'X-Token'];
    const extraHeaders = names.map((name, index) => `${name}: a=${String(index)}`).join('\n');
    expect(masksIn(readInputsWith({ extraHeaders }).output)).toEqual(names.map((_, index) => `a=${String(index)}`));
  });
});

describe('certificates and keys', () => {
  let authority: Certificate;
  let client: Certificate;
  let stranger: Certificate;

  beforeAll(async () => {
    authority = await createAuthority();
    client = await createClientCertificate(authority);
    stranger = await createClientCertificate(authority, 'stranger.example.com');
  });

  test.each<[string, (pem: string) => string]>([
    ['base64', base64],
    ['base64 wrapped in lines', (pem) => base64(pem).replace(/.{64}/g, '$&\n')],
    ['PEM', (pem) => pem],
    ['PEM with literal \\n', (pem) => pem.replaceAll('\n', '\\n')],
    ['PEM with spaces for line ends', (pem) => pem.replaceAll('\n', ' ')],
    ['PEM with literal \\r\\n', (pem) => pem.replaceAll('\n', '\\r\\n')],
    ['PEM with carriage returns', (pem) => pem.replaceAll('\n', '\r\n')],
    ['base64 of PEM with literal \\n', (pem) => base64(pem.replaceAll('\n', '\\n'))],
  ])('are accepted as %s', (_, encode) => {
    const { inputs, error } = readInputsWith({
      caCertificate: encode(authority.cert),
      clientCertificate: encode(client.cert),
      clientKey: encode(client.key),
    });
    expect(error).toBe('');
    expect(inputs?.caCertificate?.trim()).toBe(authority.cert.trim());
    expect(inputs?.clientCertificate?.trim()).toBe(client.cert.trim());
    expect(inputs?.clientKey?.trim()).toBe(client.key.trim());
  });

  test('keep all the certificates of a bundle, without the text around them', () => {
    const { inputs } = readInputsWith({ caCertificate: `# ours\n${authority.cert}\n# theirs\n${stranger.cert}` });
    expect(inputs?.caCertificate?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(inputs?.caCertificate).not.toContain('#');
  });

  test('have every line of the key masked, both as given and decoded', () => {
    const given = base64(client.key).replace(/.{40}/g, '$&\n');
    const { output } = readInputsWith({ clientCertificate: client.cert, clientKey: given });
    const secretLines = client.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    expect(secretLines.length).toBeGreaterThan(1);
    expect(masksIn(output)).toEqual(expect.arrayContaining([...given.split('\n'), ...secretLines]));
    expect(masksIn(output).filter((mask) => mask.startsWith('-----'))).toEqual([]);
  });

  test.each(['\\n', '\\r\\n', ' '])(
    'have every line of the key masked if its line ends are %j, even if another input is malformed',
    (end) => {
      const { output } = readInputsWith({ url: 'nonsense', clientKey: client.key.replaceAll('\n', end) });
      expect(masksIn(output)).toEqual(
        client.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----')),
      );
    },
  );

  test.each([
    ['caCertificate', 'garbage!', 'must be PEM text or base64 of PEM text'],
    ['caCertificate', base64('hunter2'), 'must be PEM text or base64 of PEM text'],
    ['clientCertificate', '-----BEGIN hunter2-----', 'does not contain a certificate'],
    [
      'caCertificate',
      '-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----',
      'contains a certificate that cannot be read, number 1 of 1',
    ],
    ['clientKey', '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----', 'does not contain a private key'],
    ['clientKey', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2\n', 'is encrypted with a passphrase'],
  ])('%s %j is refused: it %s', (name, value, problem) => {
    const { error } = readInputsWith({ [name]: value });
    expect(error).toContain(`Input ${name} ${problem}`);
    expect(error).not.toContain('hunter2');
  });

  test('are refused if the key is a certificate or the CA certificate is a key', () => {
    expect(readInputsWith({ clientCertificate: client.cert, clientKey: client.cert }).error).toContain(
      'Input clientKey does not contain a private key',
    );
    expect(readInputsWith({ caCertificate: client.key }).error).toContain(
      'Input caCertificate does not contain a certificate',
    );
  });

  test('are refused if the certificate or the key is missing or they do not match', () => {
    const { cert, key } = client;
    expect(readInputsWith({ clientKey: key }).error).toContain(
      'Input clientKey also requires the input clientCertificate',
    );
    expect(readInputsWith({ clientCertificate: cert }).error).toContain(
      'Input clientCertificate also requires the input clientKey',
    );
    expect(readInputsWith({ clientCertificate: cert, clientKey: stranger.key }).error).toContain(
      'Input clientKey does not belong to the (first) certificate in the input clientCertificate',
    );
  });
});

describe('secrets', () => {
  test('of several lines are masked line by line', () => {
    const { output } = readInputsWith({ identityToken: 'first-line\r\nsecond-line' });
    expect(masksIn(output)).toEqual(['first-line', 'second-line']);
  });

  test('are masked even if another input is malformed', () => {
    const { output, error } = readInputsWith({ url: 'nonsense', identityToken: 'the-jwt', clientKey: 'the-key' });
    expect(error).toContain('Input url');
    expect(masksIn(output)).toEqual(['the-jwt', 'the-key']);
  });
});
