import exampleClaims from '../jws-example.json' with { type: 'json' };
import { GITHUB_ISSUER, type Issuer } from './issuer.js';
import type { NomadAdmin } from './nomad-admin.js';

/** Sets a cluster up so that a push to main in octo-org/octo-repo logs in through the method github, for the policy deploy. */
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
