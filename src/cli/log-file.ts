/**
 * A workspace's log as JSON lines: a header, then events in their order. First come the last events of those entities whose
 * state outlived the log.
 */
import { z } from 'zod';
import { TidingsError } from '../errors.ts';
import { kinds, subjectOf, type Kind } from '../events/catalogue.ts';
import { changeReasons, type Entry, type EventFacts } from '../events/event.ts';

const VERSION = 1;

const Header = z.object({
  tidings: z.literal('log'),
  version: z.literal(VERSION, `must be ${VERSION}; take the program that wrote it`),
  workspace: z.string().min(1).max(256),
  epoch: z.string(),
  exportedAt: z.string(),
});
export type Header = z.output<typeof Header>;

const Line = z.object({
  offset: z.int().min(1),
  recordedAt: z.string(),
  event: z.object({
    kind: z.string().refine((kind) => Object.hasOwn(kinds, kind), 'is no kind of event'),
    reason: z.enum(changeReasons),
    actor: z.string().nullable(),
    source: z.string(),
    occurredAt: z.string(),
    data: z.record(z.string(), z.unknown()),
    changed: z.array(z.string()),
    detail: z.record(z.string(), z.unknown()),
    asOf: z.record(z.string(), z.string()),
  }),
});

export function headerLine(header: Omit<Header, 'tidings' | 'version'>): string {
  return JSON.stringify({ tidings: 'log', version: VERSION, ...header } satisfies Header);
}

export function entryLine({ position, recordedAt, ...facts }: Entry): string {
  // Whose it is follows from the data.
  const { revision: _revision, projectId: _project, userId: _user, entityId: _entity, ...event } = facts;
  return JSON.stringify({ offset: position.offset, recordedAt, event });
}

/** @throws TidingsError INVALID_INPUT */
export function parseHeader(text: string): Header {
  return parse(Header, text, 1);
}

/** @throws TidingsError INVALID_INPUT */
export function parseEntry(text: string, number: number): EventFacts {
  const { event } = parse(Line, text, number);
  const kind = event.kind as Kind;
  const subject = subjectOf(kind);
  const data = subject.schema.safeParse(event.data);
  if (!data.success) throw wrong(number, data.error);
  return {
    kind,
    reason: event.reason,
    projectId: subject.projectId(data.data),
    userId: subject.userId?.(data.data) ?? null,
    entityId: subject.id?.(data.data) ?? null,
    actor: event.actor,
    source: event.source,
    occurredAt: event.occurredAt,
    data: data.data,
    changed: event.changed,
    detail: event.detail,
    asOf: event.asOf,
  } as EventFacts;
}

function parse<Output>(schema: z.ZodType<Output>, text: string, number: number): Output {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TidingsError('INVALID_INPUT', `Line ${number} is not valid JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw wrong(number, parsed.error);
  return parsed.data;
}

function wrong(number: number, { issues }: z.ZodError): TidingsError {
  const list = issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
  return new TidingsError('INVALID_INPUT', `Line ${number}: ${list.join('; ')}.`);
}
