/** What somebody who may publish says of an entity, and what it takes to make a change of it: the same for mutations and CloudEvents. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { TidingsError, type InputIssue } from '../errors.ts';
import { subjects, type StateOf, type SubjectName } from '../events/catalogue.ts';
import type { EventDetail } from '../events/event.ts';
import { Comment, logLines } from '../events/states.ts';
import type { Subject } from '../events/subject.ts';
import { topic } from '../events/topics.ts';
import type { AnyChange, Change, StateView } from './change.ts';

const ACTOR_MAX = 1_024;

type Path = readonly (string | number)[];

/** Who or what caused a report, and when. */
export interface Cause {
  readonly actor?: string | null | undefined;
  readonly occurredAt?: string | null | undefined;
}

/** What a client says of an entity: a Change that doesn't know yet what caused it, and where it stands in the input. */
export type Report = {
  [Name in SubjectName]: Pick<Change<Name>, 'kind' | 'reason' | 'detail'> & {
    readonly subject: Name;
    /** As the client wrote it: the publisher validates it. */
    readonly patch: { readonly [Field in keyof StateOf<Name>]?: unknown };
    /** The part of the state whose time `occurredAt` is, so that an older report doesn't overwrite a newer one; null: no part. */
    readonly aspect?: string | null;
    /** Mistakes that were found on the way, with paths within the patch. */
    readonly issues?: readonly InputIssue[];
  };
}[SubjectName];

/** The change that a report with a cause asks for. `path` is where the cause stands in the input, `patchPath` where the patch does. */
export function changeOf(report: Report, cause: Cause, path: Path, patchPath: Path = path): AnyChange {
  const { subject, patch, kind, reason, detail, aspect = 'state', issues = [] } = report;
  const actor = cause.actor ?? undefined;
  const occurredAt = cause.occurredAt ?? undefined;
  const isTimed = occurredAt !== undefined && aspect !== null;
  // Of one shape whatever is told: many are made, and copies of parts cost more than everything else here.
  return {
    subject,
    patch,
    kind,
    reason,
    detail,
    actor,
    occurredAt,
    asOf: isTimed ? { aspect, time: occurredAt } : undefined,
    path: patchPath,
    issues: [...locate(issues, patchPath), ...locate(actorIssues(actor), path)],
  } as AnyChange;
}

export function locate(issues: readonly InputIssue[], path: Path): InputIssue[] {
  return issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function actorIssues(actor: string | null | undefined): InputIssue[] {
  if (!isGiven(actor) || (actor.length >= 1 && actor.length <= ACTOR_MAX)) return [];
  return [{ path: ['actor'], message: `must have 1 to ${ACTOR_MAX} characters` }];
}

/**
 * The project that a report belongs to: the one that it names, else the one that holds its repository. Undefined where it tells neither;
 * what is stored stays then.
 *
 * @throws TidingsError NOT_FOUND nobody registered the repository
 */
export async function projectOf(
  view: StateView,
  told: { readonly projectId?: unknown; readonly repoId?: unknown },
  options: { readonly mustBeRegistered?: boolean; readonly deleted?: ReadonlySet<unknown> } = {},
): Promise<{ readonly projectId: unknown; readonly issues: readonly InputIssue[] }> {
  const { repoId } = told;
  const projectId = told.projectId ?? undefined;
  if (typeof repoId !== 'string') return { projectId, issues: [] };
  const [holder] = await view.find('project', topic('repo', repoId), 1);
  if (holder === undefined || options.deleted?.has(holder.id) === true) {
    if (projectId !== undefined && options.mustBeRegistered !== true) return { projectId, issues: [] };
    throw new TidingsError('NOT_FOUND', `There is no repository "${repoId}"; register it first.`);
  }
  const isElsewhere = projectId !== undefined && projectId !== holder.id;
  const issue: InputIssue = { path: ['projectId'], message: 'is not the project that holds the repository' };
  return { projectId: holder.id, issues: isElsewhere ? [issue] : [] };
}

/** The comment of an event about an issue. */
export function parseComment(told: object): Parsed {
  return parsed(
    Comment.safeParse({ id: null, author: null, url: null, action: 'CREATED', ...given(told) }),
    'comment',
    [],
  );
}

/** The lines of output that come with a workflow's event. */
export function parseLogs(told: unknown): Parsed {
  return isGiven(told) ? parsed(logLines.safeParse(told), 'logs', ['logs']) : { detail: {}, issues: [] };
}

interface Parsed {
  readonly detail: EventDetail;
  readonly issues: readonly InputIssue[];
}

function parsed(result: z.ZodSafeParseResult<unknown>, part: keyof EventDetail, path: Path): Parsed {
  if (result.success) return { detail: { [part]: result.data }, issues: [] };
  const issues = result.error.issues.map((issue) => ({ path: issue.path as Path, message: issue.message }));
  return { detail: {}, issues: locate(issues, path) };
}

/** Whether something optional was given, and not as null. */
export function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined;
}

function given(told: object): object {
  return Object.fromEntries(Object.entries(told).filter(([, value]) => isGiven(value)));
}

export function notFound(what: string, id: string): TidingsError {
  return new TidingsError('NOT_FOUND', `There is no ${what} "${id}".`);
}

/** What a client writes about an entity, in the names of its GraphQL type, as fields of its state. */
export function stateFields(about: SubjectName, written: object): Readonly<Record<string, unknown>> {
  const { renamed }: Subject = subjects[about] as unknown as Subject;
  if (renamed === undefined) return written as Readonly<Record<string, unknown>>;
  const names = new Map(Object.entries(renamed).map(([field, name]) => [name, field]));
  return Object.fromEntries(Object.entries(written).map(([name, value]) => [names.get(name) ?? name, value]));
}

/** An id for what comes without one: of the same parts the same again. */
export function stableId(parts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    hash.slice(12, 16),
    hash.slice(16, 20),
    hash.slice(20, 32),
  ].join('-');
}
