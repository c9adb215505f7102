import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TidingsError } from '../../src/errors.ts';
import { moment } from '../../src/events/states.ts';
import { mappedEvents, normalise } from '../../src/ingest/github/normalise.ts';
import { planOf } from '../../src/ingest/github/plan.ts';
import { loadExample, table } from './github-examples.table.ts';
import { repository } from './github.ts';
import { MemoryState } from './memory-state.ts';

/** The same cases in every run. */
const settings = { seed: 20_240_501, numRuns: 150 };

/** Delivers a payload on a fresh server; what comes of it must be valid events, or an expected refusal. */
async function survive(event: string, payload: unknown): Promise<void> {
  try {
    const delivery = normalise(event, payload);
    if ('ignored' in delivery) return;
    // Throws on changes that no event can be made of.
    const facts = await new MemoryState().publish(planOf(delivery));
    for (const { occurredAt, asOf, actor } of facts) {
      expect(actor === null || typeof actor === 'string').toBe(true);
      for (const time of [occurredAt, ...Object.values(asOf)]) expect(moment.parse(time)).toBe(time);
    }
  } catch (error) {
    if (!(error instanceof TidingsError)) throw error;
    expect(['INVALID_INPUT', 'BAD_REQUEST']).toContain(error.code);
  }
}

/** Names of fields that normalisers look for, so that arbitrary objects have some of them. */
const fieldNames = [...new Set(table.flatMap((line) => Object.keys(loadExample(line))))];

const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'x'.repeat(70_000),
    `${'x'.repeat(1_022)}😀😀`,
    1e308,
    -1,
    1.5,
    2 ** 53,
    '9999999999999-01-01',
    [''],
  ),
  fc.dictionary(
    fc.constantFrom(...fieldNames, '__proto__', 'id', 'number', 'state'),
    fc.jsonValue({ maxDepth: 3 }),
  ),
);

/** Every place in a JSON value, as a path. */
function* placesIn(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesIn(inner, [...path, key]);
}

function replace(payload: object, [key, ...rest]: readonly string[], value: unknown): void {
  const fields = payload as Record<string, unknown>;
  if (key === undefined) return;
  if (rest.length > 0) replace(fields[key] as object, rest, value);
  else if (value === undefined) delete fields[key];
  else fields[key] = value;
}

describe('a payload of an unexpected shape is refused or told, but breaks nothing', () => {
  it.each(mappedEvents)('%s with anything for a body', async (event) => {
    await fc.assert(
      fc.asyncProperty(strange, (body) => survive(event, body)),
      settings,
    );
  });

  it.each(mappedEvents)('%s with anything beside a repository', async (event) => {
    const body = fc.dictionary(fc.constantFrom(...fieldNames, 'sha', 'state', 'alert'), strange);
    await fc.assert(
      fc.asyncProperty(body, (fields) => survive(event, { ...fields, repository: repository() })),
      settings,
    );
  });

  it.each(mappedEvents.filter((event) => table.some((line) => line.event === event)))(
    '%s as GitHub sends it, with one field missing or replaced',
    async (event) => {
      const lines = table.filter((line) => line.event === event);
      const broken = fc.constantFrom(...lines).chain((line) => {
        const payload = loadExample(line);
        return fc.tuple(
          fc.constant(line),
          fc.constantFrom(...placesIn(payload)),
          fc.option(strange, { nil: undefined }),
        );
      });
      await fc.assert(
        fc.asyncProperty(broken, async ([line, place, value]) => {
          const payload = loadExample(line);
          replace(payload, place, value);
          await survive(event, payload);
        }),
        settings,
      );
    },
  );
});
