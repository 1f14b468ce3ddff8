terraform {
  required_version = ">= 1.3"

  required_providers {
    nomad = {
      source  = "hashicorp/nomad"
      version = ">= 2.3.0, < 3.0.0" # jwks_url needs 2.3.0
    }
  }
}
