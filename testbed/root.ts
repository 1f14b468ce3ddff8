/** The folder of this repository, for its sources and for the bundle in dist/simulate. */
export const ROOT = import.meta.dirname.replace(/[\\/](?:testbed|dist[\\/]simulate)$/, '');
