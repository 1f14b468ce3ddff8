import { randomUUID } from 'node:crypto';
import type { Issuer } from '../testbed/issuer.js';
import type { BindingRule } from '../testbed/nomad-api.js';
import type { NomadServer } from '../testbed/nomad.js';
import { putMethod, putRule } from './apply.js';
import type { Claims } from './identities.js';
import { logIn } from './login.js';
import { explainNoMatch, resolveBindName } from './rules.js';
import type { Setup } from './setups.js';
import { describeRights } from './tokens.js';

/** The effect of a binding rule on one login. */
export interface Verdict {
  rule: BindingRule;
  isMatch: boolean;
  /** What the rule grants, or why it grants nothing. */
  summary: string;
  /** The conditions that failed. */
  failed: string[];
}

/** Two copies of the auth method, one with the rule itself and one with a rule that grants a token to every JWT it matches. */
interface Probe {
  rule: BindingRule;
  itself: string;
  anyMatch: string;
}

const NO_MATCH = 'no role or policy bindings matched';

/** Copies of a setup's auth method on a server, each with a single rule, which show the effect of that rule. */
export class RuleProbes {
  readonly #setup: Setup;
  readonly #url: string;
  readonly #probes: Probe[] = [];

  private constructor(setup: Setup, url: string) {
    this.#setup = setup;
    this.#url = url;
  }

  static async prepare(setup: Setup, nomad: NomadServer, issuer: Issuer): Promise<RuleProbes> {
    const probes = new RuleProbes(setup, nomad.url);
    for (const rule of setup.rules) {
      const probe = { rule, itself: `itself-${randomUUID()}`, anyMatch: `any-match-${randomUUID()}` };
      await putMethod(setup, probe.itself, nomad, issuer);
      await putRule(rule, probe.itself, nomad);
      await putMethod(setup, probe.anyMatch, nomad, issuer);
      await putRule({ ...rule, BindType: 'management', BindName: '' }, probe.anyMatch, nomad);
      probes.#probes.push(probe);
    }
    return probes;
  }

  /** Returns the effect of each rule on a JWT; undefined if the method refuses the JWT before Nomad evaluates the rules. */
  async judge(jwt: string, claims: Claims): Promise<Verdict[] | undefined> {
    const verdicts: Verdict[] = [];
    for (const { rule, itself, anyMatch } of this.#probes) {
      const match = await logIn(this.#url, anyMatch, jwt);
      if (match.token !== undefined) {
        verdicts.push({
          rule,
          isMatch: true,
          summary: await this.#describeMatch(rule, itself, jwt, claims),
          failed: [],
        });
      } else if (match.refusal === NO_MATCH) {
        const failed = explainNoMatch(rule, claims, this.#setup.method);
        verdicts.push({ rule, isMatch: false, summary: 'does not match', failed });
      } else {
        return undefined;
      }
    }
    return verdicts;
  }

  async #describeMatch(rule: BindingRule, methodName: string, jwt: string, claims: Claims): Promise<string> {
    const answer = await logIn(this.#url, methodName, jwt);
    if (answer.token !== undefined) {
      return `matches, and grants ${describeRights(answer.token, this.#setup.roles)}`;
    }
    return answer.refusal === NO_MATCH
      ? `matches, but there is no ${rule.BindType} ${resolveBindName(rule, claims, this.#setup.method)}`
      : `matches, but fails the login: ${answer.refusal}`;
  }
}
