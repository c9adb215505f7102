import { GraphQLError, Kind } from 'graphql';
import { builder } from './builder.ts';

/** Deeper JSON would overflow the stack of whoever walks it; nobody means it. */
const MAX_JSON_DEPTH = 32;

function invalid(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT' } });
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(`${name} must be a string.`);
}

// The time zone is needed: a time without one would mean another moment on each server.
const DATE_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;

function parseDateTime(value: unknown): string {
  const written = text('DateTime', value);
  const time = DATE_TIME.test(written) ? Date.parse(written) : NaN;
  if (Number.isNaN(time))
    throw invalid('DateTime must be ISO 8601 with its time zone, for example 2026-11-20T09:30:00.000Z.');
  return new Date(time).toISOString();
}

/** Refuses what could do harm further on: keys that set a prototype, and depths that overflow a stack. */
function checkJson(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_JSON_DEPTH) throw invalid(`JSON must not be nested deeper than ${MAX_JSON_DEPTH} levels.`);
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') throw invalid('JSON must not have a key "__proto__".');
    checkJson(inner, depth + 1);
  }
}

builder.scalarType('DateTime', {
  serialize: (value) => value,
  parseValue: parseDateTime,
});

builder.scalarType('JSON', {
  serialize: (value) => value,
  parseValue: (value) => {
    checkJson(value, 1);
    return value;
  },
});

builder.scalarType('Cursor', {
  serialize: (value) => value,
  // Decoded by who uses it, so that a malformed one is BAD_CURSOR and not a mistake in the document.
  parseValue: (value) => text('Cursor', value),
  parseLiteral: (node) => {
    if (node.kind === Kind.STRING) return node.value;
    throw invalid('Cursor must be a string.');
  },
});
