import { mayPublish } from '../auth/access.ts';
import type { Viewer } from '../auth/viewer.ts';
import { TidingsError } from '../errors.ts';
import type { StateOf, SubjectName } from '../events/catalogue.ts';
import { isAbout } from '../events/event.ts';
import type { StateView } from '../publishing/change.ts';
import type { Published } from '../publishing/publisher.ts';
import { changeOf, notFound, type Cause, type Report } from '../publishing/report.ts';
import {
  builder,
  type FieldBuilder,
  type Fields,
  type InputFieldBuilder,
  type InputRef,
  type ObjectRef,
} from './builder.ts';
import { requestOf, type RequestContext } from './context.ts';
import { eventsLog } from './place.ts';
import { newId, publish } from './publishing.ts';

/** What the input of every report ends with. */
export const causeFields = (t: InputFieldBuilder) => ({
  actor: t.string(),
  occurredAt: t.field({ type: 'DateTime' }),
  idempotencyKey: t.string(),
});

interface Input extends Cause {
  readonly idempotencyKey?: string | null | undefined;
}

/** What an input says of the entity itself. */
export function stateIn<Given extends Input>(input: Given): Omit<Given, keyof Input> {
  const { actor: _actor, occurredAt: _occurredAt, idempotencyKey: _key, ...state } = input;
  return state;
}

interface Receipt {
  readonly cursor: string;
  readonly duplicate: boolean;
}

const receiptFields = <Shape extends Receipt>(t: FieldBuilder<Shape>) => ({
  cursor: t.field({ type: 'Cursor', resolve: ({ cursor }) => cursor }),
  duplicate: t.boolean({ resolve: ({ duplicate }) => duplicate }),
});

const PublishPayload = builder.objectRef<Receipt>('PublishPayload').implement({ fields: receiptFields });

interface EntityReceipt<State> extends Receipt {
  readonly entity: State;
  /** What was asked for, as the mutation's input has it. */
  readonly input: unknown;
}

interface EntityPayload<Name extends SubjectName> {
  readonly about: Name;
  readonly type: ObjectRef<EntityReceipt<StateOf<Name>>>;
}

/** The payload of mutations about an entity, which stands in the field that is called as its subject. */
export function entityPayload<Name extends SubjectName>(
  name: string,
  about: Name,
  entity: ObjectRef<StateOf<Name>>,
  more: (t: FieldBuilder<EntityReceipt<StateOf<Name>>>) => Fields = () => ({}),
): EntityPayload<Name> {
  const shown: ObjectRef<object> = entity;
  const type = builder.objectRef<EntityReceipt<StateOf<Name>>>(name).implement({
    fields: (t) => ({
      ...receiptFields(t),
      [about]: t.field({ type: shown, resolve: (receipt) => receipt.entity }),
      ...more(t),
    }),
  });
  return { about, type };
}

interface MutationOptions<Given extends Input, Name extends SubjectName> {
  readonly input: InputRef<Given>;
  /** Absent: PublishPayload, for what leaves no state to show. */
  readonly gives?: EntityPayload<Name>;
  /** The entity's id, told once a request: a plan may run several times. */
  readonly id?: (input: Given, newId: () => string) => string;
  readonly plan: (
    input: Given,
    view: StateView,
    id: string,
    viewer: Viewer,
  ) => readonly Report[] | Promise<readonly Report[]>;
}

/** A field of Mutation that publishes what its input reports. */
export function mutation<Given extends Input, Name extends SubjectName = never>(
  field: string,
  { input: type, gives, id: idOf, plan }: MutationOptions<Given, Name>,
): void {
  const payload: ObjectRef<Receipt> = gives?.type ?? PublishPayload;
  const inputType: InputRef<Input> = type;
  builder.mutationField(field, (t) =>
    t.field({
      type: payload,
      args: { input: t.arg({ type: inputType, required: true }) },
      resolve: async (_root, args, context) => {
        const request = requestOf(context);
        const input = args.input as Given;
        const { idempotencyKey } = input;
        const id = idOf?.(input, () => newId(request, field, idempotencyKey)) ?? '';
        const published = await publish(request, {
          field,
          idempotencyKey,
          plan: async (view) =>
            (await plan(input, view, id, request.viewer)).map((report) => changeOf(report, input, ['input'])),
        });
        const receipt: Receipt = { cursor: published.cursors.at(-1)!, duplicate: published.duplicate };
        if (gives === undefined) return receipt;
        const entity = await stateNow(request, gives.about, id, published);
        return { ...receipt, entity, input } satisfies EntityReceipt<StateOf<Name>>;
      },
    }),
  );
}

/** The state that was published; after a repetition, which wrote nothing, the one that is stored. */
async function stateNow<Name extends SubjectName>(
  { viewer, store }: RequestContext,
  about: Name,
  id: string,
  { facts, duplicate }: Published,
): Promise<StateOf<Name>> {
  const written = facts.findLast((each) => isAbout(each, about) && each.entityId === id);
  if (written !== undefined && !duplicate) return written.data as StateOf<Name>;
  const stored = await store.entity(eventsLog(viewer), about, id);
  const latest = stored?.entry ?? written;
  if (latest === undefined) throw notFound(about, id);
  // The key may have come with the id of another entity this time.
  if (!mayPublish(viewer, latest.projectId)) throw new TidingsError('FORBIDDEN');
  return latest.data as StateOf<Name>;
}
