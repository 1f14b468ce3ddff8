import exampleClaims from '../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, startIssuer, type Issuer } from '../testbed/issuer.js';
import type { AuthMethod, BindingRule, Token } from '../nomad-rules/api.js';
import { isSince, type NomadServer } from '../testbed/nomad/nomad.js';
import { runMain, type StageResult } from '../testbed/runner.js';
import type { Claims } from './identities.js';
import { explainNoMatch } from './mismatch.js';
import { describeRule, findClaimsMissingForName, listAttributes } from './rules.js';
import type { Setup } from './setups.js';
import { describeToken, nameGrant } from './tokens.js';

/** The result of a login with certain claims. */
export interface Outcome {
  /** The token, or the reason for the refusal, in one line. */
  summary: string;
  /** What would have to differ for the closest rule to grant something. */
  reasons: string[];
  token: Token | undefined;
  /** The status of a refusal. */
  status?: number;
}

/** The effect of a binding rule on one login. */
export interface Verdict {
  rule: BindingRule;
  /** What the rule grants; undefined if it grants nothing. */
  grants?: string;
  /** Why the rule grants nothing. */
  reasons: string[];
}

type Answer = { token: Token } | { token: undefined; status: number; refusal: string };

const KEY_SOURCES = ['JWKSURL', 'JWKSCACert', 'JWTValidationPubKeys', 'OIDCDiscoveryURL', 'DiscoveryCaPem'];
const PLACEHOLDER = { name: 'simulator-placeholder', rules: 'namespace "default" { policy = "read" }' };
const NO_MATCH = 'no role or policy bindings matched';

/** Starts Nomad with a setup, and stops it after the simulation has been used. */
export async function withSimulation<T>(
  setup: Setup,
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
    readonly setup: Setup,
    readonly nomad: NomadServer,
    readonly issuer: Issuer,
  ) {}

  /** Configures the server, but with the keys of the fake issuer; throws an error if the server rejects something. */
  async prepare(): Promise<void> {
    const { method, rules } = this.setup;
    await this.#putRolesAndPolicies();
    await this.#putMethod(method, method.Name, rules);
    // A copy of the method for each rule shows the effect of the rule. It must not fail because of a token name.
    for (const [index, rule] of rules.entries()) {
      await this.#putMethod({ ...method, TokenNameFormat: '' }, nameCopy(index), [rule]);
    }
  }

  /** Logs a job in; its JWT is for the audience that the method expects, unless the claims have another. */
  async try(claims: Claims): Promise<Outcome> {
    const answer = await this.#logIn(this.setup.method.Name, claims);
    if (answer.token !== undefined) {
      return { summary: describeToken(answer.token, this.setup.roles), reasons: [], token: answer.token };
    }
    const { status, refusal } = answer;
    const missing = refusal.includes('ACL token name') ? findClaimsMissingForName(claims, this.setup.method) : [];
    const hint = missing.length > 0 ? ` (TokenNameFormat needs the claim ${missing.join(' and ')})` : '';
    return {
      summary: `refused (${String(status)}): ${refusal}${hint}`,
      reasons: refusal === NO_MATCH ? await this.#findReasons(claims) : [],
      token: undefined,
      status,
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

  /** Returns the effect of each binding rule on a job; undefined if the method refuses its JWT. */
  async judgeRules(claims: Claims): Promise<Verdict[] | undefined> {
    const { method, rules } = this.setup;
    const verdicts: Verdict[] = [];
    for (const [index, rule] of rules.entries()) {
      const answer = await this.#logIn(nameCopy(index), claims);
      if (answer.token !== undefined) {
        verdicts.push({ rule, grants: nameGrant(answer.token), reasons: [] });
      } else if (answer.status === 401) {
        return undefined;
      } else {
        verdicts.push({
          rule,
          reasons: answer.refusal === NO_MATCH ? explainNoMatch(rule, claims, method) : [answer.refusal],
        });
      }
    }
    return verdicts;
  }

  // The rule that comes closest to granting something is probably the one that is meant for the job.
  async #findReasons(claims: Claims): Promise<string[]> {
    const verdicts = (await this.judgeRules(claims)) ?? [];
    // A missing role is closer than a condition, and a condition on another repository or owner is further away.
    const others = listAttributes(this.setup.method.Config).filter(({ claim }) => /^repository|^sub$/.test(claim));
    const isOther = (reason: string): boolean => others.some(({ name }) => reason.includes(`but ${name} is `));
    const measure = ({ reasons }: Verdict): number =>
      reasons
        .map((reason) => (reason.startsWith('there is no ') ? 0.5 : isOther(reason) ? 1.5 : 1))
        .reduce((a, b) => a + b, 0);
    const [closest] = verdicts.sort((a, b) => measure(a) - measure(b));
    return closest?.reasons ?? [];
  }

  async #logIn(AuthMethodName: string, claims: Claims): Promise<Answer> {
    const body = JSON.stringify({ AuthMethodName, LoginToken: await this.#issue(claims) });
    const response = await fetch(`${this.nomad.url}/v1/acl/login`, { method: 'POST', body });
    if (response.status === 429 || response.status > 500) {
      throw new Error((await response.text()) || `Nomad answered a login with ${String(response.status)}.`);
    }
    return response.ok
      ? { token: (await response.json()) as Token }
      : { token: undefined, status: response.status, refusal: shorten(await response.text()) };
  }

  #issue(claims: Claims): Promise<string> {
    return this.issuer.issue({ claims: { ...claims, aud: this.#chooseAudience(claims) } });
  }

  #chooseAudience(claims: Claims): unknown {
    return claims['aud'] ?? this.setup.method.Config.BoundAudiences?.[0] ?? exampleClaims.aud;
  }

  async #putMethod(method: Omit<AuthMethod, 'Name'>, name: string, rules: BindingRule[]): Promise<void> {
    const { Config, Type, TokenLocality, MaxTokenTTL, TokenNameFormat } = method;
    const checks = Object.fromEntries(Object.entries(Config).filter(([field]) => !KEY_SOURCES.includes(field)));
    const isNamed = TokenNameFormat && isSince(this.nomad.version, '1.7.0');
    await this.nomad.admin.putMethod(
      name,
      { ...checks, JWKSURL: this.issuer.jwksUrl },
      { Type, TokenLocality, MaxTokenTTL, ...(isNamed && { TokenNameFormat }) },
    );
    for (const { Selector = '', BindType, BindName = '' } of rules) {
      await this.nomad.admin.putRule({ AuthMethod: name, Selector, BindType, BindName }).catch((error: unknown) => {
        const rule = `${describeRule({ BindType, BindName })}, if ${Selector}`;
        throw new Error(`The rule ${rule} cannot be created: ${(error as Error).message.trim()}`);
      });
    }
  }

  // Nomad only creates a role if its policies exist. A missing one is created and then deleted.
  async #putRolesAndPolicies(): Promise<void> {
    const { policies, roles } = this.setup;
    const { admin } = this.nomad;
    for (const { Name, Rules } of policies) {
      await admin.putPolicy(Name, Rules);
    }
    const missing = new Set<string>();
    for (const { Name, Policies } of roles) {
      const links = Policies.length > 0 ? Policies.map((policy) => policy.Name) : [PLACEHOLDER.name];
      for (const link of links.filter((name) => policies.every((policy) => policy.Name !== name))) {
        await admin.putPolicy(link, PLACEHOLDER.rules);
        missing.add(link);
      }
      await admin.putRole(Name, links);
    }
    for (const name of missing) {
      await admin.deletePolicy(name);
    }
  }
}

function nameCopy(index: number): string {
  return `simulator-rule-${String(index)}`;
}

// Nomad adds the same prefix to each reason for refusing a JWT.
function shorten(answer: string): string {
  return answer
    .replace(/unable to (?:validate provided token|verify signature of JWT token): /g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
