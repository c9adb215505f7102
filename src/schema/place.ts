import {
  mayRead,
  projectScope,
  requireProject,
  requireScope,
  viewerScope,
  type AccessScope,
} from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import type { SubjectName } from '../events/catalogue.ts';
import { topic, type Topic } from '../events/topics.ts';
import type { LogName } from '../store/store.ts';
import { isGiven } from './builder.ts';
import type { RequestContext } from './context.ts';

/** Where in the workspace a question is about, as the arguments of lists, history and subscriptions tell it. */
export interface Place {
  readonly projectId?: string | null | undefined;
  readonly repoId?: string | null | undefined;
  /** A narrower topic than project and repository. */
  readonly topic?: Topic | undefined;
  /** The one entity that it is about: who may not read it is refused instead of kept waiting. */
  readonly entity?: readonly [SubjectName, string] | undefined;
  /** Announcements are wanted too, which are filed under no project. */
  readonly withAnnouncements?: boolean;
}

export function eventsLog(viewer: Viewer): LogName {
  return { workspace: viewer.workspace, stream: 'events' };
}

/**
 * The narrowest topics that cover a place for a viewer. They may cover more than is wanted or allowed: what is found there is still to be
 * checked.
 *
 * @throws TidingsError FORBIDDEN the viewer may not read the project
 */
export function topicsOfPlace(viewer: Viewer, place: Place): Topic[] {
  requireScope(viewer, 'read');
  if (isGiven(place.projectId)) requireProject(viewer, place.projectId);
  if (place.topic !== undefined) return [place.topic];
  if (isGiven(place.repoId)) return [topic('repo', place.repoId)];
  if (isGiven(place.projectId)) return [topic('project', place.projectId)];
  if (viewer.projects === '*') return ['all'];
  const projects = [...viewer.projects].map((id) => topic('project', id));
  return place.withAnnouncements === true && viewer.userId !== null
    ? [...projects, 'announcements']
    : projects;
}

/**
 * The topics of a place, and the scope that keeps all out that the viewer may not read there.
 *
 * @throws TidingsError FORBIDDEN the viewer may not read the project, the repository's project, or the entity. An id that nobody knows
 *   (yet) is no mistake.
 */
export async function listenAt(
  { viewer, store }: RequestContext,
  place: Place,
): Promise<{ readonly topics: readonly Topic[]; readonly scope: AccessScope }> {
  const topics = topicsOfPlace(viewer, place);
  const log = eventsLog(viewer);
  if (isGiven(place.repoId)) {
    const { entries } = await store.entities(log, {
      type: 'project',
      topic: topic('repo', place.repoId),
      limit: 1,
    });
    for (const holder of entries) if (!mayRead(viewer, holder)) throw forbidden();
  }
  if (place.entity !== undefined) {
    const record = await store.entity(log, ...place.entity);
    if (record !== undefined && !record.deleted && !mayRead(viewer, record.entry)) throw forbidden();
  }
  return { topics, scope: isGiven(place.projectId) ? projectScope(place.projectId) : viewerScope(viewer) };
}

function forbidden(): TidingsError {
  return new TidingsError('FORBIDDEN', 'Your token does not allow to read this.');
}
