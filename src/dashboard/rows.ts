/** One entity on the page. */
export interface Row<Entity> {
  readonly key: string;
  readonly entity: Entity;
  /** How often it changed while somebody looked. */
  readonly changes: number;
}

export interface Page<Entity> {
  readonly nodes: readonly Entity[];
  readonly pageInfo: { readonly hasNextPage: boolean };
}

interface Keeping<Entity> {
  readonly keyOf: (entity: Entity) => string;
  /** Entities that are over stay on the page for a while: the newest of them. */
  readonly isOver?: (entity: Entity) => boolean;
}

const MAX_OVER = 8;
const MAX = 200;

/** The entities of one kind, in the order in which the page learnt of them: one that changes keeps its place. */
export class Rows<Entity extends { readonly projectId: string | null }> {
  /** There are more than the page shows. */
  hasMore = false;
  readonly #rows = new Map<string, Row<Entity>>();
  readonly #keeping: Keeping<Entity>;

  constructor(keeping: Keeping<Entity>) {
    this.#keeping = keeping;
  }

  /** Newest first. */
  list(projectId: string | null): Row<Entity>[] {
    const rows = [...this.#rows.values()].toReversed();
    return projectId === null ? rows : rows.filter(({ entity }) => entity.projectId === projectId);
  }

  /** Begins again with these. */
  begin({ nodes, pageInfo }: Page<Entity>): void {
    this.#rows.clear();
    this.hasMore = pageInfo.hasNextPage;
    for (const entity of nodes) {
      const key = this.#keeping.keyOf(entity);
      this.#rows.set(key, { key, entity, changes: 0 });
    }
  }

  put(entity: Entity): void {
    const key = this.#keeping.keyOf(entity);
    const changes = (this.#rows.get(key)?.changes ?? 0) + 1;
    this.#rows.set(key, { key, entity, changes });
    const over = [...this.#rows.values()].filter((row) => this.#keeping.isOver?.(row.entity) === true);
    for (const row of over.slice(0, -MAX_OVER)) this.#rows.delete(row.key);
    for (const oldest of this.#rows.keys()) {
      if (this.#rows.size <= MAX) break;
      this.hasMore = true;
      this.#rows.delete(oldest);
    }
  }

  dropProject(projectId: string): void {
    for (const { key, entity } of this.#rows.values()) {
      if (entity.projectId === projectId) this.#rows.delete(key);
    }
  }
}
