/** Where `tail` shows events: as JSON, as plain lines, or on a terminal with bars for the workflows under way. */
import { eventLine, workflowOf, type ShownEvent } from './event-line.ts';
import { bar, painter, Screen, shortened } from './terminal.ts';

export interface TailOutput {
  show(event: ShownEvent): void;
  /** What has to be gone before somebody else writes to the terminal. */
  end(): void;
}

interface Destination {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function tailOutput(
  destination: Destination,
  options: { readonly json: boolean; readonly environment: Readonly<Record<string, string | undefined>> },
): TailOutput {
  if (options.json) return new JsonLines(destination);
  return destination.isTTY === true
    ? new LiveLines(destination, options.environment)
    : new PlainLines(destination);
}

class JsonLines implements TailOutput {
  readonly #destination: Destination;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  show(event: ShownEvent): void {
    this.#destination.write(`${JSON.stringify(event)}\n`);
  }

  end(): void {}
}

/** For files and pipes: nothing is painted or shortened, and times are whole. */
class PlainLines implements TailOutput {
  readonly #destination: Destination;
  readonly #paint = painter(false, {});

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  show(event: ShownEvent): void {
    this.#destination.write(`${eventLine(event, { paint: this.#paint, time: event.occurredAt })}\n`);
  }

  end(): void {}
}

/** Workflows that have a bar at a time: those that were told of last. */
const MOST_BARS = 6;
const NAME_WIDTH = 24;
const BAR_WIDTH = 20;

class LiveLines implements TailOutput {
  readonly #screen: Screen;
  readonly #paint;
  /** Lines of the workflows under way, by id; the one that was told of last comes last. */
  readonly #bars = new Map<string, string>();

  constructor(destination: Destination, environment: Readonly<Record<string, string | undefined>>) {
    this.#screen = new Screen(destination);
    this.#paint = painter(true, environment);
  }

  show(event: ShownEvent): void {
    if (event.__typename === 'WorkflowProgress') this.#follow(event);
    // The bar says it.
    const isToldByBar = event.type === 'WORKFLOW_PROGRESS' && this.#bars.has(workflowOf(event).id);
    const time = new Date(event.occurredAt).toTimeString().slice(0, 8);
    const line = eventLine(event, { paint: this.#paint, time, width: this.#screen.columns - 1 });
    this.#screen.show(isToldByBar ? null : line, [...this.#bars.values()].slice(-MOST_BARS));
  }

  end(): void {
    this.#screen.show(null, []);
  }

  #follow(event: ShownEvent): void {
    const { id, name, step, total, status, percent } = workflowOf(event);
    this.#bars.delete(id);
    if (status !== 'RUNNING' && status !== 'QUEUED') return;
    const label = shortened(name, NAME_WIDTH).padEnd(NAME_WIDTH);
    const text = [label, bar(percent, BAR_WIDTH), total, step].filter((part) => part !== '').join('  ');
    this.#bars.set(id, this.#paint('cyan', shortened(text, this.#screen.columns - 1)));
    const [oldest] = this.#bars.keys();
    if (this.#bars.size > 50 && oldest !== undefined) this.#bars.delete(oldest);
  }
}
