import { readInputs, type Inputs } from '../../src/inputs/inputs.js';
import { captureStdout } from './in-process.js';

/** Reads inputs in this process, as the runner passes them; returns them or the error, and what was printed. */
export function readInputsWith(given: Record<string, string>): { inputs?: Inputs; error: string; output: string } {
  const variables = Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value] as const);
  variables.forEach(([name, value]) => (process.env[name] = value));
  const output = { text: '' };
  const restore = captureStdout(output);
  try {
    return { inputs: readInputs(), error: '', output: output.text };
  } catch (error) {
    return { error: (error as Error).message, output: output.text };
  } finally {
    restore();
    variables.forEach(([name]) => (process.env[name] = ''));
  }
}
