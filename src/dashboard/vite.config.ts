import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** The server sends these to who takes gzip. Made of what was written: other plugins change a bundle to the last. */
const gzip: Plugin = {
  name: 'gzip',
  writeBundle({ dir = '' }, bundle) {
    for (const name of Object.keys(bundle)) {
      if (name.endsWith('.html')) continue;
      const file = join(dir, name);
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
    }
  },
};

/** `npm run build:dashboard`: one page in dist/dashboard, whose scripts and styles have their hash in their name. */
export default defineConfig({
  root: import.meta.dirname,
  // Also behind a proxy that gives the server a path.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [gzip],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    // The page's Content-Security-Policy knows files of the server only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  logLevel: 'warn',
});
