import { runDemo, runSimulator } from './cli.js';

const args = process.argv.slice(2);
const print = (lines: string): void => console.log(lines);
try {
  process.exitCode = await (args[0] === 'demo' ? runDemo(print) : runSimulator(args, print));
} catch (error) {
  console.error(`${(error as Error).message}\nFor help, run: npm run simulate -- --help`);
  process.exitCode = 2;
}
