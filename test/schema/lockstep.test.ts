import { readFileSync } from 'node:fs';
import {
  buildSchema,
  GraphQLObjectType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import {
  enumName,
  kindNames,
  kindsOf,
  subjectOf,
  subjects,
  type SubjectName,
} from '../../src/events/catalogue.ts';
import { schema } from '../../src/schema/schema.ts';

const contract = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const print = (each: typeof contract): string => printSchema(lexicographicSortSchema(each));

function enumValues(name: string): string[] {
  const type = contract.getType(name);
  return isEnumType(type) ? type.getValues().map((value) => value.name) : [];
}

describe('schema.graphql', () => {
  it('is what the server implements, to the letter', () => {
    expect(print(schema)).toBe(print(contract));
  });

  it('describes every type, field, argument, value and input field', () => {
    const silent: string[] = [];
    const check = (name: string, { description }: { description?: string | null | undefined }): void => {
      if ((description ?? '').trim() === '') silent.push(name);
    };
    for (const type of Object.values(contract.getTypeMap())) {
      if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
      check(type.name, type);
      if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value);
      if (isInputObjectType(type)) {
        for (const field of Object.values(type.getFields())) check(`${type.name}.${field.name}`, field);
      }
      if (isObjectType(type) || isInterfaceType(type)) {
        for (const field of Object.values(type.getFields())) {
          check(`${type.name}.${field.name}`, field);
          for (const argument of field.args) check(`${type.name}.${field.name}(${argument.name})`, argument);
        }
      }
    }
    expect(silent).toEqual([]);
  });
});

describe('the catalogue of events', () => {
  it('has the kinds of EventType, no more and no fewer', () => {
    expect(kindNames.map(enumName).toSorted()).toEqual(enumValues('EventType').toSorted());
  });

  it('gives every kind a payload type that is an Event and that a subscription gives', () => {
    const given = Object.values(contract.getSubscriptionType()!.getFields()).map((field) =>
      field.type.toString().replace('!', ''),
    );
    const implementations = contract
      .getPossibleTypes(contract.getType('Event') as never)
      .map((type) => type.name);
    for (const kind of kindNames) {
      const { payload } = subjectOf(kind);
      expect(contract.getType(payload), kind).toBeInstanceOf(GraphQLObjectType);
      expect(implementations, kind).toContain(payload);
      expect(given, kind).toContain(payload);
    }
  });

  it('has a kind for every subject, and no payload type without one', () => {
    const names = Object.keys(subjects) as SubjectName[];
    for (const name of names) expect(kindsOf(name), name).not.toEqual([]);
    const implementations = contract
      .getPossibleTypes(contract.getType('Event') as never)
      .map((type) => type.name);
    expect(names.map((name) => subjects[name].payload).toSorted()).toEqual(implementations.toSorted());
  });
});
