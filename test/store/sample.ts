/** Events to append, as short as a test wants them. */
import type { EventFacts } from '../../src/events/event.ts';
import type { Issue } from '../../src/events/states.ts';
import type { Lifetime } from '../../src/events/subject.ts';
import type { Topic } from '../../src/events/topics.ts';
import type { Batch, NewEvent } from '../../src/store/store.ts';

export interface Change {
  /** The revision that is expected; 0 when absent. */
  readonly on?: number;
  readonly topics?: readonly Topic[];
  /** `kept` when absent. */
  readonly lifetime?: Lifetime;
  readonly deleted?: boolean;
  readonly purge?: Topic;
  readonly title?: string;
  readonly type?: 'issue' | 'suggestion';
}

/** A change of the issue with this id, or of an entity of another type. */
export function change(id: string, options: Change = {}): NewEvent {
  const {
    on = 0,
    topics = ['all'],
    lifetime = 'kept',
    deleted = false,
    purge,
    title = `after ${on}`,
  } = options;
  return {
    facts: facts(id, title),
    write: {
      type: options.type ?? 'issue',
      id,
      expectedRevision: on,
      topics: deleted ? [] : topics,
      lifetime,
      deleted,
      ...(purge === undefined ? {} : { purge }),
    },
  };
}

/** An event that leaves no state. */
export function content(title = 'content'): NewEvent {
  return { facts: { ...facts('none', title), entityId: null }, write: null };
}

export function contents(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, index) => content(`content ${index}`));
}

export function batch(...events: readonly NewEvent[]): Batch {
  return { events, idempotencyKeys: [] };
}

export function keyed(key: string | readonly string[], ...events: readonly NewEvent[]): Batch {
  return { events, idempotencyKeys: typeof key === 'string' ? [key] : key };
}

function facts(id: string, title: string): EventFacts<'issue'> {
  const data: Issue = {
    id,
    projectId: 'alpha',
    repoId: null,
    number: null,
    title,
    body: null,
    author: null,
    url: null,
    state: 'OPEN',
    stateReason: null,
    priority: null,
    labels: [],
    assignees: [],
  };
  return {
    kind: 'issue.updated',
    reason: 'EDITED',
    projectId: 'alpha',
    userId: null,
    entityId: id,
    actor: null,
    source: 'api',
    occurredAt: '2026-01-01T00:00:00.000Z',
    data,
    changed: ['title'],
    detail: {},
    asOf: {},
  };
}
