import {
  getNamedType,
  print,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import { startArguments } from './route.ts';

/** A valid subscription operation without what only tells where to start, so that equal keys mean equal results. */
export interface Operation {
  readonly key: string;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Name of the Subscription field. */
  readonly field: string;
}

export interface OperationRequest {
  readonly schema: GraphQLSchema;
  /** Validated, with exactly one field in the subscription's root. */
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

interface Normalised {
  readonly document: DocumentNode;
  readonly text: string;
  readonly field: string;
  readonly variableNames: ReadonlySet<string>;
}

/** Parsed documents come from a cache, so the same text is normalised once. */
const normalised = new WeakMap<DocumentNode, Map<string, Normalised>>();

export function operationOf(request: OperationRequest): Operation {
  const name = request.operationName ?? '';
  let byName = normalised.get(request.document);
  if (byName === undefined) normalised.set(request.document, (byName = new Map<string, Normalised>()));
  let known = byName.get(name);
  if (known === undefined) byName.set(name, (known = normalise(request, name)));

  const variables: Record<string, unknown> = {};
  for (const variable of known.variableNames) {
    const value = request.variables?.[variable];
    if (value !== undefined) variables[variable] = value;
  }
  return {
    key: `${known.text}\n${canonicalJson(variables)}`,
    document: known.document,
    operationName: name === '' ? undefined : name,
    variables,
    field: known.field,
  };
}

/** Keeps one operation with the document's fragments, and drops the start arguments of its field and the variables only they used. */
function normalise({ schema, document }: OperationRequest, name: string): Normalised {
  let field = '';
  const typeInfo = new TypeInfo(schema);
  const subscription = schema.getSubscriptionType();
  const withoutStart = visit(
    document,
    visitWithTypeInfo(typeInfo, {
      OperationDefinition: (node) => (name !== '' && node.name?.value !== name ? null : undefined),
      Field: {
        enter(node) {
          const parent = typeInfo.getParentType();
          if (parent === null || parent === undefined || getNamedType(parent) !== subscription)
            return undefined;
          field = node.name.value;
          const kept = (node.arguments ?? []).filter((argument) => !startArguments.has(argument.name.value));
          return { ...node, arguments: kept };
        },
      },
    }),
  );

  const variableNames = new Set<string>();
  visit(withoutStart, {
    VariableDefinition: () => false,
    Variable: (node) => void variableNames.add(node.name.value),
  });
  const result = visit(withoutStart, {
    VariableDefinition: (node) => (variableNames.has(node.variable.name.value) ? undefined : null),
  });
  return { document: result, text: print(result), field, variableNames };
}

/** JSON with sorted keys: equal values have equal texts. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
