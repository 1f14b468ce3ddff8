/** Names as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/auth-methods */
export interface AuthMethod {
  Name: string;
  Type: string;
  TokenLocality: string;
  /** A duration such as "1h30m", or a number of nanoseconds; so are the leeways. */
  MaxTokenTTL: string | number;
  Config: AuthMethodConfig;
}

/** Which JWTs an auth method takes, and which of their claims become attributes. */
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

/** Names as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/binding-rules */
export interface BindingRule {
  AuthMethod: string;
  Selector?: string;
  BindType: string;
  BindName?: string;
}

/** Names as in Nomad's API: https://developer.hashicorp.com/nomad/api-docs/acl/tokens */
export interface Token {
  AccessorID: string;
  SecretID: string;
  Name: string;
  Type: 'client' | 'management';
  Policies: string[] | null;
  Roles: { ID: string; Name: string }[] | null;
  Global: boolean;
  Hash: string;
  CreateTime: string;
  ExpirationTime?: string;
  ExpirationTTL?: string;
  CreateIndex: number;
  ModifyIndex: number;
}
