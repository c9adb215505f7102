/**
 * What every event store does, as tests against the contract in src/store/store.ts alone.
 *
 *     describeEventStore('the embedded store', async () => new EmbeddedHarness());
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { Records } from '../../src/store/records.ts';
import type { EventStore, LogName, Retention } from '../../src/store/store.ts';
import { describeAppending } from './conformance/appending.ts';
import { describeEntities } from './conformance/entities.ts';
import { describeGuards } from './conformance/guards.ts';
import { describeIdempotency } from './conformance/idempotency.ts';
import { describeLifecycle } from './conformance/lifecycle.ts';
import { describeModel } from './conformance/model.ts';
import { describeReading } from './conformance/reading.ts';
import { describeRecords } from './conformance/records.ts';
import { describeRetention } from './conformance/retention.ts';
import { describeWatching } from './conformance/watching.ts';
import type { Clock } from './support.ts';

/** An event store, with the records beside its logs. */
interface StoreWithRecords extends EventStore {
  readonly records: Records;
}

/** A backend with data of its own and a clock that only the test moves. */
export interface StoreHarness {
  readonly clock: Clock;
  /** Opens a store; after it was closed, another one on the same data. Without retention everything is kept. */
  open(retention?: (log: LogName) => Retention): Promise<StoreWithRecords>;
  /** Closes what is open and removes the data. */
  dispose(): Promise<void>;
}

/** What the parts of the suite work with. */
export interface Suite {
  /** A store that keeps everything, shared by the tests: each uses logs of its own. */
  readonly store: StoreWithRecords;
  readonly clock: Clock;
  /** The log of a workspace that nobody else uses. */
  newLog(stream?: LogName['stream']): LogName;
  /** A backend of its own, for tests that reopen, close or trim; disposed of after the test. */
  newHarness(): Promise<StoreHarness>;
}

export function describeEventStore(name: string, createHarness: () => Promise<StoreHarness>): void {
  describe(name, () => {
    let shared: StoreHarness;
    let store: StoreWithRecords;
    let workspaces = 0;
    const harnesses: StoreHarness[] = [];

    beforeAll(async () => {
      shared = await createHarness();
      store = await shared.open();
    });
    afterEach(async () => {
      await Promise.all(harnesses.splice(0).map((harness) => harness.dispose()));
    });
    afterAll(async () => {
      await shared.dispose();
    });

    const suite: Suite = {
      get store() {
        return store;
      },
      get clock() {
        return shared.clock;
      },
      newLog: (stream = 'events') => ({ workspace: `workspace ${++workspaces}`, stream }),
      newHarness: async () => {
        const harness = await createHarness();
        harnesses.push(harness);
        return harness;
      },
    };
    describeAppending(suite);
    describeGuards(suite);
    describeIdempotency(suite);
    describeEntities(suite);
    describeReading(suite);
    describeRetention(suite);
    describeWatching(suite);
    describeLifecycle(suite);
    describeRecords(suite);
    describeModel(suite);
  });
}
