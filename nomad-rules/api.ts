/** An auth method, as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/auth-methods */
export interface AuthMethod {
  Name: string;
  Type: string;
  TokenLocality: string;
  /** A duration such as "1h30m", or a number of nanoseconds; the same applies to the leeways. */
  MaxTokenTTL: string | number;
  /** Since Nomad 1.7. */
  TokenNameFormat?: string;
  Config: AuthMethodConfig;
}

/** Which JWTs an auth method accepts, and which of their claims become attributes. */
export interface AuthMethodConfig {
  JWKSURL?: string;
  OIDCDiscoveryURL?: string;
  JWTValidationPubKeys?: string[];
  BoundIssuer?: string[];
  BoundAudiences?: string[];
  SigningAlgs?: string[];
  ExpirationLeeway?: string | number;
  NotBeforeLeeway?: string | number;
  ClockSkewLeeway?: string | number;
  ClaimMappings?: Record<string, string>;
  ListClaimMappings?: Record<string, string>;
}

/** An auth method in a list. */
export interface AuthMethodStub {
  Name: string;
  Type: string;
  Default: boolean;
  Hash: string;
  CreateIndex: number;
  ModifyIndex: number;
}

/** A binding rule, as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/binding-rules */
export interface BindingRule {
  AuthMethod: string;
  Selector?: string;
  BindType: string;
  BindName?: string;
}

/** A policy, as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/policies */
export interface Policy {
  Name: string;
  Description?: string;
  Rules: string;
}

/** A policy in a list. */
export interface PolicyStub {
  Name: string;
  Description: string;
  JobACL: null;
  Hash: string;
  CreateIndex: number;
  ModifyIndex: number;
}

/** A role, as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/roles */
export interface Role {
  ID: string;
  Name: string;
  Policies: { Name: string }[];
}

/** A token, as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/tokens */
export interface Token {
  AccessorID: string;
  SecretID: string;
  Name: string;
  Type: 'client' | 'management';
  Policies: string[] | null;
  Roles: Pick<Role, 'ID' | 'Name'>[] | null;
  Global: boolean;
  Hash: string | null;
  CreateTime: string;
  ExpirationTime?: string | null;
  ExpirationTTL?: string;
  CreateIndex: number;
  ModifyIndex: number;
}
