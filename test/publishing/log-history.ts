/** What no history of a workspace may show, whoever wrote it. */
import { expect } from 'vitest';
import { isDeletion, type Entry } from '../../src/events/event.ts';
import { topic } from '../../src/events/topics.ts';
import { kinds } from '../../src/events/catalogue.ts';
import type { EventStore, LogName } from '../../src/store/store.ts';
import { readAll } from '../store/support.ts';

/**
 * Nothing was filed in a project that did not exist at that place of the log, or that did not hold its repository, and
 * nothing is now; and every change was merged onto the one before it.
 */
export async function expectSound(store: EventStore, log: LogName): Promise<readonly Entry[]> {
  const entries = await readAll(store, log);
  const repositories = new Map<string, ReadonlySet<string>>();
  const states = new Map<string, Entry>();
  for (const entry of entries) {
    const { offset } = entry.position;
    if (kinds[entry.kind] === 'project') {
      const { repositories: held } = entry.data as { repositories: { id: string }[] };
      if (isDeletion(entry)) {
        repositories.delete(entry.entityId!);
        for (const [key, { projectId }] of states) if (projectId === entry.entityId) states.delete(key);
      } else repositories.set(entry.entityId!, new Set(held.map(({ id }) => id)));
    } else if (entry.projectId !== null) {
      expect([...repositories.keys()], `project of ${entry.kind} at ${offset}`).toContain(entry.projectId);
      const { repoId } = entry.data as { repoId?: string | null };
      if (typeof repoId === 'string') {
        expect([...repositories.get(entry.projectId)!], `repositories at ${offset}`).toContain(repoId);
      }
    }
    if (entry.entityId === null) continue;
    const key = `${kinds[entry.kind]} ${entry.entityId}`;
    const before = states.get(key);
    if (before !== undefined && !isDeletion(before)) {
      const { data, changed } = entry as unknown as { data: Record<string, unknown>; changed: string[] };
      const old = before.data as Record<string, unknown>;
      const differ = Object.keys(data).filter(
        (field) => JSON.stringify(data[field]) !== JSON.stringify(old[field]),
      );
      expect(differ, `what changed at ${offset}`).toEqual(changed);
    }
    states.set(key, entry);
  }
  for (const type of ['pullRequest', 'issue', 'workflow', 'autoCommit', 'alert'] as const) {
    const { entries: stored } = await store.entities(log, { type, topic: 'all', limit: 1_000 });
    for (const { entityId, projectId, data } of stored) {
      expect([...repositories.keys()], `project of ${type} ${entityId}`).toContain(projectId);
      const { repoId } = data as { repoId?: string | null };
      if (typeof repoId === 'string') {
        expect([...repositories.get(projectId!)!], `repositories, ${type} ${entityId}`).toContain(repoId);
      }
    }
  }
  for (const id of new Set([...repositories.values()].flatMap((held) => [...held]))) {
    const holders = [...repositories].filter(([, held]) => held.has(id));
    expect(holders, `holders of ${topic('repo', id)}`).toHaveLength(1);
  }
  return entries;
}
