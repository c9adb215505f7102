import type { CodegenConfig } from '@graphql-codegen/cli';

/** Typed documents for the tests, from schema.graphql alone: the contract, not what the server happens to build. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'test/operations/*.graphql',
  generates: {
    'test/generated/operations.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { ID: 'string', DateTime: 'string', JSON: 'unknown', Cursor: 'string' },
      },
    },
  },
};

export default config;
