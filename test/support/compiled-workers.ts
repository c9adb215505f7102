import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'vite';

const outDirectory = 'node_modules/.cache/tidings-workers';
const store = fileURLToPath(new URL('../../src/store/embedded', import.meta.url));

/**
 * The store's threads load their scripts by Node, which needs a loader for TypeScript: half a second of work for each
 * server that a test starts. So they get JavaScript, made anew from the sources in each run.
 */
export function compiledWorkers(): Plugin {
  return {
    name: 'compiled-workers',
    enforce: 'pre',
    async buildStart() {
      await build({
        configFile: false,
        logLevel: 'error',
        // All as in dist/.
        ssr: { noExternal: true },
        build: {
          ssr: true,
          outDir: outDirectory,
          minify: false,
          rollupOptions: {
            input: [`${store}/writer.ts`, `${store}/reader.ts`],
            output: { format: 'cjs', entryFileNames: '[name].cjs' },
          },
        },
      });
    },
    transform(code, id) {
      if (id !== `${store}/thread.ts`) return undefined;
      const url = new URL(`${outDirectory}/thread.js`, pathToFileURL(`${process.cwd()}/`));
      return code.replaceAll('import.meta.url', JSON.stringify(url.href));
    },
  };
}
