# Run, replace and stop the jobs of one namespace, see how they fare, and nothing else.
# https://developer.hashicorp.com/nomad/docs/other-specifications/acl-policy
namespace "default" {
  policy       = "read"
  capabilities = ["submit-job"]
}
