# What a deployment needs in one namespace: plan, run and stop jobs, follow their deployments and read their logs.
# docs/nomad-setup.md#permissions shows narrower policies, and what this one means for other jobs of the namespace.
namespace "default" {
  policy       = "read"
  capabilities = ["submit-job", "read-logs"]
}

# Shows why an allocation cannot be placed, and on which client it runs: nomad node status.
node {
  policy = "read"
}
