import { defineConfig } from 'vitest/config';
import { compiledWorkers } from './test/support/compiled-workers.ts';

export default defineConfig({
  plugins: [compiledWorkers()],
  resolve: {
    // Vite would take graphql's index.mjs where Node takes index.js: two copies, and an error of one is a stranger to the other.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**'],
          globalSetup: 'test/support/suite-log-check.ts',
        },
      },
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
    // Files that share a process load the server and its libraries once; no module of src/ keeps anything of its own.
    isolate: false,
    // One more than the two cores that CI has: some tests mostly wait, for leases and outages.
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'] },
  },
});
