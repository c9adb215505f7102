/** Many events of any kinds, of which all are written or none. */
import type { InputIssue } from '../errors.ts';
import { deletions, kinds, subjectOf, type Kind, type SubjectName } from '../events/catalogue.ts';
import type { ChangeReason, EventDetail } from '../events/event.ts';
import type { AnyChange, Plan, StateView } from './change.ts';
import { idOfPatch } from './merge.ts';
import {
  changeOf,
  isGiven,
  locate,
  notFound,
  parseComment,
  parseLogs,
  projectOf,
  stateFields,
  type Cause,
  type Report,
} from './report.ts';

export const MOST_EVENTS = 500;

type Path = readonly (string | number)[];

/** An event as a client writes it. */
export interface EventReport extends Cause {
  readonly kind: Kind;
  /** What is known of the entity, with the contract's names. */
  readonly data?: unknown;
  readonly reason?: ChangeReason | null | undefined;
  readonly comment?: unknown;
  readonly logs?: unknown;
}

interface BatchOptions {
  /** Of who publishes: the author of comments that tell none. */
  readonly userId: string | null;
  /** For an event that needs an id and has none. Asked once, however often the plan runs. */
  readonly idOf: (index: number) => string;
  /** Where an event stands in the input. */
  readonly pathOf: (index: number) => Path;
}

/** The plan that publishes the events, in order. */
export function batchPlan(events: readonly EventReport[], { userId, idOf, pathOf }: BatchOptions): Plan {
  const ids: string[] = [];
  return async (view) => {
    const batch = new Batch(view, userId);
    const changes: AnyChange[] = [];
    for (const [index, event] of events.entries()) {
      changes.push(await batch.changeOf(event, pathOf(index), () => (ids[index] ??= idOf(index))));
    }
    return changes;
  };
}

/** What gets an id where the client gives none. */
const nameless: ReadonlySet<SubjectName> = new Set<SubjectName>(['suggestion', 'analysis', 'alert', 'risk']);
/** What belongs to the project that holds its repository. */
const inRepository: ReadonlySet<SubjectName> = new Set<SubjectName>([
  'pullRequest',
  'issue',
  'workflow',
  'fileChange',
  'autoCommit',
]);

/** Turns the events of one batch into changes, each in the light of those before it. */
class Batch {
  readonly #view: StateView;
  readonly #userId: string | null;
  /** Entities that exist once the events so far are written; false: deleted by one of them. */
  readonly #touched = new Map<string, boolean>();
  /** Projects that one of the events deletes. They hold no repositories any more, even where a later one creates them again. */
  readonly #deleted = new Set<unknown>();
  readonly #projects = new Map<unknown, ReturnType<typeof projectOf>>();

  constructor(view: StateView, userId: string | null) {
    this.#view = view;
    this.#userId = userId;
  }

  async changeOf(event: EventReport, path: Path, newId: () => string): Promise<AnyChange> {
    const { kind } = event;
    const subject = kinds[kind];
    const issues: InputIssue[] = [];
    if (kind === 'presence.changed') {
      issues.push({ path: ['type'], message: 'is told by setPresence and leaveRoom only' });
    }
    if (event.reason === 'SNAPSHOT') issues.push({ path: ['reason'], message: 'stands for snapshots only' });
    const { patch, issues: patchIssues } = await this.#patchOf(subject, event.data, newId);
    // To clients these are like any other name that means nothing.
    const internal: readonly string[] = subjectOf(kind).internal ?? [];
    const unknown = internal.filter((field) => field in patch);
    const isComment = kind === 'issue.commented';
    const detail = this.#detailOf(event, subject, isComment, issues);
    const isToldByState = !isComment && !deletions.has(kind);
    const report = {
      subject,
      patch,
      reason: event.reason ?? 'REPORTED',
      kind: isToldByState ? undefined : kind,
      detail,
      // A comment by itself says nothing about the state of its issue.
      aspect: isComment && Object.keys(patch).length === 1 ? null : 'state',
      issues: [
        ...patchIssues,
        ...unknown.map((field) => ({ path: [], message: `Unrecognized key: "${field}"` })),
      ],
    } as Report;
    const change = changeOf(report, event, path, [...path, 'data']);
    await this.#touch(change, !isToldByState, deletions.has(kind));
    return issues.length === 0
      ? change
      : { ...change, issues: [...locate(issues, path), ...(change.issues ?? [])] };
  }

  async #patchOf(
    subject: SubjectName,
    data: unknown,
    newId: () => string,
  ): Promise<{ readonly patch: Readonly<Record<string, unknown>>; readonly issues: readonly InputIssue[] }> {
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      return { patch: {}, issues: [{ path: [], message: 'must be an object' }] };
    }
    const patch = stateFields(subject, data);
    if (nameless.has(subject)) return { patch: { ...patch, id: patch['id'] ?? newId() }, issues: [] };
    if (subject === 'project' && 'repositories' in patch) {
      const { repositories: _repositories, ...rest } = patch;
      return {
        patch: rest,
        issues: [{ path: ['repositories'], message: 'are told by registerRepository only' }],
      };
    }
    if (!inRepository.has(subject)) return { patch, issues: [] };
    const { projectId, issues } = await this.#projectOf(subject, patch);
    return { patch: projectId === undefined ? patch : { ...patch, projectId }, issues };
  }

  /** Looked up once for all events of a repository. */
  async #projectOf(
    subject: SubjectName,
    patch: Readonly<Record<string, unknown>>,
  ): ReturnType<typeof projectOf> {
    const mustBeRegistered = subject === 'pullRequest';
    const key = JSON.stringify([patch['repoId'], patch['projectId'], mustBeRegistered]);
    let project = this.#projects.get(key);
    if (project === undefined) {
      project = projectOf(this.#view, patch, { mustBeRegistered, deleted: this.#deleted });
      this.#projects.set(key, project);
    }
    return project;
  }

  #detailOf(event: EventReport, subject: SubjectName, isComment: boolean, issues: InputIssue[]): EventDetail {
    const { comment, logs, actor } = event;
    if (isGiven(logs) && subject !== 'workflow')
      issues.push({ path: ['logs'], message: 'come with workflows only' });
    if (isGiven(comment) && !isComment)
      issues.push({ path: ['comment'], message: 'comes with ISSUE_COMMENTED only' });
    if (isComment) {
      const told = typeof comment === 'object' && comment !== null ? comment : undefined;
      if (told === undefined) issues.push({ path: ['comment'], message: 'is needed here' });
      const parsed = parseComment({ author: actor ?? this.#userId, ...told });
      if (told !== undefined) issues.push(...locate(parsed.issues, ['comment']));
      return parsed.detail;
    }
    const parsed = parseLogs(subject === 'workflow' ? logs : undefined);
    issues.push(...parsed.issues);
    return parsed.detail;
  }

  /** @throws TidingsError NOT_FOUND the event needs its entity to be there */
  async #touch(change: AnyChange, needsEntity: boolean, isDeletion: boolean): Promise<void> {
    const id = idOfPatch(change);
    if (id === undefined) return;
    const key = `${change.subject} ${id}`;
    if (needsEntity) {
      const isThere = this.#touched.get(key) ?? (await this.#view.entity(change.subject, id)) !== undefined;
      if (!isThere) throw notFound(change.subject, id);
    }
    this.#touched.set(key, !isDeletion);
    if (!isDeletion || change.subject !== 'project') return;
    this.#deleted.add(id);
    this.#projects.clear();
  }
}
