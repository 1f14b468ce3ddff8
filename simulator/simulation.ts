import exampleClaims from '../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../testbed/issuer.js';
import type { AuthMethod, BindingRule, Token } from '../nomad-rules/api.js';
import { isSince, type NomadServer } from '../testbed/nomad/nomad.js';
import { runMain, type StageResult } from '../testbed/runner.js';
import type { Claims } from './identities.js';
import { describeRule } from './rules.js';
import type { Configuration } from './setup-folder.js';
import { describeToken } from './tokens.js';
import { predict, type Verdict } from './verdicts.js';

/** The result of a login with certain claims. */
export interface Outcome {
  /** The token, or the reason for the refusal, in one line. */
  summary: string;
  /** What would have to differ for the closest rule to grant something. */
  reasons: string[];
  token: Token | undefined;
  /** The status of Nomad's response. */
  status: number;
}

const KEY_SOURCES = ['JWKSURL', 'JWKSCACert', 'JWTValidationPubKeys', 'OIDCDiscoveryURL', 'DiscoveryCaPem'];
const PLACEHOLDER = 'simulator-placeholder';
// A login does not depend on what a policy allows.
const POLICY_RULES = 'namespace "default" { policy = "read" }';
const NO_MATCH = 'no role or policy bindings matched';

/** Starts Nomad with a setup and its other auth methods, and stops it after the simulation has been used. */
export async function withSimulation<T>(
  setup: Configuration,
  start: () => Promise<NomadServer>,
  use: (simulation: Simulation) => Promise<T>,
): Promise<T> {
  const nomad = await start();
  const issuer = await startIssuer();
  try {
    const simulation = new Simulation(setup, nomad, issuer);
    await simulation.prepare();
    return await use(simulation);
  } finally {
    await nomad.close();
    await issuer.close();
  }
}

/** A setup on a Nomad server, to which jobs with any claims can try to log in. */
export class Simulation {
  constructor(
    readonly setup: Configuration,
    readonly nomad: NomadServer,
    readonly issuer: Issuer,
  ) {}

  /** Configures the server, but with the keys of the fake issuer; throws an error if the server rejects something. */
  async prepare(): Promise<void> {
    await this.#putRolesAndPolicies();
    for (const { method, rules } of [this.setup, ...(this.setup.others ?? [])]) {
      await this.#putMethod(method, rules);
    }
  }

  /** Returns a simulation for each other auth method of the setup. */
  listOthers(): Simulation[] {
    return (this.setup.others ?? []).map(
      (other) => new Simulation({ ...this.setup, ...other }, this.nomad, this.issuer),
    );
  }

  /** Logs a job in; its JWT is for the audience that the method expects, unless the claims have another. */
  async try(claims: Claims): Promise<Outcome> {
    const body = JSON.stringify({ AuthMethodName: this.setup.method.Name, LoginToken: await this.#issue(claims) });
    const response = await fetch(`${this.nomad.url}/v1/acl/login`, { method: 'POST', body });
    const { ok, status } = response;
    if (status === 429 || status > 500) {
      throw new Error((await response.text()) || `Nomad answered a login with ${String(status)}.`);
    }
    if (ok) {
      const token = (await response.json()) as Token;
      return { token, status, summary: describeToken(token, this.setup.roles), reasons: [] };
    }
    const refusal = shorten(await response.text());
    return {
      token: undefined,
      status,
      summary: `refused (${String(status)}): ${refusal}`,
      reasons: refusal === NO_MATCH ? explainClosest(predict(this.setup, claims).verdicts) : [],
    };
  }

  /** Logs a job in with the action, as a step of a workflow does. */
  async runAction(claims: Claims): Promise<StageResult> {
    const inputs = { url: this.nomad.url, methodName: this.setup.method.Name };
    const env = { NOMAD_ADDR: this.nomad.url };
    const aud = this.#chooseAudience(claims);
    // The fake GitHub issuer only issues JWTs with its own issuer and one audience. Other JWTs are passed as an input.
    return claims['iss'] === GITHUB_ISSUER && typeof aud === 'string'
      ? runMain({ inputs: { ...inputs, jwtGithubAudience: aud }, env: { ...env, ...this.issuer.startJob(claims) } })
      : runMain({ inputs: { ...inputs, identityToken: await this.#issue(claims) }, env });
  }

  #issue(claims: Claims): Promise<string> {
    return this.issuer.issue({ claims: { ...claims, aud: this.#chooseAudience(claims) } });
  }

  #chooseAudience(claims: Claims): unknown {
    return claims['aud'] ?? this.setup.method.Config.BoundAudiences?.[0] ?? exampleClaims.aud;
  }

  async #putMethod({ Name, Config, ...method }: AuthMethod, rules: BindingRule[]): Promise<void> {
    const { Type, TokenLocality, MaxTokenTTL, TokenNameFormat } = method;
    const checks = Object.fromEntries(Object.entries(Config).filter(([field]) => !KEY_SOURCES.includes(field)));
    const isNamed = TokenNameFormat && isSince(this.nomad.version, '1.7.0');
    await this.nomad.admin.putMethod(
      Name,
      { ...checks, JWKSURL: this.issuer.jwksUrl },
      { Type, TokenLocality, MaxTokenTTL, ...(isNamed && { TokenNameFormat }) },
    );
    for (const { Selector = '', BindType, BindName = '' } of rules) {
      await this.nomad.admin.putRule({ AuthMethod: Name, Selector, BindType, BindName }).catch((error: unknown) => {
        const rule = `${describeRule({ BindType, BindName })}, if ${Selector}`;
        throw new Error(`The rule ${rule} cannot be created: ${(error as Error).message.trim()}`);
      });
    }
  }

  // Nomad only creates a role if its policies exist. A missing one is created and then deleted.
  async #putRolesAndPolicies(): Promise<void> {
    const { policies, roles } = this.setup;
    const { admin } = this.nomad;
    const names = new Set(policies.map(({ Name }) => Name));
    const links = new Set([PLACEHOLDER, ...roles.flatMap(({ Policies }) => Policies.map(({ Name }) => Name))]);
    for (const name of new Set([...names, ...links])) {
      await admin.putPolicy(name, POLICY_RULES);
    }
    for (const { Name, Policies } of roles) {
      await admin.putRole(Name, Policies.length > 0 ? Policies.map((policy) => policy.Name) : [PLACEHOLDER]);
    }
    for (const name of [...links].filter((link) => !names.has(link))) {
      await admin.deletePolicy(name);
    }
  }
}

// The rule that comes closest to granting something is probably the one that is meant for the job.
function explainClosest(verdicts: Verdict[]): string[] {
  const [closest] = verdicts.toSorted((a, b) => a.distance - b.distance);
  return closest?.explain() ?? [];
}

// Nomad adds the same prefix to each reason for refusing a JWT.
function shorten(answer: string): string {
  return answer
    .replace(/unable to (?:validate provided token|verify signature of JWT token): /g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
