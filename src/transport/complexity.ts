import { costLimitRule } from '@escape.tech/graphql-armor-cost-limit';
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  GraphQLError,
  Kind,
  parse,
  validate,
  visit,
  type DocumentNode,
  type GraphQLSchema,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { TidingsError } from '../errors.ts';

const most = { depth: 8, aliases: 15, directives: 50, tokens: 1_000, objects: 50_000 } as const;
/** What a page counts whose size is in a variable, which nobody knows before it is executed. */
const PAGE = '100';

/**
 * The rules report by a callback, without the "Syntax Error" that they put in front, and don't throw: an error that is thrown is
 * taken for an invalid document.
 */
const reported = {
  propagateOnRejection: false,
  onReject: [
    (context: ValidationContext | null, { message }: GraphQLError) =>
      context?.reportError(tooComplex(message.replace('Syntax Error: ', ''))),
  ],
};
const rules: readonly ValidationRule[] = [
  maxDepthRule({ ...reported, n: most.depth, flattenFragments: true }),
  maxAliasesRule({ ...reported, n: most.aliases }),
  maxDirectivesRule({ ...reported, n: most.directives }),
  // Counts the objects that the answer may have; of fragments on several types, which exclude each other, all.
  costLimitRule({
    ...reported,
    maxCost: most.objects,
    objectCost: 1,
    scalarCost: 0,
    depthCostFactor: 1,
    flattenFragments: true,
  }),
];

function tooComplex(message: string): GraphQLError {
  return new GraphQLError(message, { originalError: new TidingsError('QUERY_TOO_COMPLEX', message) });
}

/**
 * Parses a document, but for one of too many tokens.
 *
 * @throws GraphQLError
 */
export function parseBounded(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: most.tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !error.message.endsWith('tokens. Parsing aborted.')) throw error;
    throw tooComplex(`The document has more than ${most.tokens} tokens.`);
  }
}

/** How graphql-js says that it gives up: comparing fields that have one name takes time by the square of their number. */
const GIVEN_UP = 'Validation aborted.';

/** What is wrong with a document. What is too much about it is found first: some of the rules take their time with what is too large. */
export function validateBounded(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] {
  const tooMuch = complexityOf(schema, document);
  if (tooMuch.length > 0) return tooMuch;
  return validate(schema, document).map((error) =>
    error.message === GIVEN_UP ? tooComplex('The document names the same fields too often.') : error,
  );
}

function complexityOf(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] {
  const counted = visit(document, {
    Argument: (node) =>
      ['first', 'last'].includes(node.name.value) && node.value.kind === Kind.VARIABLE
        ? { ...node, value: { kind: Kind.INT, value: PAGE } }
        : undefined,
  });
  return validate(schema, counted, rules);
}
