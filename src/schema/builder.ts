import SchemaBuilder, { type InputFieldMap, type InputShapeFromFields } from '@pothos/core';
import { isGiven } from '../publishing/report.ts';
import type { Context } from './context.ts';

export { isGiven };

/**
 * Every type of the schema is made with this builder. Descriptions are not written here: schema.ts copies them from schema.graphql.
 *
 * Fields are non-null unless they say otherwise, arguments and input fields optional unless they say otherwise.
 */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    /** ISO 8601 in UTC, with milliseconds. */
    DateTime: { Input: string; Output: string };
    JSON: { Input: unknown; Output: unknown };
    Cursor: { Input: string; Output: string };
  };
}>({ defaultFieldNullability: false });

export type Types = typeof builder.$inferSchemaTypes;
export type ObjectRef<Shape> = PothosSchemaTypes.ObjectRef<Types, Shape>;
export type InputRef<Shape> = PothosSchemaTypes.InputObjectRef<Types, Shape>;
export type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;
export type FieldBuilder<Shape> = PothosSchemaTypes.ObjectFieldBuilder<Types, Shape>;
export type Fields = Record<string, PothosSchemaTypes.FieldRef<Types>>;
export type { InputFieldMap as ArgumentMap, InputShapeFromFields as ArgumentsOf };

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});

/** Whether an optional argument, absent or null for anything, covers a value. */
export function covers<Value>(wanted: Value | null | undefined, value: Value): boolean {
  return !isGiven(wanted) || wanted === value;
}

/** The same of an argument that lists what is wanted. */
export function coversOneOf<Value>(wanted: readonly Value[] | null | undefined, value: Value): boolean {
  return !isGiven(wanted) || wanted.includes(value);
}
