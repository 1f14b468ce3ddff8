import exampleClaims from '../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, type Issuer } from './issuer.js';
import type { NomadAdmin } from './nomad-admin.js';

/** Configures a cluster so that pushes to main in octo-org/octo-repo get the policy deploy through the auth method github. */
export async function setUpGithubMethod(admin: NomadAdmin, issuer: Issuer): Promise<void> {
  await admin.putPolicy('deploy', 'namespace "default" { policy = "write" }');
  await admin.putMethod('github', {
    JWKSURL: issuer.jwksUrl,
    BoundIssuer: [GITHUB_ISSUER],
    BoundAudiences: ['https://github.com/octo-org', exampleClaims.aud],
    ClaimMappings: { repository_id: 'repo_id', ref: 'ref' },
  });
  await admin.putRule({
    AuthMethod: 'github',
    Selector: 'value.repo_id == "74" and value.ref == "refs/heads/main"',
    BindType: 'policy',
    BindName: 'deploy',
  });
}
