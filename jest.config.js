export default {
  testEnvironment: 'node',
  testTimeout: 60_000,
  maxConcurrency: 8,
  // Most of the time, tests wait for the programs that they run.
  maxWorkers: '100%',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true }] },
};
