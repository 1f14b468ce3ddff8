variable "owner_id" {
  description = "ID of the GitHub user or organization whose jobs may log in, as printed by: gh api repos/octo-org/octo-repo --jq .owner.id"
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.owner_id))
    error_message = "The owner ID must be a number, not the name of the owner."
  }
}

variable "repository_id" {
  description = "ID of the repository, as printed by: gh api repos/octo-org/octo-repo --jq .id"
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.repository_id))
    error_message = "The repository ID must be a number, not the name of the repository."
  }
}

variable "audience" {
  description = "Audience that the JWT must be issued for; the workflow requests it with jwtGithubAudience."
  type        = string
  default     = "nomad.example.com"
}

variable "jwks_url" {
  description = "Where Nomad fetches the keys that sign the JWTs."
  type        = string
  default     = "https://token.actions.githubusercontent.com/.well-known/jwks"
}
