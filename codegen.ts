import type { CodegenConfig } from '@graphql-codegen/cli';

const plugins = ['typescript-operations', 'typed-document-node'];
const config = {
  useTypeImports: true,
  enumsAsTypes: true,
  strictScalars: true,
  scalars: { ID: 'string', DateTime: 'string', JSON: 'unknown', Cursor: 'string' },
};

/** Typed documents for the tests and the dashboard, from schema.graphql alone: the contract, not what the server happens to build. */
export default {
  schema: 'schema.graphql',
  generates: {
    'test/generated/operations.ts': { documents: 'test/operations/*.graphql', plugins, config },
    'src/dashboard/generated/operations.ts': {
      documents: 'src/dashboard/*.graphql',
      plugins,
      // As text, so that the page needs no printer.
      config: { ...config, documentMode: 'string' },
    },
  },
} satisfies CodegenConfig;
