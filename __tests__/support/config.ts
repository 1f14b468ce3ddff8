import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issuer } from '../../testbed/issuer.js';
import { ROOT } from './docs.js';

/** Copies nomad-config into a folder, with an issuer's keys instead of GitHub's. */
export async function copyConfig(issuer: Issuer, to: string): Promise<void> {
  await cp(join(ROOT, 'nomad-config'), join(to, 'nomad-config'), { recursive: true });
  for (const name of ['auth-method.json', 'auth-method-adv.json']) {
    const file = join(to, 'nomad-config', name);
    const config = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...config, JWKSURL: issuer.jwksUrl }));
  }
}
