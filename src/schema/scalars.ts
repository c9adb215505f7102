import { GraphQLError, Kind } from 'graphql';
import { mistakeInJson, parseTime } from '../events/values.ts';
import { builder } from './builder.ts';

function invalid(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT' } });
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(`${name} must be a string.`);
}

function parseDateTime(value: unknown): string {
  const time = parseTime(text('DateTime', value));
  if (time === undefined)
    throw invalid('DateTime must be ISO 8601 with its time zone, for example 2026-11-20T09:30:00.000Z.');
  return time;
}

builder.scalarType('DateTime', {
  serialize: (value) => value,
  parseValue: parseDateTime,
});

builder.scalarType('JSON', {
  serialize: (value) => value,
  parseValue: (value) => {
    const mistake = mistakeInJson(value);
    if (mistake !== undefined) throw invalid(`JSON ${mistake}.`);
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
