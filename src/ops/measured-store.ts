import { TidingsError } from '../errors.ts';
import { PositionLost } from '../events/position.ts';
import { RevisionConflict, type EventStore } from '../store/store.ts';
import type { Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** A store whose calls are measured, and the events counted that it wrote. */
export function measuredStore(
  store: EventStore,
  metrics: Pick<Metrics, 'storeCall' | 'published'>,
  tracing: Pick<Tracing, 'part'>,
): EventStore {
  async function measure<Result>(call: string, run: () => Promise<Result>): Promise<Result> {
    const start = performance.now();
    let outcome: 'ok' | 'refused' | 'failed' = 'failed';
    try {
      const result = await run();
      outcome = 'ok';
      return result;
    } catch (error) {
      if (isAnswer(error)) outcome = 'refused';
      throw error;
    } finally {
      metrics.storeCall(call, outcome, (performance.now() - start) / 1_000);
    }
  }

  return {
    async append(log, batch) {
      const attributes = { 'tidings.events': batch.events.length };
      const append = async () => measure('append', () => store.append(log, batch));
      const result = await tracing.part('append', append, { attributes });
      if (!result.duplicate) metrics.published(batch.events.map(({ facts }) => facts));
      return result;
    },
    recall: (log, keys) => measure('recall', () => store.recall(log, keys)),
    read: (log, after, limit) => measure('read', () => store.read(log, after, limit)),
    readBefore: (log, before, limit) => measure('readBefore', () => store.readBefore(log, before, limit)),
    head: (log) => measure('head', () => store.head(log)),
    entity: (log, type, id) => measure('entity', () => store.entity(log, type, id)),
    entities: (log, query) => measure('entities', () => store.entities(log, query)),
    size: (log) => measure('size', () => store.size(log)),
    ping: () => measure('ping', () => store.ping()),
    watch: (log, onAppended) => store.watch(log, onAppended),
    close: () => store.close(),
  };
}

/** The store works, and says that what it was asked doesn't hold. */
function isAnswer(error: unknown): boolean {
  if (error instanceof RevisionConflict || error instanceof PositionLost) return true;
  return error instanceof TidingsError && error.code !== 'STORE_UNAVAILABLE' && error.code !== 'STORE_FULL';
}
