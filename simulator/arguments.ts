import { parseArgs } from 'node:util';
import { isSeq, LineCounter, parseDocument } from 'yaml';
import { BadFile, read } from './bad-file.js';
import { EXAMPLE, omit, RENEWED, type Claims } from './identities.js';
import { STRANGERS } from './groups.js';

/** The help text. */
export const HELP = `Simulates logins to Nomad, so that you can test binding rules before you create them.

  node dist/simulate/index.js demo                              a demo
  node dist/simulate/index.js --config github-adv               a table of jobs: which of them get a token, and why not
  node dist/simulate/index.js --config FOLDER --claims FILE     what one job gets, and the effect of each binding rule
  node dist/simulate/index.js --config FOLDER --expect FILE     compares what jobs get with what you expect

Options:
  --config github|github-adv|FOLDER|FILE
                       the configuration (required): an auth method of docs/nomad-setup.md, a folder with
                       auth-method*.json, binding-rule*.json, role*.json and policy*.json as in Nomad's API, with
                       one object or a list in each, or the output of "terraform show -json" for a plan or a state.
                       NAME.hcl defines the policy NAME.
  --method NAME        the auth method, if the folder has several
  --claim NAME=VALUE   changes a claim of the example job, or of the job in --claims (repeatable). The claims that
                       GitHub derives from it change as well, unless you set them: sub, and the ref of an event
  --claims FILE        the job to explain: its claims as a JSON object, or as the log of the login step lists them
  --expect FILE        a list of jobs in YAML or JSON: the claims that differ from the example job, and what the job gets
  --log                with --claims: show the log of the action's step as well
  --help               show this text

The example job is a push to main with the claims of jws-example.json and the custom property team. JWTs are
signed with RS256. Their audience is the first one in BoundAudiences, unless the claims include aud.

The simulator starts its own Nomad: the program in NOMAD_BIN, nomad on the PATH, or a fake Nomad.
It does not contact any other cluster.

The table also shows groups of strangers, each with the claims that it can get and that get the most.

Exit status: 1 if the job of --claims is refused, or if with --expect somebody gets something else or there is a
warning; 2 if an argument or a file is invalid or the fake Nomad cannot judge a rule; otherwise 0.`;

/** A job, and what it should get. */
export interface Expectation {
  /** Its name in the table, instead of its claims. */
  name?: string;
  /** The group of strangers that it is about, instead of a job. */
  who?: string;
  claims: Claims;
  gets: string;
  file: string;
  line: number;
}

/** What to simulate. */
export interface Plan {
  config: string;
  methodName: string | undefined;
  /** All claims of the job to explain. */
  job: Claims | undefined;
  changes: Claims;
  expectations: Expectation[] | undefined;
  showsLog: boolean;
}

/** Reads the arguments; throws an error that names an invalid one. */
export async function readPlan(args: string[]): Promise<Plan> {
  const { values } = parseArgs({
    args,
    options: {
      claim: { type: 'string', multiple: true, default: [] },
      claims: { type: 'string' },
      config: { type: 'string' },
      expect: { type: 'string' },
      method: { type: 'string' },
      log: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.config === undefined) {
    throw new Error(
      'Set config to the folder of your configuration, to a plan or state of Terraform, to github, or to github-adv.',
    );
  }
  return {
    config: values.config,
    methodName: values.method,
    job: values.claims === undefined ? undefined : await readClaims(values.claims),
    changes: Object.assign({}, ...values.claim.map(parseClaim)) as Claims,
    expectations: values.expect === undefined ? undefined : await readExpectations(values.expect),
    showsLog: values.log,
  };
}

async function readClaims(file: string): Promise<Claims> {
  const text = await read(file);
  // A downloaded log has a time at the beginning of each line, and a log of act the name of the job.
  const logged = [...text.matchAll(/^(?:\S+ |\[.+\] +\| )?- ([\w.:/-]+): (.+?)\r?$/gm)];
  const claims = parseJson(
    logged.length > 0 ? `{${logged.map(([, name, value = '']) => `"${name ?? ''}":${value}`).join()}}` : text,
  );
  if (!isObject(claims)) {
    throw new BadFile(file, 'must contain the claims of a JWT as a JSON object, or as a log lists them.');
  }
  // Claims that are not in the file must not be taken from the example job.
  return { ...Object.fromEntries(Object.keys(EXAMPLE).map((name) => [name, undefined])), ...omit(claims, RENEWED) };
}

async function readExpectations(file: string): Promise<Expectation[]> {
  const lineCounter = new LineCounter();
  const document = parseDocument(await read(file), { lineCounter });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new BadFile(file, `is not YAML: ${error.message}`, error.linePos?.[0].line);
  }
  if (!isSeq(document.contents) || document.contents.items.length === 0) {
    throw new BadFile(file, 'must contain a list of jobs.');
  }
  const expectations = document.contents.items.map((node) => {
    const { line } = lineCounter.linePos(node.range[0]);
    const job: unknown = node.toJS(document);
    const { name, who, gets, ...claims } = (isObject(job) ? job : {}) as Claims;
    const parts = typeof gets === 'string' ? gets.split(/\s*,\s*/).sort() : [''];
    if (!/^(?:refused|management|(?:role|policy) \S+(?:, (?:role|policy) \S+)*)$/.test(parts.join(', '))) {
      const problem = `has a job without "gets: refused", "gets: management" or "gets: role NAME, policy NAME": ${JSON.stringify(job)}`;
      throw new BadFile(file, problem, line);
    }
    const isStranger = STRANGERS.some((stranger) => stranger === who);
    if (who !== undefined && (!isStranger || Object.keys(claims).length > 0)) {
      throw new BadFile(file, `must name one of these in "who", without claims: ${STRANGERS.join(', ')}.`, line);
    }
    return {
      ...(typeof name === 'string' && { name }),
      ...(typeof who === 'string' && { who }),
      ...{ claims, gets: parts.join(', '), file, line },
    };
  });
  const twice = expectations.find(({ who }, index) =>
    expectations.slice(0, index).some((job) => who && job.who === who),
  );
  if (twice !== undefined) {
    throw new BadFile(file, `has "who: ${String(twice.who)}" more than once.`, twice.line);
  }
  return expectations;
}

function parseClaim(argument: string): Claims {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(argument) ?? [];
  if (name === undefined) {
    throw new Error(`--claim ${argument} must have the form name=value, such as ref=refs/heads/dev.`);
  }
  const claim = /^[[{]/.test(value) ? parseJson(value) : value;
  if (claim === undefined) {
    throw new Error(`--claim ${argument} begins like JSON but is not valid JSON.`);
  }
  return { [name]: claim };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
