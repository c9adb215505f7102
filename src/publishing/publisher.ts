import { mayPublish } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { invalidInput, TidingsError, type InputIssue } from '../errors.ts';
import type { EventFacts } from '../events/event.ts';
import { encodeCursor } from '../events/position.ts';
import {
  logKey,
  RevisionConflict,
  type AppendResult,
  type EventStore,
  type LogName,
} from '../store/store.ts';
import { Turns } from '../turns.ts';
import type { AnyChange, Plan } from './change.ts';
import { Draft } from './draft.ts';
import { idOfPatch, merge } from './merge.ts';
import { LostRace, PlanView } from './plan-view.ts';
import { StatesUnderWay } from './under-way.ts';

export interface PublishRequest {
  /** Needs scope `publish` and access to every project concerned, before and after. */
  readonly publishedBy: Viewer;
  /** `api`, `github` or `cloudevents`. */
  readonly source: string;
  readonly plan: Plan;
  /** Each up to 256 characters. Any of them known: nothing is published again. */
  readonly idempotencyKeys?: readonly string[];
}

export interface PublisherOptions {
  readonly store: EventStore;
  readonly now: () => number;
  /** The trace that is under way, which the events are kept with. */
  readonly traceparent?: () => string | undefined;
}

export interface Published {
  /** One an event, in order. */
  readonly cursors: readonly string[];
  /** It was published before; `cursors` are those of then. */
  readonly duplicate: boolean;
  /** The events' facts, in order. Empty for a repetition; where another process published the same in the same moment, they were not written. */
  readonly facts: readonly EventFacts[];
}

/** More than any race needs that somebody wins each time; beyond it the caller is told CONFLICT. */
const MAX_ATTEMPTS = 100;
/** Attempts after which a writer goes alone. */
const PATIENCE = 4;

/**
 * The one write path: plan, merge into entity state, validate, check access, append.
 *
 * Writers of one entity don't wait for each other's commits: each merges onto the state that the one before has on its way to the
 * store, and the store takes them in order. Should a write fail, those merged onto it conflict and are planned again.
 *
 * What a plan or a merge only looked at guards the batch: the store compares it when it appends. So nothing is filed in a project that
 * is gone by then, whichever process removed it.
 *
 * Who lost a race queues with others who lost it, each of whom plans when the one before has its batch on the way. Newcomers don't
 * wait; who loses to them time and again goes alone for a moment.
 */
export class Publisher {
  readonly #store: EventStore;
  readonly #now: () => number;
  readonly #traceparent: () => string | undefined;
  readonly #underWay = new StatesUnderWay();
  readonly #turns = new Turns();
  /** Publications with an idempotency key that are under way, by workspace and key. */
  readonly #repeatable = new Map<string, Promise<Published>>();

  constructor(options: PublisherOptions) {
    this.#store = options.store;
    this.#now = options.now;
    this.#traceparent = options.traceparent ?? (() => undefined);
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
    const everything = logKey(log);
    let lost: string | undefined;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const isAlone = attempt >= PATIENCE;
      const queue = isAlone ? everything : lost;
      const endTurn = queue === undefined ? () => undefined : await this.#turns.take(queue);
      try {
        const view = new PlanView(log, this.#store, this.#underWay);
        const changes = await request.plan(view);
        if (changes.length === 0) return { cursors: [], duplicate: false, facts: [] };
        await this.#load(view, changes);
        for (let last; !isAlone && (last = this.#turns.last(everything)) !== undefined;) await last;
        // Synchronous from the first look at a base until the store has the batch: nothing comes between.
        const draft = this.#mergeAll(view, changes, request);
        const appending = this.#append(log, view, draft, keys);
        endTurn();
        const facts = draft.events.map((event) => event.facts);
        return published(await appending, facts);
      } catch (error) {
        if (!(error instanceof LostRace)) throw error;
        lost = error.key;
        endTurn();
        await error.settled;
      } finally {
        endTurn();
      }
    }
    throw new TidingsError('CONFLICT');
  }

  /** Reads what the changes will be merged onto, and the projects that they name or that the entities are in. */
  async #load(view: PlanView, changes: readonly AnyChange[]): Promise<void> {
    const bases = await Promise.all(
      changes.map(async (change) => {
        const id = idOfPatch(change);
        return id === undefined ? undefined : view.load(change.subject, id);
      }),
    );
    const projects = new Set<unknown>();
    for (const base of bases) projects.add(base?.facts.projectId);
    for (const { patch } of changes) projects.add((patch as { readonly projectId?: unknown }).projectId);
    const named = [...projects].filter((id) => typeof id === 'string');
    await Promise.all(named.map(async (id) => view.load('project', id)));
  }

  #mergeAll(view: PlanView, changes: readonly AnyChange[], request: PublishRequest): Draft {
    const issues: InputIssue[] = [];
    const draft = new Draft(view);
    const now = new Date(this.#now()).toISOString();
    const context = {
      source: request.source,
      actor: request.publishedBy.userId,
      now,
      traceparent: this.#traceparent(),
    };
    for (const change of changes) {
      const id = idOfPatch(change);
      const base = id === undefined ? undefined : draft.latest(change.subject, id);
      const result = merge(change, base, context);
      const found = [...(change.issues ?? []), ...('issues' in result ? result.issues : [])];
      issues.push(...found);
      if ('issues' in result || found.length > 0) continue;
      const { facts } = result.event;
      if (base !== undefined) requirePublish(request.publishedBy, base.facts.projectId);
      requirePublish(request.publishedBy, facts.projectId);
      if (change.subject !== 'project') {
        // What becomes of the project that it was in tells whether it still is what it was.
        if (base !== undefined && base.facts.projectId !== null)
          draft.latest('project', base.facts.projectId);
        if (facts.projectId !== null) requireProject(draft, facts.projectId);
      }
      draft.add(result.event);
    }
    if (issues.length > 0) throw invalidInput(issues);
    return draft;
  }

  /** @throws LostRace */
  async #append(
    log: LogName,
    view: PlanView,
    { events, bases }: Draft,
    idempotencyKeys: readonly string[],
  ): Promise<AppendResult> {
    const guards = view.guards(bases);
    const appending = this.#store.append(log, { events, guards, idempotencyKeys });
    try {
      return await this.#underWay.show(appending, events, ({ type, id }) => view.key(type, id), bases);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      const { index } = error;
      const relied = events[index]?.write ?? guards[index - events.length]!;
      throw new LostRace(view.key(relied.type, 'id' in relied ? relied.id : relied.topic));
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

/** @throws TidingsError NOT_FOUND */
function requireProject(draft: Draft, id: string): void {
  const project = draft.latest('project', id);
  if (project !== undefined && !project.deleted) return;
  throw new TidingsError('NOT_FOUND', `There is no project "${id}"; create it first.`);
}
