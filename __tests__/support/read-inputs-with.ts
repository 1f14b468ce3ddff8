import { readInputs, type Inputs } from '../../src/inputs/inputs.js';
import { captureStdout } from './capture.js';

/** The result of reading inputs: the inputs or an error, and the output. */
export interface Reading {
  inputs: Inputs | undefined;
  error: string;
  output: string;
}

/** Reads inputs in this process, as the runner passes them, and captures the output. */
export function readInputsWith(given: Record<string, string>): Reading {
  const variables = Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value] as const);
  const capture = captureStdout();
  variables.forEach(([name, value]) => (process.env[name] = value));
  try {
    return { inputs: readInputs(), error: '', output: capture.text };
  } catch (error) {
    return { inputs: undefined, error: (error as Error).message, output: capture.text };
  } finally {
    capture.restore();
    variables.forEach(([name]) => (process.env[name] = ''));
  }
}
