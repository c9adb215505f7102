/** Events to publish, as JSON lines: what is wrong with a line is found before anything is sent. */
import { z } from 'zod';
import { enumName } from '../events/catalogue.ts';
import { changeReasons } from '../events/event.ts';
import { mistakeInJson, parseTime } from '../events/values.ts';
import { kindOf } from './options.ts';

/** As the input of publishEvents, but that the kind may be written with a dot. */
const EventLine = z.strictObject({
  type: z.string().transform((name, context) => {
    const kind = kindOf(name);
    if (kind !== undefined) return enumName(kind);
    context.addIssue({ code: 'custom', message: `there is no kind "${name}"` });
    return z.NEVER;
  }),
  data: z.unknown().refine((data) => data !== null && data !== undefined, 'is needed'),
  reason: z.enum(changeReasons).nullish(),
  comment: z.unknown().optional(),
  logs: z.array(z.string()).nullish(),
  actor: z.string().nullish(),
  occurredAt: z
    .string()
    .refine((text) => parseTime(text) !== undefined, 'must be ISO 8601 with a time zone')
    .nullish(),
});
export type EventLine = z.output<typeof EventLine>;

/** The event on a line, or what is wrong with it. */
export function parseEventLine(text: string): { readonly event: EventLine } | { readonly mistake: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { mistake: 'is not valid JSON' };
  }
  return checkEvent(value);
}

export function checkEvent(value: unknown): { readonly event: EventLine } | { readonly mistake: string } {
  const mistake = mistakeInJson(value, -1);
  if (mistake !== undefined) return { mistake };
  const parsed = EventLine.safeParse(value);
  if (parsed.success) return { event: parsed.data };
  const issues = parsed.error.issues.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  return { mistake: issues.join('; ') };
}
