# The setup github-adv of docs/nomad-setup.md. It creates the same objects as the commands there.

locals {
  config = jsondecode(file("${path.module}/../auth-method-adv.json"))
}

resource "nomad_acl_policy" "deploy" {
  name        = "deploy"
  description = "Run jobs, follow their deployments and read their logs"
  rules_hcl   = file("${path.module}/../policy.hcl")
}

resource "nomad_acl_role" "repository" {
  name = "repo-${var.repository_id}"

  policy {
    name = nomad_acl_policy.deploy.name
  }
}

resource "nomad_acl_auth_method" "github" {
  name              = "github-adv"
  type              = "JWT"
  token_locality    = "global"
  max_token_ttl     = "1h0m0s"
  token_name_format = "gha-$${value.repo_id}-$${value.run_id}"

  config {
    jwks_url          = var.jwks_url
    bound_issuer      = local.config.BoundIssuer
    bound_audiences   = [var.audience]
    expiration_leeway = local.config.ExpirationLeeway
    clock_skew_leeway = local.config.ClockSkewLeeway
    claim_mappings    = local.config.ClaimMappings
  }
}

resource "nomad_acl_binding_rule" "repository" {
  description = "The role of the repository, for pushes to main"
  auth_method = nomad_acl_auth_method.github.name
  bind_type   = "role"
  bind_name   = "repo-$${value.repo_id}"
  selector    = "value.owner_id == \"${var.owner_id}\" and value.ref == \"refs/heads/main\" and value.event_name == \"push\""
}
