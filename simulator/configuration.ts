import type { AuthMethod, BindingRule, Policy, Role } from '../testbed/nomad-api.js';

/** An auth method and the objects that affect its logins. */
export interface Configuration {
  method: AuthMethod;
  rules: BindingRule[];
  roles: Omit<Role, 'ID'>[];
  policies: Policy[];
  /** Other auth methods of type JWT on the same cluster, which the same job could choose. */
  others?: Pick<Configuration, 'method' | 'rules'>[];
}
