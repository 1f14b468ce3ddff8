const FAKE_LOOKUP = `
import dns from 'node:dns';
dns.lookup = (host, options, done) => {
  console.error('lookup at ' + Date.now());
  const all = ADDRESSES.map((address) => ({ address, family: 4 }));
  process.nextTick(() => (options.all ? done(null, all) : done(null, all[0].address, 4)));
};`;

/** Returns the options of a Node program that resolves every host to these IPv4 addresses, in this order. */
export function fakeDns(...addresses: string[]): string[] {
  return preload(FAKE_LOOKUP.replace('ADDRESSES', JSON.stringify(addresses)));
}

/** Returns the options of a Node program that first runs the code of a module. */
export function preload(code: string): string[] {
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}
