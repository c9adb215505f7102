import { mayPublish } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { invalidInput, TidingsError, type InputIssue } from '../errors.ts';
import type { StateOf, SubjectName } from '../events/catalogue.ts';
import { topicsOf, type Entry, type EventFacts } from '../events/event.ts';
import { encodeCursor } from '../events/position.ts';
import type { Topic } from '../events/topics.ts';
import {
  RevisionConflict,
  type AppendResult,
  type EventStore,
  type LogName,
  type NewEvent,
} from '../store/store.ts';
import type { AnyChange, Plan, StateView } from './change.ts';
import { idOfPatch, merge, type Base } from './merge.ts';

export interface PublishRequest {
  /** Needs scope `publish` and access to every project concerned, before and after. */
  readonly publishedBy: Viewer;
  /** `api`, `github` or `cloudevents`. */
  readonly source: string;
  readonly plan: Plan;
  /** Each up to 256 characters. Any of them known: nothing is published again. */
  readonly idempotencyKeys?: readonly string[];
}

export interface Published {
  /** One an event, in order. */
  readonly cursors: readonly string[];
  /** It was published before; `cursors` are those of then. */
  readonly duplicate: boolean;
  /** The events' facts, in order. Empty for a repetition; where another process published the same in the same moment, they were not written. */
  readonly facts: readonly EventFacts[];
}

/** More than any healthy race needs; beyond it the caller is told CONFLICT. */
const MAX_ATTEMPTS = 12;

/** State that is on its way to the store. */
interface UnderWay extends Base {
  /** It is there, or won't be. */
  readonly settled: Promise<unknown>;
}

/** What a plan saw of an entity was changed by another writer of this process before it could be merged. */
class Outdated extends Error {
  /** Settles when planning again can see that change. */
  readonly settled: Promise<unknown> | undefined;

  constructor(settled?: Promise<unknown>) {
    super('planned on state that has changed');
    this.settled = settled;
  }
}

/**
 * The one write path: plan, merge into entity state, validate, check access, append.
 *
 * Writers of one entity don't wait for each other's commits: each merges onto the state that the one before has on its way to the
 * store, and the store takes them in order. Should a write fail, those merged onto it conflict and are planned again.
 */
export class Publisher {
  readonly #store: EventStore;
  readonly #now: () => number;
  /** The newest state on its way to the store, by log, subject and id. */
  readonly #underWay = new Map<string, UnderWay>();
  /** Publications with an idempotency key that are under way, by workspace and key. */
  readonly #repeatable = new Map<string, Promise<Published>>();

  constructor(options: { readonly store: EventStore; readonly now: () => number }) {
    this.#store = options.store;
    this.#now = options.now;
  }

  /**
   * Resolves when the events are durable.
   *
   * @throws TidingsError INVALID_INPUT with all mistakes, FORBIDDEN, NOT_FOUND, CONFLICT, STORE_UNAVAILABLE, STORE_FULL, and whatever the
   *   plan throws: nothing was written
   */
  async publish(request: PublishRequest): Promise<Published> {
    const log: LogName = { workspace: request.publishedBy.workspace, stream: 'events' };
    const keys = request.idempotencyKeys ?? [];
    return keys.length === 0 ? this.#publish(log, request, keys) : this.#publishOnce(log, request, keys);
  }

  /**
   * A repetition waits for what it repeats and asks before it plans: its plan may be impossible by now (what it deletes is gone), and its
   * merged state, which nobody writes, would get in the way of others.
   */
  async #publishOnce(log: LogName, request: PublishRequest, keys: readonly string[]): Promise<Published> {
    const names = keys.map((key) => JSON.stringify([log.workspace, key]));
    for (
      let before;
      (before = names.map((name) => this.#repeatable.get(name)).find(Boolean)) !== undefined;
    ) {
      await before.catch(() => undefined);
    }
    const task = (async () => {
      const first = await this.#store.recall(log, keys);
      return first === undefined ? this.#publish(log, request, keys) : published(first, []);
    })();
    for (const name of names) this.#repeatable.set(name, task);
    try {
      return await task;
    } finally {
      for (const name of names) this.#repeatable.delete(name);
    }
  }

  async #publish(log: LogName, request: PublishRequest, keys: readonly string[]): Promise<Published> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        const view = new PlanView(log, this.#store, this.#underWay);
        const changes = await request.plan(view);
        if (changes.length === 0) return { cursors: [], duplicate: false, facts: [] };
        await this.#load(view, changes);
        const events = this.#mergeAll(view, changes, request);
        const facts = events.map((event) => event.facts);
        return published(await this.#append(log, events, keys), facts);
      } catch (error) {
        if (error instanceof Outdated) await error.settled;
        else if (!(error instanceof RevisionConflict)) throw error;
      }
    }
    throw new TidingsError('CONFLICT');
  }

  /** Reads what the changes will be merged onto, and the projects that they name or that the entities are in. */
  async #load(view: PlanView, changes: readonly AnyChange[]): Promise<void> {
    await Promise.all(
      changes.map(async (change) => {
        const id = idOfPatch(change);
        const base = id === undefined ? undefined : await view.base(change.subject, id);
        const { projectId } = change.patch as { projectId?: unknown };
        for (const each of [projectId, base?.facts.projectId]) {
          if (typeof each === 'string') await view.base('project', each);
        }
      }),
    );
  }

  /** Synchronous from the first look at a base until the store has the batch: nothing comes between. */
  #mergeAll(view: PlanView, changes: readonly AnyChange[], request: PublishRequest): NewEvent[] {
    const issues: InputIssue[] = [];
    const events: NewEvent[] = [];
    const merged = new Map<string, Base>();
    const now = new Date(this.#now()).toISOString();
    const context = { source: request.source, actor: request.publishedBy.userId, now };
    for (const change of changes) {
      const id = idOfPatch(change);
      const key = id === undefined ? undefined : view.key(change.subject, id);
      const base = key === undefined ? undefined : (merged.get(key) ?? view.latest(key));
      const result = merge(change, base, context);
      const found = [...(change.issues ?? []), ...('issues' in result ? result.issues : [])];
      issues.push(...found);
      if ('issues' in result || found.length > 0) continue;
      const { facts, write } = result.event;
      if (base !== undefined) requirePublish(request.publishedBy, base.facts.projectId);
      requirePublish(request.publishedBy, facts.projectId);
      if (change.subject !== 'project' && facts.projectId !== null) {
        const projectKey = view.key('project', facts.projectId);
        const project = merged.get(projectKey) ?? view.latest(projectKey);
        // The entity has moved since it was read, into a project that was not.
        if (project === undefined && !view.isLoaded(projectKey)) throw new Outdated();
        if (project === undefined || project.deleted) {
          throw new TidingsError('NOT_FOUND', `There is no project "${facts.projectId}"; create it first.`);
        }
      }
      events.push(result.event);
      if (write !== null) {
        merged.set(view.key(write.type, write.id), {
          facts,
          revision: write.expectedRevision + 1,
          deleted: write.deleted,
        });
      }
    }
    if (issues.length > 0) throw invalidInput(issues);
    return events;
  }

  async #append(
    log: LogName,
    events: readonly NewEvent[],
    idempotencyKeys: readonly string[],
  ): Promise<AppendResult> {
    const appending = this.#store.append(log, { events, idempotencyKeys });
    const settled = appending.then(
      () => undefined,
      () => undefined,
    );
    const mine = new Map<string, UnderWay>();
    for (const { facts, write } of events) {
      if (write === null) continue;
      const { expectedRevision, deleted } = write;
      mine.set(entityKey(log, write.type, write.id), {
        facts,
        revision: expectedRevision + 1,
        deleted,
        settled,
      });
    }
    for (const [key, base] of mine) this.#underWay.set(key, base);
    try {
      return await appending;
    } finally {
      for (const [key, base] of mine) if (this.#underWay.get(key) === base) this.#underWay.delete(key);
    }
  }
}

function published(result: AppendResult, facts: readonly EventFacts[]): Published {
  return {
    cursors: result.appended.map(({ position }) => encodeCursor(position)),
    duplicate: result.duplicate,
    facts,
  };
}

function requirePublish(viewer: Viewer, projectId: string | null): void {
  if (mayPublish(viewer, projectId)) return;
  throw new TidingsError(
    'FORBIDDEN',
    projectId === null
      ? 'Your token does not allow to publish to the whole workspace.'
      : 'Your token does not allow to publish to this project.',
  );
}

function entityKey(log: LogName, type: SubjectName, id: string): string {
  return JSON.stringify([log.workspace, type, id]);
}

/** State as one attempt sees it, and which revisions its plan relied on. */
class PlanView implements StateView {
  readonly #log: LogName;
  readonly #store: EventStore;
  readonly #underWay: ReadonlyMap<string, UnderWay>;
  readonly #loaded = new Map<string, Base | undefined>();
  readonly #seen = new Map<string, number>();

  constructor(log: LogName, store: EventStore, underWay: ReadonlyMap<string, UnderWay>) {
    this.#log = log;
    this.#store = store;
    this.#underWay = underWay;
  }

  key(type: SubjectName, id: string): string {
    return entityKey(this.#log, type, id);
  }

  async entity<Name extends SubjectName>(type: Name, id: string): Promise<StateOf<Name> | undefined> {
    const base = await this.base(type, id);
    this.#seen.set(this.key(type, id), base?.revision ?? 0);
    return base === undefined || base.deleted ? undefined : (base.facts.data as StateOf<Name>);
  }

  async find<Name extends SubjectName>(type: Name, topic: Topic, limit: number): Promise<StateOf<Name>[]> {
    const found: StateOf<Name>[] = [];
    let after = {};
    for (let hasMore = true; hasMore && found.length < limit;) {
      const page = await this.#store.entities(this.#log, {
        type,
        topic,
        limit: limit - found.length,
        ...after,
      });
      for (const entry of page.entries) {
        const key = this.key(type, entry.entityId!);
        this.#loaded.set(key, baseOf(entry));
        const underWay = this.#underWay.get(key);
        // It is leaving the topic, such as a repository its project: what takes its place is seen when that is through.
        if (underWay !== undefined && !topicsOf(underWay.facts).includes(topic))
          throw new Outdated(underWay.settled);
        const base = underWay ?? baseOf(entry);
        this.#seen.set(key, base.revision);
        if (!base.deleted) found.push(base.facts.data as StateOf<Name>);
      }
      // A page may be short of the limit, where the entities are large.
      after = { afterId: page.entries.at(-1)?.entityId };
      hasMore = page.hasMore;
    }
    return found;
  }

  async base(type: SubjectName, id: string): Promise<Base | undefined> {
    const key = this.key(type, id);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    if (!this.#loaded.has(key)) {
      const record = await this.#store.entity(this.#log, type, id);
      this.#loaded.set(key, record && { ...baseOf(record.entry), deleted: record.deleted });
    }
    return this.#underWay.get(key) ?? this.#loaded.get(key);
  }

  isLoaded(key: string): boolean {
    return this.#loaded.has(key);
  }

  /** @throws Outdated the plan saw another revision */
  latest(key: string): Base | undefined {
    const base = this.#underWay.get(key) ?? this.#loaded.get(key);
    // It was under way when it was loaded, and is through by now.
    if (base === undefined && !this.#loaded.has(key)) throw new Outdated();
    const seen = this.#seen.get(key);
    if (seen !== undefined && seen !== (base?.revision ?? 0))
      throw new Outdated(this.#underWay.get(key)?.settled);
    return base;
  }
}

function baseOf(entry: Entry): Base {
  return { facts: entry, revision: entry.revision, deleted: false };
}
