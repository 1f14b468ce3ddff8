import { randomUUID } from 'node:crypto';
import exampleClaims from '../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, type Issuer } from '../testbed/issuer.js';
import type { BindingRule, Token } from '../testbed/nomad-api.js';
import { askSelf, type NomadServer } from '../testbed/nomad.js';
import { runMain, type StageResult, type Step } from '../testbed/runner.js';
import type { Claims } from './identities.js';
import type { Setup } from './setups.js';

/** What a job gets that logs in with certain claims. */
export interface Outcome {
  /** What the token is, or why there is none, in one line. */
  summary: string;
  isLetIn: boolean;
  stage: StageResult;
  /** A JWT of the same claims. */
  jwt: string;
}

/** What the server makes of a binding rule, in words. */
export interface Verdict {
  rule: BindingRule;
  verdict: string;
}

/** Two copies of the auth method with one rule each: the rule as it is, and one that gives a token to all it matches. */
interface Probe {
  rule: BindingRule;
  asItIs: string;
  anyMatch: string;
}

interface LoginAnswer {
  token: Token | undefined;
  refusal: string;
}

const KEY_SOURCES = ['JWKSURL', 'JWKSCACert', 'JWTValidationPubKeys', 'OIDCDiscoveryURL', 'DiscoveryCaPem'];
const NO_MATCH = 'no role or policy bindings matched';

/** A setup on a server, where jobs of any claims can try to log in. */
export class Simulation {
  readonly setup: Setup;
  readonly #nomad: NomadServer;
  readonly #issuer: Issuer;
  readonly #probes: Probe[] = [];

  private constructor(setup: Setup, nomad: NomadServer, issuer: Issuer) {
    this.setup = setup;
    this.#nomad = nomad;
    this.#issuer = issuer;
  }

  /** Sets a server up, with the issuer's keys in the place of the method's own; throws what the server refuses. */
  static async prepare(setup: Setup, nomad: NomadServer, issuer: Issuer): Promise<Simulation> {
    const simulation = new Simulation(setup, nomad, issuer);
    for (const { Name, Rules } of setup.policies) {
      await nomad.admin.putPolicy(Name, Rules);
    }
    for (const { Name, Policies } of setup.roles) {
      const names = Policies.map((policy) => policy.Name);
      await nomad.admin.putRole(Name, names);
    }
    await simulation.#putMethod(setup.method.Name);
    for (const rule of setup.rules) {
      await simulation.#putRule(setup.method.Name, rule);
      await simulation.#putProbe(rule);
    }
    return simulation;
  }

  /** Has a job log in by the action; its JWT is for the audience that the method wants, unless the claims have another. */
  async try(claims: Claims): Promise<Outcome> {
    const { method, roles } = this.setup;
    const aud = claims['aud'] ?? method.Config.BoundAudiences?.[0] ?? exampleClaims.aud;
    const whole = { ...claims, aud };
    const jwt = await this.#issuer.issue({ claims: whole });
    const isGithubs = claims['iss'] === GITHUB_ISSUER && typeof aud === 'string';
    const stage = await runMain(
      isGithubs
        ? this.#describeStep({ jwtGithubAudience: aud }, this.#issuer.startJob(whole))
        : this.#describeStep({ identityToken: jwt }),
    );
    const isLetIn = stage.exitCode === 0;
    const [failure = ''] = (stage.annotations.at(-1)?.message ?? '').split('\n');
    return {
      summary: isLetIn
        ? describeToken(await this.#findToken(stage.exported['NOMAD_TOKEN'] ?? ''), roles)
        : shorten(failure),
      isLetIn,
      stage,
      jwt,
    };
  }

  /** Tells which binding rules match a JWT, and what each would give; nothing where the method refuses the JWT itself. */
  async judgeRules(jwt: string): Promise<Verdict[]> {
    const rules: Verdict[] = [];
    for (const { rule, asItIs, anyMatch } of this.#probes) {
      const match = await this.#logIn(anyMatch, jwt);
      if (match.token !== undefined) {
        rules.push({ rule, verdict: this.#describeMatch(rule, await this.#logIn(asItIs, jwt)) });
      } else if (match.refusal === NO_MATCH) {
        rules.push({ rule, verdict: 'does not match' });
      }
    }
    return rules;
  }

  #describeStep(inputs: Record<string, string>, env: Record<string, string> = {}): Step {
    return { inputs: { url: this.#nomad.url, methodName: this.setup.method.Name, ...inputs }, env };
  }

  #describeMatch({ BindType, BindName = '' }: BindingRule, { token, refusal }: LoginAnswer): string {
    if (token !== undefined) {
      return `matches: ${describeToken(token, this.setup.roles)}`;
    }
    return refusal === NO_MATCH
      ? `matches, but there is no ${BindType} of the name ${BindName}`
      : `matches, but: ${refusal}`;
  }

  async #putMethod(name: string): Promise<void> {
    const { Config, Type, TokenLocality, MaxTokenTTL } = this.setup.method;
    const checks = Object.fromEntries(Object.entries(Config).filter(([field]) => !KEY_SOURCES.includes(field)));
    const config = { ...checks, JWKSURL: this.#issuer.jwksUrl };
    await this.#nomad.admin.putMethod(name, config, { Type, TokenLocality, MaxTokenTTL });
  }

  async #putRule(AuthMethod: string, { Selector = '', BindType, BindName = '' }: BindingRule): Promise<void> {
    await this.#nomad.admin.putRule({ AuthMethod, Selector, BindType, BindName }).catch((error: unknown) => {
      throw new Error(`The rule ${BindType} ${BindName} where ${Selector}: ${(error as Error).message.trim()}`);
    });
  }

  async #putProbe(rule: BindingRule): Promise<void> {
    const probe = { rule, asItIs: `as-it-is-${randomUUID()}`, anyMatch: `any-match-${randomUUID()}` };
    await this.#putMethod(probe.asItIs);
    await this.#putRule(probe.asItIs, rule);
    await this.#putMethod(probe.anyMatch);
    await this.#putRule(probe.anyMatch, { ...rule, BindType: 'management', BindName: '' });
    this.#probes.push(probe);
  }

  async #findToken(secretId: string): Promise<Token> {
    const response = await askSelf(this.#nomad.url, secretId);
    if (!response.ok) {
      throw new Error(`Nomad does not know the token that it gave (${String(response.status)}).`);
    }
    return (await response.json()) as Token;
  }

  async #logIn(methodName: string, jwt: string): Promise<LoginAnswer> {
    const response = await fetch(`${this.#nomad.url}/v1/acl/login`, {
      method: 'POST',
      body: JSON.stringify({ AuthMethodName: methodName, LoginToken: jwt }),
    });
    const text = await response.text();
    return response.ok ? { token: JSON.parse(text) as Token, refusal: '' } : { token: undefined, refusal: text };
  }
}

// Nomad wraps what is wrong with a JWT in words that say no more.
function shorten(failure: string): string {
  return failure
    .replace(/^Nomad refused the login/, 'refused')
    .replace(/unable to (?:validate provided token|verify signature of JWT token): /g, '')
    .replace(/\.$/, '');
}

function describeToken({ Type, Policies, Roles, Global, ExpirationTTL }: Token, known: Setup['roles']): string {
  const roles = (Roles ?? []).map(({ Name }) => {
    const policies = known.find((role) => role.Name === Name)?.Policies.map((policy) => policy.Name) ?? [];
    return `role ${Name} (${policies.join(', ')})`;
  });
  const policies = (Policies ?? []).map((name) => `policy ${name}`);
  // Nomad takes rules in no order that means anything.
  const rights = [...roles.sort(), ...policies.sort()].join(', ');
  const place = Global ? '' : ' in one region';
  return `${Type} token for ${ExpirationTTL ?? 'ever'}${place}${rights && `: ${rights}`}`;
}
