import type { AuthMethod, BindingRule } from './nomad-api.js';

/** What an operator does to a cluster, over the API that a real Nomad and the fake Nomad share. */
export class NomadAdmin {
  readonly #url: string;
  /** The management token that the operator holds. */
  readonly secretId: string;

  private constructor(url: string, secretId: string) {
    this.#url = url;
    this.secretId = secretId;
  }

  /** Makes the cluster's first management token and an operator who holds it. */
  static async bootstrap(url: string): Promise<NomadAdmin> {
    const { SecretID } = (await send(url, 'POST', '/v1/acl/bootstrap')) as { SecretID: string };
    return new NomadAdmin(url, SecretID);
  }

  /** Makes an auth method of type JWT whose tokens live for an hour, unless the fields say otherwise. */
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

  async putRole(name: string, policies: string[]): Promise<void> {
    await this.#send('PUT', '/v1/acl/role', { Name: name, Policies: policies.map((Name) => ({ Name })) });
  }

  #send(method: string, path: string, body: unknown): Promise<unknown> {
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
