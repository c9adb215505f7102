import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // Vite would take graphql's index.mjs where Node takes index.js: two copies, and an error of one is a stranger to the other.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    projects: [
      { extends: true, test: { name: 'main', include: ['test/**/*.test.ts'], exclude: ['test/browser/**'] } },
      // Needs a Chromium, which not every machine has: `npm run test:browser`.
      {
        extends: true,
        // A browser takes its time where others are at work too.
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    pool: 'forks',
    // Inherited by the worker threads that the code under test starts, so that they can load TypeScript.
    execArgv: ['--import', new URL('scripts/typescript-in-workers.mjs', import.meta.url).href],
    // One more than the two cores that CI has: some tests mostly wait, for leases and outages.
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'] },
  },
});
