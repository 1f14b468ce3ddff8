import exampleClaims from '../../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, type Issuer } from '../issuer.js';
import type { AuthMethod, BindingRule } from '../../nomad-rules/api.js';

/** An operator with a management token, who configures a real or a fake Nomad over its API. */
export class NomadAdmin {
  readonly #url: string;
  /** The operator's management token. */
  readonly secretId: string;

  private constructor(url: string, secretId: string) {
    this.#url = url;
    this.secretId = secretId;
  }

  /** Bootstraps the ACLs of a cluster and returns an operator with its first management token. */
  static async bootstrap(url: string): Promise<NomadAdmin> {
    const { SecretID } = (await send(url, 'POST', '/v1/acl/bootstrap')) as { SecretID: string };
    return new NomadAdmin(url, SecretID);
  }

  /** Creates or replaces an auth method, by default of type JWT with tokens that live for one hour. */
  async putMethod(name: string, config: AuthMethod['Config'], fields: Partial<AuthMethod> = {}): Promise<void> {
    await this.#send('PUT', '/v1/acl/auth-method', {
      Name: name,
      Type: 'JWT',
      TokenLocality: 'global',
      MaxTokenTTL: '1h',
      Config: config,
      ...fields,
    });
  }

  async putRule(rule: BindingRule): Promise<void> {
    await this.#send('PUT', '/v1/acl/binding-rule', rule);
  }

  async putPolicy(name: string, rules: string): Promise<void> {
    await this.#send('PUT', `/v1/acl/policy/${name}`, { Name: name, Rules: rules });
  }

  async deletePolicy(name: string): Promise<void> {
    await this.#send('DELETE', `/v1/acl/policy/${name}`);
  }

  /** Creates or replaces a role that links to policies. */
  async putRole(name: string, policies: string[]): Promise<void> {
    const known = await fetch(`${this.#url}/v1/acl/role/name/${name}`, {
      headers: { 'X-Nomad-Token': this.secretId },
    });
    const { ID } = known.ok ? ((await known.json()) as { ID: string }) : {};
    const role = { ...(ID !== undefined && { ID }), Name: name, Policies: policies.map((Name) => ({ Name })) };
    await this.#send('PUT', ID === undefined ? '/v1/acl/role' : `/v1/acl/role/${ID}`, role);
  }

  #send(method: string, path: string, body?: unknown): Promise<unknown> {
    return send(this.#url, method, path, body, this.secretId);
  }
}

async function send(url: string, method: string, path: string, body?: unknown, secretId?: string): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: secretId === undefined ? {} : { 'X-Nomad-Token': secretId },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path} answered ${String(response.status)}: ${text}`);
  }
  return text === '' ? undefined : JSON.parse(text);
}

/** Configures a cluster so that pushes to main in octo-org/octo-repo get the policy deploy through the auth method github. */
export async function setUpGithubMethod(admin: NomadAdmin, issuer: Issuer): Promise<void> {
  await admin.putPolicy('deploy', 'namespace "default" { policy = "write" }');
  await admin.putMethod('github', {
    JWKSURL: issuer.jwksUrl,
    BoundIssuer: [GITHUB_ISSUER],
    BoundAudiences: ['https://github.com/octo-org', exampleClaims.aud],
    ClaimMappings: { repository_id: 'repo_id', ref: 'ref' },
  });
  await admin.putRule({
    AuthMethod: 'github',
    Selector: 'value.repo_id == "74" and value.ref == "refs/heads/main"',
    BindType: 'policy',
    BindName: 'deploy',
  });
}
