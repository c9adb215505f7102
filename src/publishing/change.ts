import type { InputIssue } from '../errors.ts';
import type { Kind, StateOf, SubjectName } from '../events/catalogue.ts';
import type { ChangeReason, EventDetail } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';

/**
 * What a mutation or a webhook wants to have happened: a patch of one entity's state, not yet merged, or a content.
 *
 * A field that is absent or undefined in `patch` stays as it is, null clears it. The patch always holds the fields that the entity's id
 * is made of.
 */
export interface Change<Name extends SubjectName = SubjectName> {
  readonly subject: Name;
  readonly patch: { readonly [Field in keyof StateOf<Name>]?: StateOf<Name>[Field] | undefined };
  /** Absent: the catalogue tells it from the state before and after. */
  readonly kind?: Kind;
  /** REPORTED when absent. */
  readonly reason?: ChangeReason;
  readonly actor?: string | null;
  /** Source's clock, ISO 8601; absent: now. */
  readonly occurredAt?: string;
  /**
   * The source's own version of what `patch` says: when the source last changed that aspect of the entity. A patch older than what
   * was merged before for the same aspect changes nothing any more. Absent: the patch counts as newest.
   */
  readonly asOf?: { readonly aspect: string; readonly time: string };
  readonly detail?: EventDetail;
  /** Where the patch stands in the input, for messages about mistakes in it. */
  readonly path?: readonly (string | number)[];
  /** Mistakes in the input that the plan found itself. Nothing is written then, and they are told together with those in the patches. */
  readonly issues?: readonly InputIssue[];
}

/** A Change of any subject, with patch and subject in step. */
export type AnyChange = { [Name in SubjectName]: Change<Name> }[SubjectName];

/** The state that a plan may look at: as new as this process knows it. Deleted entities are not there. */
export interface StateView {
  entity<Name extends SubjectName>(subject: Name, id: string): Promise<StateOf<Name> | undefined>;
  /** Entities filed under a topic, ordered by id. */
  find<Name extends SubjectName>(subject: Name, topic: Topic, limit: number): Promise<StateOf<Name>[]>;
}

/**
 * Tells the changes of one atomic batch. Called again with fresh state when others changed the same entities meanwhile,
 * so it must not have effects of its own.
 */
export type Plan = (view: StateView) => readonly AnyChange[] | Promise<readonly AnyChange[]>;
