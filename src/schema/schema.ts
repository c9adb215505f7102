/** The executable schema: the types of all domains, with the descriptions of the contract. */
import { readFileSync } from 'node:fs';
import {
  buildSchema as buildContract,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import './agents.ts';
import './ai.ts';
import './alerts.ts';
import './all-events.ts';
import './batch.ts';
import { builder } from './builder.ts';
import './files.ts';
import './history.ts';
import './issues.ts';
import './messages.ts';
import './presence.ts';
import './progress.ts';
import './projects.ts';
import './pull-requests.ts';
import './repositories.ts';
import './revocations.ts';
import './scalars.ts';
import './stats.ts';
import './viewer.ts';
import './workflows.ts';

interface Described {
  description?: string | null | undefined;
}

export const schema = builder.toSchema();
// The reviewed contract stands beside both src/ and dist/. That it is valid is tested; to check it takes a tenth of what a server's start does.
const sdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
describe(schema, buildContract(sdl, { assumeValidSDL: true }));

/** Copies the contract's descriptions, so that they are written once. */
function describe(built: GraphQLSchema, contract: GraphQLSchema): void {
  copy(contract, built);
  for (const [name, type] of Object.entries(built.getTypeMap())) {
    const written = contract.getType(name);
    if (written === undefined) continue;
    copy(written, type);
    const writtenParts = partsOf(written);
    for (const [partName, part] of partsOf(type)) {
      const writtenPart = writtenParts.get(partName);
      if (writtenPart !== undefined) copy(writtenPart, part);
    }
  }
}

function copy(from: Described, to: Described): void {
  to.description = from.description;
}

/** Fields, arguments and values of a type, by a name that is unique in it. */
function partsOf(type: GraphQLNamedType): Map<string, Described> {
  const parts = new Map<string, Described>();
  if (isEnumType(type)) for (const value of type.getValues()) parts.set(value.name, value);
  if (isInputObjectType(type))
    for (const field of Object.values(type.getFields())) parts.set(field.name, field);
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      parts.set(field.name, field);
      for (const argument of field.args) parts.set(`${field.name}(${argument.name})`, argument);
    }
  }
  return parts;
}
