/** Reports what schema.graphql changes against the released schema; breaking changes fail. */
import { existsSync, readFileSync } from 'node:fs';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const released = 'contract/released.graphql';

if (!existsSync(released)) {
  console.log(`${released} does not exist: nothing was released yet, so nothing can break.`);
  process.exit(0);
}

const load = (path: string) => buildSchema(readFileSync(path, 'utf8'));
const changes = await diff(load(released), load('schema.graphql'));
const ofLevel = (level: CriticalityLevel) => changes.filter((change) => change.criticality.level === level);

const breaking = ofLevel(CriticalityLevel.Breaking);
const dangerous = ofLevel(CriticalityLevel.Dangerous);
for (const change of dangerous) console.log(`dangerous  ${change.message}`);
for (const change of breaking) console.error(`BREAKING   ${change.message}`);
console.log(
  `schema.graphql against ${released}: ${changes.length} changes, ` +
    `${dangerous.length} dangerous, ${breaking.length} breaking.`,
);
if (breaking.length > 0) process.exitCode = 1;
