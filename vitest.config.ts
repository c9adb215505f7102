import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // Vite would take graphql's index.mjs where Node takes index.js: two copies, and an error of one is a stranger to the other.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Inherited by the worker threads that the code under test starts, so that they can load TypeScript.
    execArgv: ['--import', new URL('scripts/typescript-in-workers.mjs', import.meta.url).href],
    // Several tests measure time: more processes than cores would measure each other.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'] },
  },
});
