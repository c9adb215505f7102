import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSourceEventStream, graphql, parse, validate, type ExecutionResult } from 'graphql';
import { expect } from 'vitest';
import { Revocations } from '../../src/auth/revocations.ts';
import type { Scope, Viewer } from '../../src/auth/viewer.ts';
import { TidingsError, type InputIssue } from '../../src/errors.ts';
import { decodeCursor } from '../../src/events/position.ts';
import { RoutedSubscription, type Route } from '../../src/hub/route.ts';
import { MemoryLeases } from '../../src/presence/leases.ts';
import { LogPresence } from '../../src/presence/log-presence.ts';
import { Publisher } from '../../src/publishing/publisher.ts';
import { AnswerSize } from '../../src/schema/answer-size.ts';
import type { ConnectionContext, RequestContext } from '../../src/schema/context.ts';
import { schema } from '../../src/schema/schema.ts';
import { EmbeddedEventStore } from '../../src/store/embedded/embedded-store.ts';
import type { Records } from '../../src/store/records.ts';
import type { EventStore, Retention } from '../../src/store/store.ts';
import { altered } from '../support/altered-store.ts';

export interface As {
  readonly userId?: string | null;
  readonly projects?: '*' | readonly string[];
  readonly scopes?: readonly Scope[];
  readonly connection?: ConnectionContext;
}

// Tests look into results as they expect them; a wrong look fails there.
// oxlint-disable-next-line typescript/no-explicit-any
type Data = any;
type Variables = Readonly<Record<string, unknown>>;

/** What a request was refused with. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly issues: readonly InputIssue[];
}

const unbounded: Retention = { events: 1_000_000, hours: 72, bytes: 1 << 30 };

type Services = Pick<RequestContext, 'store' | 'publisher' | 'presence' | 'revocations'>;

export type Store = EventStore & { readonly records: Records };

/** What requests need of a server, as a process of its own has it. */
export function servicesOver(store: Store): Services & { readonly presence: LogPresence } {
  const onError = (error: unknown): void => expect(error).toBeUndefined();
  const leases = new MemoryLeases({ now: Date.now });
  return {
    store,
    publisher: new Publisher({ store, now: Date.now }),
    presence: new LogPresence({ store, leases, now: Date.now, onError }),
    revocations: new Revocations({
      records: store.records,
      now: Date.now,
      onChange: () => undefined,
      onError,
    }),
  };
}

/** The schema over a real store in a directory of its own. Each test takes a workspace of its own. */
export class World implements AsyncDisposable {
  readonly store: Store;
  readonly #services: ReturnType<typeof servicesOver>;
  readonly #directory: string;
  #workspaces = 0;

  private constructor(store: EmbeddedEventStore, directory: string) {
    this.store = store;
    this.#directory = directory;
    this.#services = servicesOver(store);
  }

  static async open(retention = unbounded): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'tidings-schema-'));
    return new World(await EmbeddedEventStore.open({ directory, retention: () => retention }), directory);
  }

  workspace(): Workspace {
    this.#workspaces += 1;
    return new Workspace(`w${this.#workspaces}`, this.#services);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#services.presence.close();
    await this.store.close();
    await rm(this.#directory, { recursive: true });
  }
}

export class Workspace {
  readonly name: string;
  readonly #services: Services;

  constructor(name: string, services: Services) {
    this.name = name;
    this.#services = services;
  }

  /** The same workspace, but for requests that ask the store themselves it is another one. */
  over(changes: (store: EventStore) => Partial<EventStore>): Workspace {
    const { store } = this.#services;
    return new Workspace(this.name, { ...this.#services, store: altered(store, changes(store)) });
  }

  /** Runs an operation, by default as somebody who may do everything. */
  async run(document: string, variables: Variables = {}, as: As = {}): Promise<ExecutionResult> {
    return graphql({ schema, source: document, variableValues: variables, contextValue: this.#context(as) });
  }

  /** The data of an operation without errors. */
  async ask(document: string, variables: Variables = {}, as: As = {}): Promise<Data> {
    const { data, errors } = await this.run(document, variables, as);
    expect(errors).toBeUndefined();
    return data;
  }

  /** Runs a mutation with an input, and gives its payload. */
  async tell(field: string, input: Variables, selection = 'cursor duplicate', as: As = {}): Promise<Data> {
    const data = await this.ask(mutationOf(field, selection), { input }, as);
    return data[field];
  }

  async refusal(document: string, variables: Variables = {}, as: As = {}): Promise<Refusal> {
    return refusalIn(await this.run(document, variables, as));
  }

  async refusalOf(field: string, input: Variables, as: As = {}): Promise<Refusal> {
    return this.refusal(mutationOf(field, '__typename'), { input }, as);
  }

  /** Where a subscription leads. */
  async route(document: string, as: As = {}): Promise<Route> {
    const result = await this.#subscribe(document, as);
    expect(result).toBeInstanceOf(RoutedSubscription);
    return (result as RoutedSubscription).route;
  }

  /** What a subscription is refused with. */
  async routeRefusal(document: string, as: As = {}): Promise<Refusal> {
    return refusalIn((await this.#subscribe(document, as)) as ExecutionResult);
  }

  async #subscribe(document: string, as: As): Promise<ExecutionResult | AsyncIterable<unknown>> {
    const parsed = parse(document);
    expect(validate(schema, parsed)).toEqual([]);
    return createSourceEventStream({ schema, document: parsed, contextValue: this.#context(as) });
  }

  #context(as: As): RequestContext {
    const { userId = 'ada', projects = '*', scopes = ['read', 'publish', 'admin'], connection } = as;
    const viewer: Viewer = {
      userId,
      workspace: this.name,
      projects: projects === '*' ? '*' : new Set(projects),
      scopes: new Set(scopes),
      tokenId: null,
      issuedAt: null,
      expiresAt: null,
    };
    return {
      ...this.#services,
      viewer,
      connection: connection ?? null,
      via: { transport: 'http', requestId: null },
      limits: { publish: async () => undefined },
      answerSize: new AnswerSize(),
      server: {
        version: '1.2.3',
        developmentMode: true,
        now: () => 100_000,
        startedAt: 40_000,
        stats: async () => ({
          connections: { websocket: 2 },
          subscriptions: { events: 3 },
          transports: { websocket: 3 },
          topics: { all: 2, 'room:lobby': 1 },
          sharedOperations: 1,
          eventsPublished: 6,
          eventsSeen: 10,
          executions: 10,
          deliveries: 30,
          live: 0,
          parked: 0,
          catchUps: 2,
          resets: 0,
          logReads: 4,
          spooled: 1,
          delay: { p50: 1.5, p99: 8 },
        }),
        subscriptionsOf: () => [],
      },
    };
  }
}

function mutationOf(field: string, selection: string): string {
  const input = `${field[0]!.toUpperCase()}${field.slice(1)}Input`;
  return `mutation ($input: ${input}!) { ${field}(input: $input) { ${selection} } }`;
}

function refusalIn({ errors }: ExecutionResult): Refusal {
  expect(errors, 'is refused').toHaveLength(1);
  const { message, originalError, extensions } = errors![0]!;
  if (!(originalError instanceof TidingsError))
    return { code: String(extensions['code']), message, issues: [] };
  const issues = (originalError.details['issues'] as readonly InputIssue[] | undefined) ?? [];
  return { code: originalError.code, message, issues };
}

/** A cursor's offset, to see what was written where. */
export function offsetOf(cursor: string): number {
  return decodeCursor(cursor).position.offset;
}
