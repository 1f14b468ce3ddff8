import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { EXAMPLE, omit, RENEWED, type Claims } from './identities.js';

/** The help text. */
export const HELP = `Simulates logins to Nomad, so that you can test binding rules before you create them.

  npm start                               a demo
  npm run simulate -- --config adv        a table of jobs, and which of them get a token
  npm run simulate -- --config adv --claim ref=refs/heads/dev
                                          what one job gets, and which binding rules match

Options:
  --config simple|adv|DIR
                       the setup: Simple or Realistic (adv, the default) of docs/nomad-setup.md, or a folder.
                       A folder contains auth-method*.json, binding-rule*.json, role*.json and policies*.json
                       as Nomad prints them, with one object or a list in each; NAME.hcl defines the policy NAME.
  --method NAME        the auth method, if the folder has several
  --claim NAME=VALUE   a claim of the job that differs from the example job (repeatable).
                       sub, workflow_ref and job_workflow_ref change with it, unless you set them.
  --claims FILE        all claims of the job, as a JSON object, instead of those of the example job
  --log                show the log of the action's step as well
  --help               show this text

The example job is a push to main in the repository of nomad-config/github.env, with the claims of
jws-example.json and the custom property team. JWTs are signed with RS256. Their audience is the first one
in BoundAudiences, unless the claims include aud.

The simulator starts its own Nomad: the program in NOMAD_BIN, nomad on the PATH, or a fake Nomad.
It does not contact any other cluster.

Exit status: 1 if the single job is refused, 2 if an argument or a file is invalid, otherwise 0.`;

/** What to simulate. */
export interface Plan {
  config: string;
  methodName: string | undefined;
  /** Claims that replace those of the example job. */
  base: Claims | undefined;
  changes: Claims;
  isOneJob: boolean;
  showsLog: boolean;
}

/** Reads the arguments; throws an error that names an invalid one. */
export async function readPlan(args: string[]): Promise<Plan | 'demo' | 'help'> {
  const { values } = parseArgs({
    args,
    options: {
      claim: { type: 'string', multiple: true, default: [] },
      claims: { type: 'string' },
      config: { type: 'string', default: 'adv' },
      method: { type: 'string' },
      log: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    return 'help';
  }
  if (args.length === 0) {
    return 'demo';
  }
  return {
    config: values.config,
    methodName: values.method,
    base: values.claims === undefined ? undefined : await readClaims(values.claims),
    changes: Object.assign({}, ...values.claim.map(parseClaim)) as Claims,
    isOneJob: values.claims !== undefined || values.claim.length > 0,
    showsLog: values.log,
  };
}

async function readClaims(file: string): Promise<Claims> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`--claims ${file} cannot be read: ${(error as Error).message}`);
  });
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    const isJwt = /^[\w-]+\.[\w-]+\.[\w-]*\s*$/.test(text);
    throw new Error(
      `--claims ${file} ${isJwt ? 'is an encoded JWT. The file must contain its decoded claims' : 'is not JSON'}.`,
    );
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new Error(`--claims ${file} must contain a JSON object.`);
  }
  // Claims that are not in the file must not be taken from the example job.
  return { ...Object.fromEntries(Object.keys(EXAMPLE).map((name) => [name, undefined])), ...omit(claims, RENEWED) };
}

function parseClaim(argument: string): Claims {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(argument) ?? [];
  if (name === undefined) {
    throw new Error(`--claim ${argument} must have the form name=value, such as ref=refs/heads/dev.`);
  }
  if (!/^[[{]/.test(value)) {
    return { [name]: value };
  }
  try {
    return { [name]: JSON.parse(value) as unknown };
  } catch {
    throw new Error(`--claim ${argument} begins like JSON but is not valid JSON.`);
  }
}
