import { Closed, Connection, pause, Refusal, type Link } from './connection.ts';
import {
  EverythingDocument,
  StateDocument,
  StatsDocument,
  ViewerDocument,
  type StatsQuery,
  type ViewerQuery,
} from './generated/operations.ts';
import { Model } from './model.ts';
import { Presence } from './presence.ts';
import { forgetToken, keepToken } from './session.ts';

const GAP =
  'The log could not be continued from the last event seen here. What came in between is missing in this list; everything else is up to date.';

/** Keeps the page's model in step with the server: reads the state, and follows the log from before that. */
export class Live {
  readonly presence: Presence;
  model = new Model();
  viewer: ViewerQuery['viewer'] | null = null;
  version: string | null = null;
  isLoaded = false;
  /** What went wrong, where it is not the connection. */
  problem: string | null = null;
  readonly #connection: Connection;
  readonly #listeners = new Set<() => void>();
  /** Behind the last event that is in the model. */
  #cursor: string | null = null;
  /** Milliseconds by which the server's clock is ahead of this one. */
  #clockLead = 0;
  /** Of all attempts to follow, the one that counts. */
  #run = 0;
  #stopListening = (): void => undefined;
  #isRenderDue = false;

  constructor() {
    this.#connection = new Connection((link) => {
      if (link.state === 'live') this.presence.connected();
      this.#changed();
    });
    this.presence = new Presence(this.#connection, () => this.#changed());
  }

  get link(): Link {
    return this.#connection.link;
  }

  /** By the server's clock. */
  get now(): number {
    return Date.now() + this.#clockLead;
  }

  /** Changes with each sign-in. */
  get session(): number {
    return this.#run;
  }

  /** Calls the listener after changes, at most once a frame. Returns how to stop it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#stopListening();
    void this.#follow(++this.#run);
  }

  signIn(token: string): void {
    keepToken(token);
    this.#connection.renew();
    this.start();
  }

  /** What was shown is for nobody else's eyes. */
  signOut(): void {
    forgetToken();
    this.#reset();
    this.viewer = null;
    this.#connection.renew();
    this.start();
  }

  /** @throws Refusal, Closed */
  async stats(): Promise<StatsQuery['stats']> {
    return (await this.#connection.ask(StatsDocument, {})).stats;
  }

  async #follow(run: number): Promise<void> {
    for (let tries = 0; run === this.#run; tries++) {
      try {
        await this.#load(run);
        if (run !== this.#run) return;
        await this.#listen(run, () => (tries = 0));
      } catch (error) {
        if (run !== this.#run || this.link.state === 'refused') return;
        if (error instanceof Refusal) {
          const { code, message } = error;
          if (code === 'FORBIDDEN' || code === 'UNAUTHENTICATED') return this.#connection.refuse();
          if (code === 'CURSOR_EXPIRED') {
            this.#cursor = null;
            this.model.notice(GAP);
            continue;
          }
          this.problem = message;
          this.#changed();
        } else if (!(error instanceof Closed)) {
          throw error;
        }
      }
      await pause(tries);
    }
  }

  async #load(run: number): Promise<void> {
    const { viewer, serverInfo, events } = await this.#connection.ask(ViewerDocument, {});
    if (run !== this.#run) return;
    const isSame = viewer.userId === this.viewer?.userId && viewer.workspace === this.viewer.workspace;
    if (!isSame) this.#reset();
    this.viewer = viewer;
    this.version = serverInfo.version;
    this.#clockLead = Date.parse(serverInfo.time) - Date.now();
    // Where the log ended before the state is read: what happens meanwhile may be in both, and is applied again.
    if (this.#cursor === null) {
      this.#cursor = events.headCursor;
      // Where there is something already, a notice says that there is a gap.
      if (this.model.feed.length === 0) this.model.recall(events.nodes);
    }
    const state = await this.#connection.ask(StateDocument, {});
    if (run !== this.#run) return;
    this.model.begin(state);
    this.isLoaded = true;
    this.problem = null;
    this.#changed();
  }

  async #listen(run: number, onEvent: () => void): Promise<void> {
    const cursor = (): string | null => this.#cursor;
    // Read anew whenever the connection is: that is what makes it go on where it was.
    const variables = {
      get after() {
        return cursor();
      },
    };
    const { ended, stop } = this.#connection.listen(EverythingDocument, variables, ({ events }) => {
      if (run !== this.#run) return;
      this.model.apply(events);
      this.#cursor = events.cursor;
      onEvent();
      this.#changed();
    });
    this.#stopListening = stop;
    await ended;
  }

  #reset(): void {
    this.model = new Model();
    this.#cursor = null;
    this.isLoaded = false;
  }

  #changed(): void {
    if (this.#isRenderDue) return;
    this.#isRenderDue = true;
    requestAnimationFrame(() => {
      this.#isRenderDue = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
