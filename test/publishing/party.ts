import { servicesOver, Workspace, type Store } from '../schema/world.ts';

/** Somebody with a publisher and a store of its own, as in a process of its own. */
export function party(workspace: string, store: Store): Workspace {
  return new Workspace(workspace, servicesOver(store));
}
