/** Merging a change into an entity's state. Pure: what is read and written around it is the publisher's business. */
import type { z } from 'zod';
import type { InputIssue } from '../errors.ts';
import { deletions, kinds, subjects } from '../events/catalogue.ts';
import { isDeletion, lifetimeOf, topicsOf, type EventFacts } from '../events/event.ts';
import type { Subject } from '../events/subject.ts';
import { topic } from '../events/topics.ts';
import type { EntityWrite, NewEvent } from '../store/store.ts';
import type { AnyChange } from './change.ts';

/** What a change is merged onto: an entity's latest event, whether it is in the store or on its way there. */
export interface Base {
  readonly facts: EventFacts;
  readonly revision: number;
  readonly deleted: boolean;
  /** Of the facts, where they are on their way: others may get their revision. */
  readonly fingerprint?: string;
}

export interface MergeContext {
  readonly source: string;
  readonly actor: string | null;
  /** ISO 8601. */
  readonly now: string;
  readonly traceparent?: string | undefined;
}

type State = Record<string, unknown>;

/** A new entity's state before its first report: what may be null is null, lists are empty. */
const blanks = new Map<Subject, State>();
function blankOf(subject: Subject): State {
  let blank = blanks.get(subject);
  if (blank === undefined) {
    blank = {};
    const { shape } = subject.schema as unknown as z.ZodObject<Record<string, z.ZodType>>;
    for (const [field, schema] of Object.entries(shape)) {
      if (schema.safeParse(null).success) blank[field] = null;
      else if (schema.safeParse([]).success) blank[field] = [];
    }
    Object.assign(blank, subject.initial);
    blanks.set(subject, blank);
  }
  return blank;
}

/** Null clears: to null, or to what a field starts with that can't be null, which `blank` has. */
function overlay(state: State, patch: State, blank: State): State {
  const merged = { ...state };
  for (const field of Object.keys(patch)) {
    const value = patch[field];
    if (value === undefined) continue;
    merged[field] = value === null && Object.hasOwn(blank, field) ? blank[field] : value;
  }
  return merged;
}

function changedFields({ internal = [] }: Subject, before: State, after: State): string[] {
  const hidden: readonly string[] = internal;
  return Object.keys(after).filter(
    (field) => !hidden.includes(field) && !isSame(before[field], after[field]),
  );
}

function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return one === other;
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function subjectOfChange(change: AnyChange): Subject {
  return subjects[change.subject] as unknown as Subject;
}

/** The id that a patch names; undefined when it lacks the fields for it, or the subject has no ids. */
export function idOfPatch(change: AnyChange): string | undefined {
  const subject = subjectOfChange(change);
  const patch = change.patch as State;
  const isComplete = (subject.key ?? ['id']).every(
    (field) => patch[field] !== undefined && patch[field] !== null,
  );
  const id: unknown = isComplete ? subject.id?.(patch) : undefined;
  // The patch is not validated yet, and a store takes nothing but texts.
  return typeof id === 'string' ? id : undefined;
}

/** The event that a change makes of an entity's state, or every mistake in it. */
export function merge(
  change: AnyChange,
  base: Base | undefined,
  context: MergeContext,
): { readonly event: NewEvent } | { readonly issues: readonly InputIssue[] } {
  const subject = subjectOfChange(change);
  const { asOf } = change;
  const known = asOf === undefined ? undefined : base?.facts.asOf[asOf.aspect];
  const isStale = asOf !== undefined && known !== undefined && asOf.time < known;
  // A late change of something deleted is told, but doesn't bring it back.
  const staysDeleted = base !== undefined && base.deleted && isStale;
  const before = base === undefined || (base.deleted && !staysDeleted) ? undefined : base.facts;
  // It is told as what it is then: a report that changes nothing.
  const isLateDeletion = isStale && !staysDeleted && change.kind !== undefined && deletions.has(change.kind);
  const { kind, reason = 'REPORTED' } = isLateDeletion ? {} : change;

  const blank = blankOf(subject);
  const start: State = before === undefined ? blank : before.data;
  // Something newer is known: the event is told, with the state as it is.
  const patched = isStale ? start : overlay(start, change.patch, blank);
  const derived =
    isStale || subject.derive === undefined
      ? patched
      : overlay(patched, subject.derive(patched, change.patch) as State, blank);
  const parsed = subject.schema.safeParse(derived);
  if (!parsed.success) return { issues: parsed.error.issues.map((issue) => locate(issue, change)) };

  const data = parsed.data;
  const id = subject.id?.(data) ?? null;
  const facts = {
    kind: staysDeleted ? base.facts.kind : (kind ?? subject.kind(before?.data, data)),
    reason,
    projectId: subject.projectId(data),
    userId: subject.userId?.(data) ?? null,
    entityId: id,
    actor: change.actor ?? context.actor,
    source: context.source,
    occurredAt: change.occurredAt ?? context.now,
    data,
    changed: id === null ? [] : changedFields(subject, start, data as State),
    detail: change.detail ?? {},
    asOf:
      asOf === undefined || isStale ? (before?.asOf ?? {}) : { ...before?.asOf, [asOf.aspect]: asOf.time },
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
  } as EventFacts;
  return { event: { facts, write: id === null ? null : entityWrite(facts, id, base) } };
}

/** What an event does to the state of its entity, which was at `base` before. */
export function entityWrite(
  facts: EventFacts,
  id: string,
  base: Pick<Base, 'revision' | 'fingerprint'> | undefined,
): EntityWrite {
  const deleted = isDeletion(facts);
  const write: EntityWrite = {
    type: kinds[facts.kind],
    id,
    expectedRevision: base?.revision ?? 0,
    ...(base?.fingerprint === undefined ? {} : { expectedFacts: base.fingerprint }),
    topics: deleted ? [] : topicsOf(facts),
    lifetime: lifetimeOf(facts),
    deleted,
  };
  return facts.kind === 'project.deleted' ? { ...write, purge: topic('project', id) } : write;
}

function locate(issue: z.core.$ZodIssue, change: AnyChange): InputIssue {
  const path = [
    ...(change.path ?? []),
    ...issue.path.map((part) => (typeof part === 'number' ? part : String(part))),
  ];
  const missing =
    issue.code === 'invalid_type' && issue.input === undefined && /received undefined/.test(issue.message);
  return { path, message: missing ? 'is needed here' : issue.message };
}
