# The setup github-adv of docs/nomad-setup.md. It creates the same objects as the commands there, for any number of repositories.

resource "nomad_acl_policy" "policy" {
  for_each  = var.policies
  name      = each.key
  rules_hcl = each.value
}

resource "nomad_acl_role" "repository" {
  for_each = var.repositories
  name     = "repo-${each.key}"

  dynamic "policy" {
    for_each = each.value

    content {
      name = policy.value
    }
  }

  depends_on = [nomad_acl_policy.policy]
}

resource "nomad_acl_auth_method" "github" {
  name              = var.auth_method
  type              = "JWT"
  token_locality    = "global"
  max_token_ttl     = var.token_ttl
  token_name_format = "gha-$${value.repo_id}-$${value.run_id}"

  config {
    jwks_url          = var.jwks_url
    bound_issuer      = [var.issuer]
    bound_audiences   = [var.audience]
    expiration_leeway = "30s"
    clock_skew_leeway = "30s"

    # As in ../auth-method-adv.json.
    claim_mappings = {
      repository_owner    = "owner"
      repository_owner_id = "owner_id"
      repository          = "repo"
      repository_id       = "repo_id"
      repo_property_team  = "team"
      workflow            = "workflow"
      job_workflow_ref    = "job_workflow_ref"
      ref                 = "ref"
      ref_protected       = "ref_protected"
      event_name          = "event_name"
      run_id              = "run_id"
      environment         = "environment"
      sub                 = "sub"
    }
  }
}

resource "nomad_acl_binding_rule" "repositories" {
  description = "Pushes to main, owner ${var.owner_id}"
  auth_method = nomad_acl_auth_method.github.name
  bind_type   = "role"
  bind_name   = "repo-$${value.repo_id}"
  selector    = "value.owner_id == \"${var.owner_id}\" and value.ref == \"refs/heads/main\" and value.event_name == \"push\""
}
