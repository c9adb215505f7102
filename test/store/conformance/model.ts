/**
 * A store written down in its simplest form, and random histories that have to end the same way in both.
 *
 * The model trims at once; of the store the test waits until it has, so that what is forgotten with the log is comparable.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Topic } from '../../../src/events/topics.ts';
import type { AppendResult, Batch, EventStore, LogName, NewEvent } from '../../../src/store/store.ts';
import { RevisionConflict } from '../../../src/store/store.ts';
import type { Suite } from '../conformance.ts';
import { change, content } from '../sample.ts';
import { idsOf, keepEverything, readAll, until } from '../support.ts';

const RETAINED = 7;
const ids = ['a', 'b', 'ü'] as const;
const topics = ['all', 'project:x', 'project:y'] as const satisfies Topic[];

/** A change whose expected revision is off by `drift`, or a content where `id` is null. */
interface Step {
  readonly id: (typeof ids)[number] | null;
  readonly drift: number;
  readonly topics: readonly Topic[];
  readonly lifetime: 'kept' | 'log';
  readonly deleted: boolean;
  readonly purge: Topic | null;
}

/** A guard of an entity's revision, or, where `id` is null, of what is found under the first topic; both may be off. */
interface Reliance {
  readonly id: (typeof ids)[number] | null;
  readonly drift: number;
  readonly limit: number;
}

interface Command {
  readonly steps: readonly Step[];
  readonly keys: readonly string[];
  readonly reliances: readonly Reliance[];
}

type Guards = NonNullable<Batch['guards']>;

const seldomOff = fc.oneof(
  { weight: 15, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1) },
);
const step: fc.Arbitrary<Step> = fc.record({
  id: fc.option(fc.constantFrom(...ids), { freq: 5 }),
  drift: seldomOff,
  topics: fc.subarray([...topics]),
  lifetime: fc.constantFrom('kept', 'log'),
  deleted: fc.oneof(
    { weight: 5, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  purge: fc.option(fc.constantFrom(...topics), { freq: 1, nil: null }),
});
const reliance: fc.Arbitrary<Reliance> = fc.record({
  id: fc.option(fc.constantFrom(...ids), { freq: 2 }),
  drift: seldomOff,
  limit: fc.integer({ min: 1, max: 3 }),
});
const command: fc.Arbitrary<Command> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  keys: fc.subarray(['k1', 'k2', 'k3', 'k4', 'k5'], { maxLength: 2 }),
  reliances: fc.array(reliance, { maxLength: 2 }),
});

interface ModelEntity {
  readonly revision: number;
  readonly offset: number;
  readonly topics: readonly Topic[];
  readonly lifetime: 'kept' | 'log';
  readonly deleted: boolean;
}

interface Outcome {
  readonly offsets?: readonly number[];
  readonly revisions?: readonly number[];
  readonly duplicate?: boolean;
  readonly conflict?: number;
}

class Model {
  /** Revision of the entry at each offset, from 1 on. */
  revisions: number[] = [];
  floor = 0;
  entities = new Map<string, ModelEntity>();
  readonly #outcomes = new Map<string, Outcome>();

  /** The events that a command stands for, given the state that it meets. */
  plan({ steps }: Command): NewEvent[] {
    const draft = this.#draft();
    return steps.map((each) => {
      if (each.id === null) return content();
      const on = (draft.entities.get(each.id)?.revision ?? 0) + each.drift;
      draft.#apply(each);
      const { lifetime, deleted, purge } = each;
      return change(each.id, {
        on,
        topics: each.topics,
        lifetime,
        deleted,
        ...(purge === null ? {} : { purge }),
      });
    });
  }

  guards({ reliances }: Command): Guards {
    return reliances.map((each) => {
      const { id, drift: off, limit } = each;
      if (id !== null) {
        const expectedRevision = (this.entities.get(id)?.revision ?? 0) + off;
        return { type: 'issue', id, expectedRevision };
      }
      const [topic] = topics;
      const found = this.listed(topic).slice(0, limit);
      return { type: 'issue', topic, limit, ids: off === 0 ? found : [...found.slice(1), 'another'] };
    });
  }

  append(given: Command): Outcome {
    for (const key of given.keys) {
      const known = this.#outcomes.get(key);
      if (known !== undefined) return { ...known, duplicate: true };
    }
    const broken = given.reliances.findIndex((each) => each.drift !== 0);
    if (broken !== -1) return { conflict: given.steps.length + broken };
    const conflict = given.steps.findIndex(({ id, drift }) => id !== null && drift !== 0);
    if (conflict !== -1) return { conflict };
    const first = this.revisions.length + 1;
    for (const each of given.steps) this.#apply(each);
    const offsets = given.steps.map((_, index) => first + index);
    const outcome = { offsets, revisions: this.revisions.slice(first - 1), duplicate: false };
    for (const key of given.keys) this.#outcomes.set(key, outcome);
    this.#trim();
    return outcome;
  }

  listed(topic: Topic): string[] {
    return ids.filter((id) => this.entities.get(id)?.topics.includes(topic) === true);
  }

  #draft(): Model {
    const draft = new Model();
    draft.revisions = [...this.revisions];
    draft.entities = new Map(this.entities);
    return draft;
  }

  #apply({ id, topics: filed, lifetime, deleted, purge }: Step): void {
    const offset = this.revisions.length + 1;
    const revision = id === null ? 0 : (this.entities.get(id)?.revision ?? 0) + 1;
    this.revisions.push(revision);
    if (id === null) return;
    this.entities.set(id, { revision, offset, lifetime, deleted, topics: deleted ? [] : filed });
    for (const [other, entity] of this.entities) {
      if (purge !== null && other !== id && entity.topics.includes(purge)) this.entities.delete(other);
    }
  }

  #trim(): void {
    this.floor = Math.max(this.floor, this.revisions.length - RETAINED);
    for (const [id, { lifetime, offset }] of this.entities) {
      if (lifetime === 'log' && offset <= this.floor) this.entities.delete(id);
    }
  }
}

async function outcomeOf(append: Promise<AppendResult>): Promise<Outcome> {
  try {
    const { appended, duplicate } = await append;
    return {
      offsets: appended.map(({ position }) => position.offset),
      revisions: appended.map(({ revision }) => revision),
      duplicate,
    };
  } catch (error) {
    if (error instanceof RevisionConflict) return { conflict: error.index };
    throw error;
  }
}

async function expectSame(store: EventStore, log: LogName, model: Model): Promise<void> {
  const entries = await readAll(store, log, 'oldest', 3);
  expect(entries.map(({ revision }) => revision)).toEqual(model.revisions.slice(model.floor));
  expect(entries[0]?.position.offset ?? 1).toBe(model.revisions.length === 0 ? 1 : model.floor + 1);
  for (const id of ids) {
    const state = await store.entity(log, 'issue', id);
    const expected = model.entities.get(id);
    expect(state && [state.entry.revision, state.entry.position.offset, state.deleted]).toEqual(
      expected && [expected.revision, expected.offset, expected.deleted],
    );
  }
  for (const topic of topics) {
    expect(await idsOf(store, log, { type: 'issue', topic, limit: 2 })).toEqual(model.listed(topic));
  }
}

export function describeModel(suite: Suite): void {
  describe('any history of appends', () => {
    it('ends as a simple model of the contract says', async () => {
      const harness = await suite.newHarness();
      const store = await harness.open(() => ({ ...keepEverything, events: RETAINED }));
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 20 }), async (commands) => {
          const log = suite.newLog();
          const model = new Model();
          for (const each of commands) {
            const batch = {
              events: model.plan(each),
              guards: model.guards(each),
              idempotencyKeys: each.keys,
            };
            const outcome = await outcomeOf(store.append(log, batch));
            expect(outcome).toEqual(model.append(each));
            const retained = model.revisions.length - model.floor;
            await until(async () => (await store.size(log)).events === retained);
          }
          await expectSame(store, log, model);
        }),
        { numRuns: 40 },
      );
    });
  });
}
