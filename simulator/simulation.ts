import exampleClaims from '../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, type Issuer } from '../testbed/issuer.js';
import type { Token } from '../testbed/nomad-api.js';
import type { NomadServer } from '../testbed/nomad.js';
import { runMain, type StageResult } from '../testbed/runner.js';
import { putMethod, putRolesAndPolicies, putRule } from './apply.js';
import type { Claims } from './identities.js';
import { logIn } from './login.js';
import { RuleProbes, type Verdict } from './rule-probes.js';
import { findClaimsMissingForName } from './rules.js';
import type { Setup } from './setups.js';
import { allowsMore, describeToken } from './tokens.js';

/** The result of a login with certain claims. */
export interface Outcome {
  isLetIn: boolean;
  /** The token, or the reason for the refusal, in one line. */
  summary: string;
  token: Token | undefined;
}

/** A setup on a Nomad server, to which jobs with any claims can try to log in. */
export class Simulation {
  readonly setup: Setup;
  readonly #nomad: NomadServer;
  readonly #issuer: Issuer;
  readonly #probes: RuleProbes;
  readonly #others: Simulation[] = [];

  private constructor(setup: Setup, nomad: NomadServer, issuer: Issuer, probes: RuleProbes) {
    this.setup = setup;
    this.#nomad = nomad;
    this.#issuer = issuer;
    this.#probes = probes;
  }

  /** Configures a server with a setup, but with the keys of a fake issuer; throws an error if the server rejects something. */
  static async prepare(setup: Setup, nomad: NomadServer, issuer: Issuer): Promise<Simulation> {
    const { method, rules, others = [] } = setup;
    await putRolesAndPolicies(setup, nomad);
    await putMethod(setup, method.Name, nomad, issuer);
    for (const rule of rules) {
      await putRule(rule, method.Name, nomad);
    }
    const simulation = new Simulation(setup, nomad, issuer, await RuleProbes.prepare(setup, nomad, issuer));
    for (const other of others) {
      simulation.#others.push(await Simulation.prepare({ ...setup, ...other, others: [] }, nomad, issuer));
    }
    return simulation;
  }

  /** Logs a job in; its JWT is for the audience that the method expects, unless the claims have another. */
  async try(claims: Claims): Promise<Outcome> {
    const { method, roles } = this.setup;
    const answer = await logIn(this.#nomad.url, method.Name, await this.#issue(claims));
    if (answer.token !== undefined) {
      return { isLetIn: true, summary: describeToken(answer.token, roles), token: answer.token };
    }
    const { status, refusal } = answer;
    const missing = refusal.includes('ACL token name') ? findClaimsMissingForName(claims, method) : [];
    const hint = missing.length > 0 ? ` (TokenNameFormat needs the claim ${missing.join(' and ')})` : '';
    return { isLetIn: false, summary: `refused (${String(status)}): ${refusal}${hint}`, token: undefined };
  }

  /** Logs a job in with the action, as a step of a workflow does. */
  async runAction(claims: Claims): Promise<StageResult> {
    const inputs = { url: this.#nomad.url, methodName: this.setup.method.Name };
    const aud = this.#chooseAudience(claims);
    // The fake GitHub issuer only issues JWTs with its own issuer and one audience. Other JWTs are passed as an input.
    return claims['iss'] === GITHUB_ISSUER && typeof aud === 'string'
      ? runMain({ inputs: { ...inputs, jwtGithubAudience: aud }, env: this.#issuer.startJob(claims) })
      : runMain({ inputs: { ...inputs, identityToken: await this.#issue(claims) } });
  }

  /** Returns the effect of each binding rule on a job; undefined if the method refuses its JWT. */
  async judgeRules(claims: Claims): Promise<Verdict[] | undefined> {
    return this.#probes.judge(await this.#issue(claims), claims);
  }

  /** Returns the other auth methods of the setup that grant the same job more, with what they grant. */
  async findWider(claims: Claims): Promise<{ name: string; summary: string }[]> {
    if (this.#others.length === 0) {
      return [];
    }
    const { token: own } = await this.try(claims);
    const outcomes = await Promise.all(
      this.#others.map(async (other) => ({ name: other.setup.method.Name, ...(await other.try(claims)) })),
    );
    return outcomes.filter(({ token }) => token !== undefined && allowsMore(token, own, this.setup.roles));
  }

  #issue(claims: Claims): Promise<string> {
    return this.#issuer.issue({ claims: { ...claims, aud: this.#chooseAudience(claims) } });
  }

  #chooseAudience(claims: Claims): unknown {
    return claims['aud'] ?? this.setup.method.Config.BoundAudiences?.[0] ?? exampleClaims.aud;
  }
}
