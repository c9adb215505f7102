import { createHash, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { invalidInput, TidingsError } from '../errors.ts';
import { ask, patiently, type ServerOptions } from './client.ts';
import { ServerRefusal } from './complaint.ts';
import { checkEvent, parseEventLine, type EventLine } from './event-lines.ts';
import { Progress } from './progress.ts';

interface PublishOptions extends ServerOptions {
  readonly type?: string;
  readonly data?: string;
  readonly reason?: string;
  readonly actor?: string;
  readonly occurredAt?: string;
  readonly key?: string;
  readonly batch: number;
  /** Seconds. */
  readonly wait: number;
}

const MUTATION = `mutation Publish($input: PublishEventsInput!) {
  publishEvents(input: $input) { cursors duplicate }
}`;

/** Of the events of a request, as JSON: below what a server takes, with room for the rest of it. */
const REQUEST_CHARACTERS = 60_000;

interface Line {
  readonly number: number;
  readonly event: EventLine;
}

/** Publishes one event, or all lines of a file. Sets the exit code 1 when some were refused. */
export async function publish(file: string | undefined, options: PublishOptions): Promise<void> {
  if ((file === undefined) === (options.type === undefined)) {
    throw new TidingsError('BAD_REQUEST', 'Give either a file (- for standard input) or --type and --data.');
  }
  if (options.key !== undefined && (options.key.length < 1 || options.key.length > 150))
    throw invalidInput([{ path: ['--key'], message: 'must have 1 to 150 characters' }]);
  if (file === undefined) await publishOne(options);
  else await publishLines(file, options);
}

async function publishOne(options: PublishOptions): Promise<void> {
  const { type, data = '{}', reason, actor, occurredAt } = options;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw invalidInput([{ path: ['--data'], message: 'is not valid JSON' }]);
  }
  const checked = checkEvent({ type, data: value, reason, actor, occurredAt });
  if ('mistake' in checked) throw new TidingsError('INVALID_INPUT', checked.mistake);
  const progress = new Progress('events');
  const sender = new Sender(options, progress);
  console.log((await sender.send([checked.event], options.key ?? randomUUID())).cursor);
}

async function publishLines(file: string, options: PublishOptions): Promise<void> {
  const handle = file === '-' ? undefined : await open(file);
  const input = handle?.createReadStream() ?? process.stdin;
  const progress = new Progress('events', (await handle?.stat())?.size);
  const run = new Run(options, progress);
  process.once('SIGINT', () => {
    run.interrupted();
    process.exit(1);
  });
  let number = 0;
  let bytes = 0;
  let size = 0;
  let batch: Line[] = [];
  const flush = async (): Promise<void> => {
    await run.publish(batch);
    progress.update(bytes, run.published + run.duplicates);
    batch = [];
    size = 0;
  };
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    number += 1;
    bytes += Buffer.byteLength(text) + 1;
    if (text.trim() === '') continue;
    const parsed = parseEventLine(text);
    if ('mistake' in parsed) {
      run.refuse(number, `INVALID_INPUT: ${parsed.mistake}`);
      continue;
    }
    if (batch.length > 0 && size + text.length > REQUEST_CHARACTERS) await flush();
    batch.push({ number, event: parsed.event });
    size += text.length;
    if (batch.length === options.batch) await flush();
  }
  if (batch.length > 0) await flush();
  progress.end();
  const refused = run.refused === 0 ? '' : `, ${run.refused} lines refused`;
  const known = run.duplicates === 0 ? '' : `, ${run.duplicates} there already`;
  console.error(`tidings: ${run.published} events published${known}${refused}`);
  if (run.refused > 0) process.exitCode = 1;
}

/** One publication of many lines. */
class Run {
  readonly #key: string;
  readonly #sender: Sender;
  readonly #progress: Progress;
  published = 0;
  duplicates = 0;
  refused = 0;

  constructor(options: PublishOptions, progress: Progress) {
    this.#key = options.key ?? randomUUID();
    this.#sender = new Sender(options, progress);
    this.#progress = progress;
  }

  refuse(number: number, why: string): void {
    this.refused += 1;
    this.#progress.say(`tidings: line ${number}: ${why}`);
  }

  /** Publishes what can be published of some lines. Each attempt has a key that follows from the lines alone. */
  async publish(lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    const content = createHash('sha256').update(JSON.stringify(lines)).digest('base64url');
    try {
      const { isDuplicate } = await this.#sender.send(
        lines.map(({ event }) => event),
        `${this.#key}/${content}`,
      );
      if (isDuplicate) this.duplicates += lines.length;
      else this.published += lines.length;
    } catch (error) {
      if (!(error instanceof ServerRefusal) || !isAboutLines(error)) {
        this.interrupted();
        throw error;
      }
      await this.#publishRest(lines, error);
    }
  }

  /** Nothing of the lines is written. Without those that the server complained of, the others may be. */
  async #publishRest(lines: readonly Line[], refusal: ServerRefusal): Promise<void> {
    const isWrong = (index: number): boolean => refusal.issues.some(({ path }) => path[2] === index);
    const isTold = lines.some((_line, index) => isWrong(index));
    // Which ones it is about can't be told: each by itself.
    if (!isTold && lines.length > 1) {
      for (const line of lines) await this.publish([line]);
      return;
    }
    for (const [index, { number }] of lines.entries()) {
      const told = refusal.issues.filter(({ path }) => path[2] === index);
      const texts = told.map(({ path, message }) =>
        [path.slice(3).join('.'), message].filter(Boolean).join(': '),
      );
      if (told.length > 0) this.refuse(number, `${refusal.code}: ${texts.join('; ')}`);
      else if (!isTold) this.refuse(number, `${refusal.code}: ${refusal.message}`);
    }
    if (!isTold) return;
    await this.publish(lines.filter((_line, index) => !isWrong(index)));
  }

  /** Says how to go on. */
  interrupted(): void {
    this.#progress.end();
    const done = this.published + this.duplicates;
    console.error(
      `tidings: ended after ${done} events. The same again with --key ${this.#key} goes on there and doubles nothing.`,
    );
  }
}

/** Refused because of what is in it, and not because of who asks or how the server is. */
function isAboutLines({ code }: ServerRefusal): boolean {
  return ['INVALID_INPUT', 'BAD_REQUEST', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE'].includes(code);
}

class Sender {
  readonly #options: PublishOptions;
  readonly #progress: Progress;

  constructor(options: PublishOptions, progress: Progress) {
    this.#options = options;
    this.#progress = progress;
  }

  async send(
    events: readonly EventLine[],
    idempotencyKey: string,
  ): Promise<{ readonly cursor: string; readonly isDuplicate: boolean }> {
    let told = '';
    const { publishEvents } = await patiently(
      async () =>
        ask<{ publishEvents: { cursors: readonly string[]; duplicate: boolean } }>(this.#options, MUTATION, {
          input: { events, idempotencyKey },
        }),
      {
        forMs: this.#options.wait * 1_000,
        onWait: ({ code, message }) => {
          if (code !== told) this.#progress.say(`tidings: ${code}: ${message} Trying again.`);
          told = code;
        },
      },
    );
    return { cursor: publishEvents.cursors.at(-1) ?? '', isDuplicate: publishEvents.duplicate };
  }
}
