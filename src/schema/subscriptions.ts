import type { AccessScope } from '../auth/access.ts';
import { kindsOf, type Kind, type StateOf, type SubjectName } from '../events/catalogue.ts';
import type { Entry } from '../events/event.ts';
import type { Topic } from '../events/topics.ts';
import { RoutedSubscription, type Route } from '../hub/route.ts';
import type { LogName } from '../store/store.ts';
import {
  builder,
  isGiven,
  type ArgumentMap,
  type ArgumentsOf,
  type ObjectRef,
  type Types,
} from './builder.ts';
import { requestOf, type RequestContext } from './context.ts';
import { eventsLog } from './place.ts';

const Delivery = builder.enumType('Delivery', { values: ['EVERY', 'LATEST'] as const });

const startArguments = builder.args((t) => ({
  after: t.field({ type: 'Cursor' }),
  snapshot: t.boolean({ defaultValue: false }),
  delivery: t.field({ type: Delivery, defaultValue: 'EVERY' as const }),
}));

/** What a Subscription field makes of its arguments and its viewer. */
interface Listening<Name extends SubjectName> {
  readonly topics: readonly Topic[];
  readonly scope: AccessScope;
  /** Fields of the data that have to have a certain value, or one of several. Null or undefined: any. */
  readonly fields?: Wanted<StateOf<Name>>;
  /** What is left of the arguments. Asked for the items of a snapshot too, whose reason is SNAPSHOT. */
  readonly matches?: (entry: Entry<Name>) => boolean;
  /** Default: the kinds of the subject that the field is about, in the workspace's events. */
  readonly kinds?: readonly Kind[] | 'any';
  readonly log?: LogName;
}

type Wanted<State> = {
  readonly [Field in keyof State]?: State[Field] | readonly State[Field][] | null | undefined;
};

interface SubscriptionOptions<Name extends SubjectName, Args extends ArgumentMap> {
  /** The subject whose events the field gives; null for all. */
  readonly about: Name | null;
  readonly type: ObjectRef<Entry<Name>> | PothosSchemaTypes.InterfaceRef<Types, Entry>;
  /** There is state to begin with. */
  readonly snapshot: boolean;
  readonly args: Args;
  /** Checks the viewer's access. */
  readonly listen: (
    args: ArgumentsOf<Args>,
    request: RequestContext,
  ) => Listening<Name> | Promise<Listening<Name>>;
}

/** A field of Subscription: its arguments, and where they lead. The arguments on where to start are the same for all. */
export function subscription<Name extends SubjectName, Args extends ArgumentMap>(
  field: string,
  { about, type, snapshot, args, listen }: SubscriptionOptions<Name, Args>,
): void {
  const { after, delivery } = startArguments;
  builder.subscriptionField(field, (t) =>
    t.field({
      type: type as ObjectRef<Entry>,
      args: { ...args, ...(snapshot ? startArguments : { after, delivery }) } as typeof startArguments,
      subscribe: async (_root, given, context) => {
        const request = requestOf(context);
        const listening = await listen(given as ArgumentsOf<Args>, request);
        return new RoutedSubscription({
          log: listening.log ?? eventsLog(request.viewer),
          kinds: listening.kinds ?? (about === null ? 'any' : kindsOf(about)),
          topics: listening.topics,
          scope: listening.scope,
          ...filterOf(listening),
          snapshotOf: snapshot ? about : null,
          start: {
            after: given.after ?? null,
            snapshot: given.snapshot ?? false,
            delivery: given.delivery ?? 'EVERY',
          },
        });
      },
      resolve: (entry) => entry,
    }),
  );
}

/** All that is asked of an event, and what of it the index can look up: the field with the fewest values. */
function filterOf<Name extends SubjectName>(listening: Listening<Name>): Pick<Route, 'wanted' | 'matches'> {
  const { fields = {}, matches = () => true } = listening;
  const wanted = Object.entries(fields)
    .filter(([, value]) => isGiven(value))
    .map(([field, value]) => ({ field, values: (Array.isArray(value) ? value : [value]) as unknown[] }))
    .toSorted((a, b) => a.values.length - b.values.length);
  return {
    wanted: wanted[0] ?? null,
    matches: (entry) => {
      const data = entry.data as Readonly<Record<string, unknown>>;
      return wanted.every(({ field, values }) => values.includes(data[field])) && matches(entry);
    },
  };
}
