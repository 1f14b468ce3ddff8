import * as core from '@actions/core';
import { decodeBasic } from '../inputs/headers.js';
import type { Connection, Inputs } from '../inputs/inputs.js';

/** Exports what Nomad's own programs read to reach the cluster: https://developer.hashicorp.com/nomad/docs/commands#environment-variables */
export function exportConnection(
  { connection, namespace, exportToken }: Inputs,
  pemFiles: Record<string, string>,
): void {
  const { url, region, tlsServerName, tlsSkipVerify, extraHeaders } = connection;
  const variables: Record<string, string | undefined> = {
    NOMAD_ADDR: url,
    NOMAD_REGION: region,
    NOMAD_NAMESPACE: namespace,
    NOMAD_TLS_SERVER_NAME: tlsServerName,
    NOMAD_SKIP_VERIFY: tlsSkipVerify ? 'true' : undefined,
    NOMAD_HTTP_AUTH: decodeBasic(extraHeaders['authorization'] ?? ''),
    NOMAD_CAPATH: undefined,
    NOMAD_CACERT: undefined,
    NOMAD_CLIENT_CERT: undefined,
    NOMAD_CLIENT_KEY: undefined,
    ...pemFiles,
    // The token of another login must not be sent to this cluster.
    ...(!exportToken && { NOMAD_TOKEN: undefined }),
  };
  warnAboutPrograms(connection);
  // The nomad CLI and Terraform treat an empty variable as unset.
  for (const [name, value = ''] of Object.entries(variables)) {
    if (value !== '' || process.env[name]) {
      core.exportVariable(name, value);
    }
  }
}

/** Says what to set if later steps get the token, but another address, region or namespace. */
export function adviseAddress({ connection: { url, region }, namespace }: Inputs): void {
  const expected = { NOMAD_ADDR: url, NOMAD_REGION: region, NOMAD_NAMESPACE: namespace };
  // A runner that is itself a job of Nomad has a region and a namespace in its environment.
  const wrong = Object.entries(expected).filter(
    ([name, value = '']) => (process.env[name] ?? '').replace(/\/+$/, '') !== value,
  );
  if (wrong.length > 0) {
    const states = wrong.map(([name]) => `${name} ${process.env[name] ? 'has another value' : 'is not set'}`);
    const values = wrong.map(([name, value]) => `${name} to ${value ?? "''"}`);
    core.info(
      `Later steps get NOMAD_TOKEN, but ${states.join(', ')} in this job: set exportConnection to true, or ${values.join(', ')}.`,
    );
  }
}

function warnAboutPrograms({ url, tlsSkipVerify }: Connection): void {
  const { pathname, origin } = new URL(url);
  if (pathname !== '/') {
    core.warning(
      `The nomad CLI, Terraform and nomad-pack ignore the path of NOMAD_ADDR: they send requests to ${origin} instead of ${url}.`,
    );
  }
  if (!tlsSkipVerify && process.env['NOMAD_SKIP_VERIFY'] !== undefined) {
    core.warning(
      'NOMAD_SKIP_VERIFY is set in this job, and no step can unset it. nomad-pack takes any value as true, even an empty one, and does not verify the server: run it in another job.',
    );
  }
}
