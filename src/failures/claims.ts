import * as core from '@actions/core';
import type { Jwt } from '../github/identity.js';
import { quoteName } from '../secrets.js';

const MAX_LISTED = 100;

// The registered claims, and those that GitHub (also custom properties), GitLab and Forgejo document for jobs. None is secret.
// https://www.iana.org/assignments/jwt/jwt.xhtml
// https://docs.github.com/en/actions/reference/security/oidc
// https://docs.gitlab.com/ci/secrets/id_token_authentication/
// https://forgejo.org/docs/latest/user/actions/security-openid-connect/
const WELL_KNOWN = new Set(
  `iss sub aud exp nbf iat jti azp
  actor actor_id base_ref check_run_id enterprise enterprise_id environment environment_node_id event_name head_ref
  issuer_scope job_workflow_ref job_workflow_sha ref ref_protected ref_type repository repository_id repository_owner
  repository_owner_id repository_visibility run_attempt run_id run_number runner_environment sha workflow workflow_ref workflow_sha
  ci_config_ref_uri ci_config_sha deployment_action deployment_tier environment_action environment_protected groups_direct
  job_id job_namespace_id job_namespace_path job_project_id job_project_path namespace_id namespace_path pipeline_id
  pipeline_source project_id project_path project_visibility ref_path runner_id user_access_level user_email user_id
  user_identities user_login`.split(/\s+/),
);

/** Logs the first 100 claims of a JWT in a group: well-known claims by value, others by name only. */
export function listClaims({ claims }: Jwt): void {
  core.startGroup('Claims of the JWT that Nomad refused');
  const all = Object.entries(claims);
  for (const [name, value] of all.slice(0, MAX_LISTED)) {
    const isShown = WELL_KNOWN.has(name) || name.startsWith('repo_property_');
    // With the dash, the line cannot begin with a workflow command.
    core.info(`- ${quoteName(name, 100)}${isShown ? `: ${showClaim(value, 500)}` : ' (value not shown)'}`);
  }
  if (all.length > MAX_LISTED) {
    core.info(`- and ${String(all.length - MAX_LISTED)} more`);
  }
  core.endGroup();
}

/** Returns the value of a claim or of a header parameter as JSON that is safe to print. */
export function showClaim(value: unknown, maxLength = 200): string {
  return value === undefined ? 'missing' : quoteName(JSON.stringify(value), maxLength);
}
