import type { z } from 'zod';
import type { Kind } from './catalogue.ts';
import type { Topic } from './topics.ts';

/** How long an entity's state is kept: for good, or only while the log still holds its last event. */
export type Lifetime = 'kept' | 'log';

/** What the catalogue says of a subject: its shape, and what follows from a state of it. */
export interface Subject<State extends object = object> {
  /** The GraphQL type of the subject's events. */
  readonly payload: string;
  readonly schema: z.ZodType<State>;
  /** The entity's id, unique among the subject's entities in a workspace; absent for contents that leave no state. */
  readonly id?: (state: State) => string;
  /** The fields that `id` is made of, where that isn't the field `id`. */
  readonly key?: readonly (keyof State & string)[];
  readonly projectId: (state: State) => string | null;
  /** The one user who may see it. Absent: everybody who may read the project. */
  readonly userId?: (state: State) => string;
  /** Topics beside `all` and `project:ID`, which every event has. */
  readonly topics?: (state: State) => readonly Topic[];
  readonly lifetime?: (state: State) => Lifetime;
  /** Values of a new entity for fields that its first report leaves out; other nullable fields start as null, lists empty. */
  readonly initial?: Readonly<Partial<State>>;
  /** Fields that are no part of the contract: no client can write them, and nobody is told of them. */
  readonly internal?: readonly (keyof State & string)[];
  /** The contract's names of fields that are called otherwise there, where the type of the entity is the event itself. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Fields that follow from others where the report does not tell them. */
  readonly derive?: (state: State, patch: Readonly<Record<string, unknown>>) => Partial<State>;
  /** The kind of a change that a service reports by state only. */
  readonly kind: (before: State | undefined, after: State) => Kind;
}
