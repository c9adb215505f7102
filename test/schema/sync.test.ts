import {
  execute,
  getNamedType,
  isAbstractType,
  isEnumType,
  isNonNullType,
  isObjectType,
  parse,
  type ExecutionResult,
  type GraphQLOutputType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { enumName, kindNames, subjectOf, type Kind } from '../../src/events/catalogue.ts';
import { asSnapshot, cursorOf, type Entry } from '../../src/events/event.ts';
import type { EventContext } from '../../src/schema/context.ts';
import { schema } from '../../src/schema/schema.ts';
import { sampleEntry } from '../support/samples.ts';

/** Selects all fields below a type. */
function allFields(type: GraphQLOutputType): string {
  const named = getNamedType(type);
  if (!isObjectType(named)) return '';
  const fields = Object.values(named.getFields()).map((field) => `${field.name} ${allFields(field.type)}`);
  return `{ ${fields.join(' ')} }`;
}

/** An operation on a Subscription field, with dummies for the arguments that it needs; it selects all fields unless told. */
function operationOn(field: string, payload: string, wanted?: string): string {
  const { args, type } = schema.getSubscriptionType()!.getFields()[field]!;
  const needed = args.filter((argument) => isNonNullType(argument.type)).map(({ name }) => `${name}: "x"`);
  const selection = wanted ?? allFields(schema.getType(payload) as GraphQLOutputType);
  const on = isAbstractType(getNamedType(type)) ? `{ __typename ... on ${payload} ${selection} }` : selection;
  return `subscription { ${field} ${needed.length > 0 ? `(${needed.join(' ')})` : ''} ${on} }`;
}

function fieldGiving(payload: string): string {
  const fields = Object.values(schema.getSubscriptionType()!.getFields());
  return fields.find((field) => getNamedType(field.type).name === payload)!.name;
}

function run(document: string, entry: Entry): ExecutionResult {
  const contextValue: EventContext = {};
  const result = execute({ schema, document: parse(document), rootValue: entry, contextValue });
  expect(result, 'resolves in the same turn').not.toBeInstanceOf(Promise);
  return result as ExecutionResult;
}

/** Paths of fields that came out null. */
function nulls(value: unknown, path = ''): string[] {
  if (value === null) return [path];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => nulls(inner, `${path}.${name}`));
}

describe.each(kindNames)('%s', (kind: Kind) => {
  const entry = sampleEntry(kind);
  const { payload } = subjectOf(kind);

  it('resolves all fields of its type without a viewer, in one turn', () => {
    const field = fieldGiving(payload);
    const { data, errors } = run(operationOn(field, payload), entry);
    expect(errors).toBeUndefined();
    const event = data?.[field] as Record<string, unknown>;
    expect(event).toMatchObject({
      type: enumName(kind),
      cursor: cursorOf(entry),
      occurredAt: entry.occurredAt,
    });
    // The samples have every field, so that a field which reads from the wrong place shows.
    const unset = ['.comment', ...(entry.projectId === null ? ['.projectId'] : [])];
    expect(nulls(event).filter((path) => !unset.includes(path))).toEqual([]);
  });

  if (kind !== 'notification' && kind !== 'presence.changed') {
    it('is told apart in the union feed', () => {
      const { data, errors } = run(operationOn('events', payload), entry);
      expect(errors).toBeUndefined();
      expect(data?.['events']).toMatchObject({ __typename: payload, type: enumName(kind) });
    });
  }
});

describe('an event', () => {
  it('names changed fields as the contract does', () => {
    const commit = run('subscription { autoCommit { changedFields } }', sampleEntry('commit.auto'));
    const { changedFields } = commit.data!['autoCommit'] as { changedFields: string[] };
    expect(changedFields).toContain('commitId');
    expect(changedFields).not.toContain('id');
  });

  it('has changed fields that its entity has', () => {
    for (const kind of kindNames) {
      const payload = subjectOf(kind).payload;
      const field = fieldGiving(payload);
      const { data } = run(operationOn(field, payload, '{ changedFields }'), sampleEntry(kind));
      const { changedFields } = data![field] as { changedFields: string[] };
      const type = schema.getType(payload);
      const fields = isObjectType(type) ? type.getFields() : {};
      const entity = Object.values(fields).map((each) => getNamedType(each.type));
      const known = new Set([
        ...Object.keys(fields),
        ...entity.flatMap((each) => (isObjectType(each) ? Object.keys(each.getFields()) : [])),
      ]);
      expect(
        changedFields.filter((name) => !known.has(name)),
        kind,
      ).toEqual([]);
    }
  });

  it('of a project tells the new values of the changed fields', () => {
    const entry = { ...sampleEntry('project.updated'), changed: ['name', 'status'] };
    const { data } = run('subscription { projectUpdated(projectId: "apollo") { changes } }', entry);
    expect(data).toEqual({ projectUpdated: { changes: { name: 'Apollo', status: 'ACTIVE' } } });
  });

  it('in a snapshot has the cursor that it was given there', () => {
    const entry = asSnapshot(sampleEntry('agent.connected'), 'where-the-snapshot-is');
    const { data } = run('subscription { agentStatusChanged { cursor reason changedFields } }', entry);
    const agentStatusChanged = { cursor: 'where-the-snapshot-is', reason: 'SNAPSHOT', changedFields: [] };
    expect(data).toEqual({ agentStatusChanged });
  });
});

describe('enumerations', () => {
  it('have values that are called what is stored', () => {
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isEnumType(type) || type.name.startsWith('__')) continue;
      for (const { name, value } of type.getValues()) expect(value, `${type.name}.${name}`).toBe(name);
    }
  });
});
