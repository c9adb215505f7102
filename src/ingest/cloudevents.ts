/**
 * CloudEvents 1.0 over HTTP, in binary, structured and batched mode, as events that Tidings knows. Pure functions.
 *
 * `type` is a kind (`pr.updated`, `dev.tidings.pr.updated`, or PR_UPDATED), `data` what is known of the entity, with the names of
 * its GraphQL type. Attributes that are not named here are accepted and not looked at.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { invalidInput, TidingsError, type InputIssue } from '../errors.ts';
import { kindNamed, kinds, subjectOf, type Kind } from '../events/catalogue.ts';
import { changeReasons } from '../events/event.ts';
import { mistakeInJson, parseTime } from '../events/values.ts';
import { parseJson } from '../json.ts';
import type { EventReport } from '../publishing/batch.ts';

/** Fewer than in a mutation: each event has an idempotency key of its own, and what is kept for each grows with the batch. */
const MOST_IN_BATCH = 100;

const attribute = z.string().min(1).max(2_048);

const CloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: attribute,
  source: attribute,
  type: attribute.transform((type, context): Kind => {
    const name = type.replace(/^dev\.tidings\./, '');
    const kind = Object.hasOwn(kinds, name) ? (name as Kind) : kindNamed(name);
    if (kind !== undefined) return kind;
    context.addIssue({ code: 'custom', message: 'is no kind of event' });
    return z.NEVER;
  }),
  subject: attribute.optional(),
  time: z
    .string()
    .transform((text, context): string => {
      const time = parseTime(text);
      if (time !== undefined) return time;
      context.addIssue({ code: 'custom', message: 'must be a timestamp with its time zone' });
      return z.NEVER;
    })
    .optional(),
  datacontenttype: z.string().refine(isJson, 'must be a JSON type').optional(),
  data: z.unknown().optional(),
  data_base64: z.string().optional(),
  /** Extensions of ours: who did it, and why. */
  actor: z.string().optional(),
  reason: z.enum(changeReasons).optional(),
  /** Of the extension for distributed tracing. What it holds is nobody's mistake. */
  traceparent: z.string().optional().catch(undefined),
});
type CloudEvent = z.output<typeof CloudEvent>;

export interface ReceivedEvent {
  /** What the event is recognised by when it comes again: its source and its id there. */
  readonly identity: readonly [source: string, id: string];
  /** Where it stands in the request. */
  readonly path: readonly number[];
  readonly report: EventReport;
  /** What its source traces it as. */
  readonly traceparent: string | undefined;
}

/**
 * The events in a request.
 *
 * @throws TidingsError BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, INVALID_INPUT with all mistakes in the attributes
 */
export function readCloudEvents(headers: IncomingHttpHeaders, rawBody: Buffer): ReceivedEvent[] {
  const [mediaType = ''] = (headers['content-type'] ?? '').toLowerCase().split(';', 1);
  switch (mediaType.trim()) {
    case 'application/cloudevents+json':
      return readAll([{ given: parse(rawBody), path: [] }]);
    case 'application/cloudevents-batch+json': {
      const batch = parse(rawBody);
      if (!Array.isArray(batch) || batch.length < 1 || batch.length > MOST_IN_BATCH)
        throw invalidInput([{ path: [], message: `must be a list of 1 to ${MOST_IN_BATCH} events` }]);
      return readAll(batch.map((given: unknown, index) => ({ given, path: [index] })));
    }
    default:
      return readAll([{ given: binaryEvent(headers, mediaType, rawBody), path: [] }]);
  }
}

/** The attributes are in headers, and the body is the data. */
function binaryEvent(headers: IncomingHttpHeaders, mediaType: string, rawBody: Buffer): object {
  if (headers['ce-specversion'] === undefined || (mediaType !== '' && !isJson(mediaType))) {
    throw new TidingsError(
      'UNSUPPORTED_MEDIA_TYPE',
      'A CloudEvent comes as application/cloudevents+json, application/cloudevents-batch+json, or as JSON with its attributes in ce- headers.',
    );
  }
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') && typeof value === 'string' ? [[name.slice(3), percentDecoded(value)]] : [],
  );
  return { ...Object.fromEntries(attributes), data: rawBody.length === 0 ? undefined : parse(rawBody) };
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function isJson(mediaType: string): boolean {
  return /^[\w.-]+\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(mediaType.trim());
}

/** @throws TidingsError BAD_REQUEST */
function parse(bytes: Buffer): unknown {
  const value = parseJson(bytes);
  // As deep as data may be, within an event, within a batch.
  const mistake = mistakeInJson(value, -1);
  if (mistake !== undefined) throw new TidingsError('BAD_REQUEST', `The body ${mistake}.`);
  return value;
}

function readAll(
  all: readonly { readonly given: unknown; readonly path: readonly number[] }[],
): ReceivedEvent[] {
  const issues: InputIssue[] = [];
  const events: ReceivedEvent[] = [];
  for (const { given, path } of all) {
    const { success, data: event, error } = CloudEvent.safeParse(given);
    if (success) {
      const { traceparent } = event;
      events.push({ identity: [event.source, event.id], path, report: reportOf(event), traceparent });
      continue;
    }
    for (const issue of error.issues)
      issues.push({ path: [...path, ...(issue.path as string[])], message: issue.message });
  }
  if (issues.length > 0) throw invalidInput(issues);
  return events;
}

function reportOf({ type: kind, subject, time, actor, reason, ...event }: CloudEvent): EventReport {
  const data = event.data_base64 === undefined ? event.data : parse(Buffer.from(event.data_base64, 'base64'));
  const cause = { kind, actor, reason, occurredAt: time };
  const named = subject === undefined ? {} : namedBy(kind, subject);
  if (data === undefined) return { ...cause, data: named };
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { ...cause, data };
  // They are no part of any state, and attributes can't hold them.
  const { comment, logs, ...state } = data as Record<string, unknown>;
  return { ...cause, comment, logs, data: { ...named, ...state } };
}

/** What `subject` says of the entity, where data leaves it to that: its id. */
function namedBy(kind: Kind, subject: string): object {
  if (kinds[kind] === 'pullRequest') {
    const [, repoId, number] = /^(.+)#(\d+)$/.exec(subject) ?? [];
    return repoId === undefined ? {} : { repoId, number: Number(number) };
  }
  const { id, key = ['id'], renamed = {} } = subjectOf(kind);
  const [field = '', ...more] = key as readonly string[];
  return id === undefined || more.length > 0 ? {} : { [renamed[field] ?? field]: subject };
}
