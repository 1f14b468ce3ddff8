import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lost, refuse } from '../../scripts/samples.js';
import { KINDS } from '../../src/failures/catalogue.js';
import { explain } from '../../src/failures/explain.js';
import { parseToolkitError } from '../../src/github/toolkit-error.js';
import { useProcess } from '../support/in-process.js';

const VERIFYING = 'unable to validate provided token: unable to verify signature of JWT token';
const FETCHING = `${VERIFYING}: error verifying token signature: fetching keys oidc: get keys failed`;
// The words of all patterns, which are the names that could choose a kind.
const WORDS = Object.values(KINDS).flatMap(
  ({ from = [], to = [] }) => [...from, ...to].join().match(/[a-z\d]+/gi) ?? [],
);

fc.configureGlobal({ numRuns: Number(process.env['FC_RUNS'] ?? 200) });
useProcess();

/** Returns the kinds of failures whose texts contain a name of a host, a role, a claim or a file. */
function judge(name: string): string[] {
  // A host whose last part begins with a digit is an IP address.
  const host = name.replaceAll('-', '.').replace(/\.?\d[^.]*$/, '$&.example');
  const facts = { url: `https://${host}`, proxy: undefined };
  const github = (text: string): string =>
    parseToolkitError(new Error(`Error Code : undefined Error Message: ${text}`), facts).id;
  return [
    refuse(500, `role "${name}" not found`),
    refuse(500, `rpc error: cannot find policy "${name}"`),
    refuse(400, `auth-method "${name}" not found`),
    refuse(500, `computed "role" bind name for bind target is invalid: "${name}"`),
    refuse(500, `error converting claim '${name}' to string from unknown type []interface {}`),
    refuse(500, `rpc error: failed to get conn: dial tcp: lookup ${host}: no such host`),
    refuse(401, `${VERIFYING.split(':')[0] ?? ''}: invalid JWT issuer: https://${host}/${name} (exp) claim: ${name}`),
    refuse(401, `${FETCHING} Get "https://${host}/": dial tcp: lookup ${host} on 192.0.2.1:53: no such host`),
    refuse(401, `${FETCHING} Get "https://${host}/": dial tcp: lookup ${host}: i/o timeout`),
    refuse(401, `${FETCHING} Get "https://${host}/": tls: failed to verify certificate: x509: not ${host}`),
    refuse(401, `${FETCHING}: 503 Service Unavailable ${name}`),
    refuse(302, '', {}, { location: `https://${host}/` }),
    lost('ENOTFOUND', `getaddrinfo ENOTFOUND ${host}`, 'nothing'),
    lost('ERR_TLS_CERT_ALTNAME_INVALID', `Host: ${host}. is not in the cert's altnames: DNS:${host}`, 'TCP'),
  ]
    .map<string>(({ id }) => id)
    .concat(
      github(`getaddrinfo ENOTFOUND ${host}`),
      github(`tunneling socket could not be established, cause=getaddrinfo EAI_AGAIN ${host}`),
      github(`Hostname/IP does not match certificate's altnames: Host: ${host}. is not in the cert's altnames: DNS:x`),
      /#(.*)$/.exec(explain(new Error(`ENOENT: no such file or directory, open '/tmp/${name}'`)))?.[1] ?? 'unexpected',
    );
}

test('no name of a host, a role, a claim or a file changes the kind of a failure', () => {
  const expected = judge('octo');
  const name = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }).map((words) => words.join('-'));
  fc.assert(fc.property(name, (each) => expect(judge(each)).toEqual(expected)));
  expect(new Set(expected).size).toBeGreaterThan(8);
});
