import { runDemo, runSimulator } from './cli.js';

const [first, ...rest] = process.argv.slice(2);
const print = (lines: string): void => {
  console.log(lines);
};
try {
  process.exitCode = await (first === 'demo' && rest.length === 0
    ? runDemo(print)
    : runSimulator(process.argv.slice(2), print));
} catch (error) {
  console.error(`${(error as Error).message}\nFor help, run: npm run simulate -- --help`);
  process.exitCode = 2;
}
