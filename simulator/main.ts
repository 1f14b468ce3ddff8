import { runSimulator } from './cli.js';

try {
  process.exitCode = await runSimulator(process.argv.slice(2), (lines) => {
    console.log(lines);
  });
} catch (error) {
  console.error(`${(error as Error).message}\nFor help, run: npm run simulate -- --help`);
  process.exitCode = 2;
}
