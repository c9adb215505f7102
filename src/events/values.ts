/** What values from outside have to be like before anything else looks at them. */

// The time zone is needed: a time without one would mean another moment on each server.
const DATE_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;

/** A moment in UTC with milliseconds; undefined when the text is no ISO 8601 with a time zone. */
export function parseTime(text: string): string | undefined {
  const time = DATE_TIME.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** Deeper JSON would overflow the stack of whoever walks it; nobody means it. */
const MAX_JSON_DEPTH = 32;

/** What could do harm further on: keys that set a prototype, and depths that overflow a stack. */
export function mistakeInJson(value: unknown, depth = 1): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_JSON_DEPTH) return `must not be nested deeper than ${MAX_JSON_DEPTH} levels`;
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return 'must not have a key "__proto__"';
    const mistake = mistakeInJson(inner, depth + 1);
    if (mistake !== undefined) return mistake;
  }
  return undefined;
}
