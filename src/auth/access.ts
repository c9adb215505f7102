/**
 * What a viewer may read and publish: every decision about access is made here, on every route.
 *
 * - An event of a project is for those whose token lists the project, or `*`.
 * - An event of no project is for those who may read all projects, but announcements and the presence in rooms of the
 *   workspace are for everybody with a token.
 * - An event for one user is for that user only.
 */
import { TidingsError } from '../errors.ts';
import { kinds } from '../events/catalogue.ts';
import type { EventFacts } from '../events/event.ts';
import type { Scope, Viewer } from './viewer.ts';

function mayReadProject(viewer: Viewer, projectId: string): boolean {
  return viewer.scopes.has('read') && (viewer.projects === '*' || viewer.projects.has(projectId));
}

const forEverybody: ReadonlySet<string> = new Set(['announcement', 'member']);

export function mayRead(viewer: Viewer, facts: EventFacts): boolean {
  if (!viewer.scopes.has('read')) return false;
  if (facts.userId !== null) return facts.userId === viewer.userId;
  if (facts.projectId !== null) return mayReadProject(viewer, facts.projectId);
  return viewer.projects === '*' || (viewer.userId !== null && forEverybody.has(kinds[facts.kind]));
}

/** Events of no project, announcements among them, are published by those who may write to all projects. */
export function mayPublish(viewer: Viewer, projectId: string | null): boolean {
  if (!viewer.scopes.has('publish')) return false;
  return viewer.projects === '*' || (projectId !== null && viewer.projects.has(projectId));
}

/** @throws TidingsError FORBIDDEN */
export function requireScope(viewer: Viewer, scope: Scope): void {
  if (!viewer.scopes.has(scope)) {
    throw new TidingsError('FORBIDDEN', `Your token has no scope "${scope}".`);
  }
}

/** @throws TidingsError FORBIDDEN */
export function requireProject(viewer: Viewer, projectId: string): void {
  requireScope(viewer, 'read');
  if (!mayReadProject(viewer, projectId)) {
    throw new TidingsError('FORBIDDEN', 'Your token does not allow to read this project.');
  }
}

/**
 * A set of readers who see the same: what subscriptions share. `key` is equal exactly where `mayRead` is the same function,
 * so results may be shared by all subscriptions of equal keys.
 */
export interface AccessScope {
  readonly key: string;
  readonly mayRead: (facts: EventFacts) => boolean;
}

/** One project's readers; the viewer has been checked to be among them. */
export function projectScope(projectId: string): AccessScope {
  return {
    key: `project ${JSON.stringify(projectId)}`,
    mayRead: (facts) => facts.projectId === projectId && facts.userId === null,
  };
}

/** One user's own messages. */
export function userScope(userId: string): AccessScope {
  return { key: `user ${JSON.stringify(userId)}`, mayRead: (facts) => facts.userId === userId };
}

/**
 * What everybody with a token may read: announcements, and the presence in rooms of the workspace.
 *
 * @throws TidingsError FORBIDDEN for anonymous readers
 */
export function workspaceScope(viewer: Viewer): AccessScope {
  requireScope(viewer, 'read');
  if (viewer.userId === null && viewer.projects !== '*') {
    throw new TidingsError('FORBIDDEN', 'This is for users with a token only.');
  }
  return {
    key: 'workspace',
    mayRead: (facts) =>
      facts.projectId === null && facts.userId === null && forEverybody.has(kinds[facts.kind]),
  };
}

/** All that a viewer may read but its own messages, so that it is the same for everybody with the same projects. */
export function viewerScope(viewer: Viewer): AccessScope {
  const { projects } = viewer;
  const list = projects === '*' ? '*' : JSON.stringify([...projects].toSorted());
  const known = viewer.userId === null ? 'anonymous' : 'known';
  return { key: `${known} ${list}`, mayRead: (facts) => facts.userId === null && mayRead(viewer, facts) };
}

/** Whether two viewers may read the same, but for their own messages. */
export function mayReadTheSame(one: Viewer, other: Viewer): boolean {
  const mayReadAtAll = one.scopes.has('read') === other.scopes.has('read');
  return mayReadAtAll && viewerScope(one).key === viewerScope(other).key;
}
