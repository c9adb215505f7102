/** One thing that the demo publishes: a mutation, or a delivery of the GitHub webhook. `says` tells a watcher what it is. */
export type Step = Mutation | Delivery;

export interface Mutation {
  /** The user or service that publishes: the `sub` of its token. */
  readonly by: string;
  /** A field of Mutation. Its input type is called the same, with a capital and `Input` behind it. */
  readonly mutation: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly says: string;
}

export interface Delivery {
  /** X-GitHub-Event */
  readonly event: string;
  /** Made when it is delivered, because it tells the time. */
  readonly payload: (now: number) => object;
  readonly says: string;
}

export const PROJECT = 'demo';
export const REPOSITORY = 'hello-world';
/** The `sub` of the token that the server prints: notifications go to who looks at the demo. */
export const WATCHER = 'developer';

/** Two lists as one, each in its order, spread evenly over each other. */
export function interleave<Item>(one: readonly Item[], other: readonly Item[]): Item[] {
  const placed = [one, other].flatMap((list) =>
    list.map((item, index) => ({ item, place: (index + 0.5) / list.length })),
  );
  return placed.toSorted((a, b) => a.place - b.place).map(({ item }) => item);
}
