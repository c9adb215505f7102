import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n');
const mapOf = (name: string) => JSON.parse(readFileSync(join(dist, name), 'utf8')) as SourceMap['payload'];

describe('the build', () => {
  it('leads with --enable-source-maps from a line of a stack trace to that of the sources', () => {
    const lines = linesOf(join(dist, 'main.js'));
    expect(lines).toContain('//# sourceMappingURL=main.js.map');
    const text = 'await program().parseAsync(given';
    const line = lines.findIndex((each) => each.includes(text));
    const column = lines[line]!.indexOf(text);
    const found = new SourceMap(mapOf('main.js.map')).findEntry(line, column);
    const { originalSource, originalLine } = found as { originalSource: string; originalLine: number };
    expect(originalSource).toMatch(/src\/cli\/program\.ts$/);
    expect(linesOf(join(dist, originalSource))[originalLine]).toContain(text);
  });

  // An error of one copy would be a stranger to the other.
  it('has graphql once', () => {
    const maps = readdirSync(dist).filter((name) => name.endsWith('.js.map'));
    const sources = maps.flatMap((name) => mapOf(name).sources);
    expect(sources.filter((path) => /graphql\/error\/GraphQLError\.m?js$/.test(path))).toHaveLength(1);
  });
});
