# The permissions that a deployment needs in one namespace: plan, run and stop jobs, follow their deployments and read their logs.
# It cannot open a shell in a task (alloc-exec), read task files (read-fs), or read variables.
# https://developer.hashicorp.com/nomad/docs/other-specifications/acl-policy
namespace "default" {
  policy       = "read"
  capabilities = ["submit-job", "read-logs"]
}

# Shows why an allocation cannot be placed, and on which client it runs: nomad node status.
node {
  policy = "read"
}
