import { afterAll, beforeAll } from '@jest/globals';
import type { FakeNomad } from '../../testbed/fake-nomad/fake-nomad.js';
import { startIssuer, type Issuer } from '../../testbed/issuer.js';
import { setUpGithubMethod } from '../../testbed/nomad-admin.js';
import { startFakeCluster, type NomadServer } from '../../testbed/nomad.js';
import { runMain, type StageResult } from '../../testbed/runner.js';

/** What the suites that log in share. */
export interface Fixture {
  /** The fake GitHub issuer. */
  readonly issuer: Issuer;
  /** A fake Nomad with the auth methods `github` (policy deploy) and `admin` (management tokens). */
  readonly nomad: NomadServer & FakeNomad;
  /** Runs the main step of a job that may request an OIDC token; the inputs and variables are added to it. */
  logIn(inputs?: Record<string, string>, env?: Record<string, string>): Promise<StageResult>;
}

/** Starts the fake GitHub issuer and the fake Nomad before the tests of a suite, and stops them after. */
export function useFixture(): Fixture {
  let issuer: Issuer;
  let nomad: NomadServer & FakeNomad;

  beforeAll(async () => {
    issuer = await startIssuer();
    nomad = await startFakeCluster();
    await setUpGithubMethod(nomad.admin, issuer);
    await nomad.admin.putMethod('admin', { JWKSURL: issuer.jwksUrl });
    await nomad.admin.putRule({ AuthMethod: 'admin', BindType: 'management' });
  });

  afterAll(async () => {
    await nomad.close();
    await issuer.close();
  });

  return {
    get issuer() {
      return issuer;
    },
    get nomad() {
      return nomad;
    },
    logIn: (inputs = {}, env = {}) =>
      runMain({ inputs: { url: nomad.url, ...inputs }, env: { ...issuer.environment, ...env } }),
  };
}
