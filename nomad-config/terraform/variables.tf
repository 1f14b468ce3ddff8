variable "owner_id" {
  description = "ID of the GitHub user or organization whose repositories may log in, as printed by: gh api repos/octo-org/octo-repo --jq .owner.id"
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.owner_id))
    error_message = "The owner ID must be a number, not the name of the owner."
  }
}

variable "audience" {
  description = "Audience that the JWT must be issued for; the workflow requests it with jwtGithubAudience."
  type        = string

  validation {
    condition     = can(regex("^\\S+$", var.audience)) && !can(regex("^https://github.com/", var.audience))
    error_message = "The audience must be a name that only this cluster uses, not GitHub's default, because other services receive JWTs with the default."
  }
}

variable "repositories" {
  description = "The repositories that may log in: the names of policies by the ID of the repository, as printed by: gh api repos/octo-org/octo-repo --jq .id"
  type        = map(set(string))

  validation {
    condition     = alltrue([for id in keys(var.repositories) : can(regex("^[0-9]+$", id))])
    error_message = "The key of each repository must be its ID, a number, not its name."
  }

  validation {
    condition     = alltrue([for policies in values(var.repositories) : length(policies) > 0])
    error_message = "Each repository needs the name of at least one policy."
  }
}

variable "policies" {
  description = "The policies to create: their rules by their names. Repositories can have other existing policies, too."
  type        = map(string)
  default = {
    deploy = <<-EOT
      namespace "default" {
        policy       = "read"
        capabilities = ["submit-job", "read-logs"]
      }
      node { policy = "read" }
    EOT
  }
}

variable "auth_method" {
  description = "Name of the auth method; the workflow logs in with it as methodName."
  type        = string
  default     = "github-adv"
}

variable "token_ttl" {
  description = "How long a token is valid, as Nomad writes it, and between the limits of the servers (by default 1 minute and 24 hours)."
  type        = string
  default     = "1h0m0s"

  validation {
    condition     = can(regex("^([1-9][0-9]*h)?[1-5]?[0-9]m[1-5]?[0-9]s$", var.token_ttl))
    error_message = "Write the lifetime of tokens as Nomad does, such as 30m0s or 1h0m0s, or every plan will show a change."
  }
}

variable "issuer" {
  description = "Issuer of the JWTs; enterprises and GitHub Enterprise Server have their own."
  type        = string
  default     = "https://token.actions.githubusercontent.com"
}

variable "jwks_url" {
  description = "Where Nomad fetches the keys that sign the JWTs."
  type        = string
  default     = "https://token.actions.githubusercontent.com/.well-known/jwks"
}
