/**
 * src/ → dist/. The server and its threads become a few files with the libraries in them: a thousand files of their own are more than half of what
 * it costs to start. Lua scripts are copied as they are; the page and the client are built beside it.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

// A renamed source must not leave its old output behind.
rmSync(`${root}dist`, { recursive: true, force: true });

await bundle(['main'], 'es');
await bundle(['store/embedded/writer', 'store/embedded/reader'], 'cjs');
buildClient();
await build({ root: `${root}src/dashboard` });

for (const path of readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.lua')) cpSync(`${root}src/${path}`, `${root}dist/${path}`);
}

// It is the program `tidings` too.
chmodSync(`${root}dist/main.js`, 0o755);

/** Files of src/ with all that they import. Of libraries only the page of GraphiQL stays outside: 9 MB that are loaded when somebody asks for it. */
async function bundle(names: readonly string[], format: 'es' | 'cjs'): Promise<void> {
  const fileNames = format === 'es' ? '[name].js' : '[name].cjs';
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: true, external: ['@graphql-yoga/render-graphiql'] },
    plugins: [besideTheSources()],
    build: {
      ssr: true,
      target: 'node20',
      outDir: 'dist',
      emptyOutDir: false,
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: Object.fromEntries(names.map((name) => [name, `src/${name}.ts`])),
        output: {
          format,
          entryFileNames: fileNames,
          chunkFileNames: fileNames,
          comments: { jsdoc: false, annotation: false, legal: true },
          sourcemapExcludeSources: true,
        },
      },
    },
  });
}

/** For programs of others, with their own graphql-ws: a module with its types. */
function buildClient(): void {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
  const { status } = spawnSync(process.execPath, tsc, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Code finds the files beside it from where it would be in dist/, and not from the chunk of dist/ that it became a part of. */
function besideTheSources(): Plugin {
  const src = `${root}src/`;
  return {
    name: 'beside-the-sources',
    transform(code, id) {
      if (!id.startsWith(src) || !code.includes('import.meta.url')) return undefined;
      const path = id.slice(src.length).replace(/\.ts$/, '.js');
      return {
        code: code.replaceAll('import.meta.url', `new URL('./${path}', import.meta.url).href`),
        map: null,
      };
    },
  };
}
