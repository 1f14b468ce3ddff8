import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AuthMethod } from '../../nomad-rules/api.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { startFakeCluster, type NomadServer } from '../../testbed/nomad/nomad.js';

let issuer: Issuer;
let nomad: NomadServer;

beforeAll(async () => {
  [issuer, nomad] = await Promise.all([startIssuer(), startFakeCluster()]);
  await nomad.admin.putPolicy('deploy', '');
});

afterAll(() => Promise.all([issuer, nomad].map((each) => each.close())));

const mapped = (ClaimMappings: Record<string, string>): AuthMethod['Config'] => ({ ClaimMappings });
const run = mapped({ run_id: 'run' });

test.each<[what: string, config: AuthMethod['Config'], fields?: Partial<AuthMethod>, bindName?: string]>([
  ['which of two claims becomes the attribute id', mapped({ actor: 'id', ref: 'id' })],
  ['the text of the claim big', mapped({ big: 'big' })],
  ['the text of the claim html', mapped({ html: 'html' })],
  ['the template ${value.run + 0}', run, {}, '${value.run + 0}'],
  ['the template $${value.run}', run, { TokenNameFormat: '$${value.run}' }],
  ['the lower case of the bind name é', mapped({ accent: 'accent' }), {}, '${value.accent}'],
  ['the duration 1500ms', { ClockSkewLeeway: '1500ms' }],
  ['which of two fields BoundIssuer counts', { BoundIssuer: [], boundissuer: [] } as AuthMethod['Config']],
  ['the field OIDCClientAssertion', { OIDCClientAssertion: {} } as AuthMethod['Config']],
  ['the response (', { JWTValidationPubKeys: ['nonsense'] }],
])('the fake Nomad says that it does not know %s', async (what, config, fields = {}, BindName = 'deploy') => {
  const name = `m-${Math.random().toString(36).slice(2)}`;
  const attempt = async (): Promise<void> => {
    await nomad.admin.putMethod(name, { JWKSURL: issuer.jwksUrl, ...config }, fields);
    await nomad.admin.putRule({ AuthMethod: name, BindType: 'policy', BindName });
    const claims = { big: 2 ** 60, html: ['R&D'], accent: 'É' };
    const body = JSON.stringify({ AuthMethodName: name, LoginToken: await issuer.issue({ claims }) });
    const response = await fetch(`${nomad.url}/v1/acl/login`, { method: 'POST', body });
    throw new Error(`answered ${String(response.status)}: ${await response.text()}`);
  };
  await expect(attempt()).rejects.toThrow(`answered 501: the fake Nomad does not know ${what}`);
});

test.each([
  'nonsense',
  'namespace "default" { policy = "admin" }',
  'agent { policy = "read" }\nagent { policy = "write" }',
])('the fake Nomad says that it does not know the rules of a policy that Nomad may reject: %s', async (rules) => {
  const unknown = 'answered 501: the fake Nomad does not know the rules of this policy';
  await expect(nomad.admin.putPolicy('odd', rules)).rejects.toThrow(unknown);
});
