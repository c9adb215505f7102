import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';

/** Reads one log whole. What cmsgpack made is only readable in Redis. */
const DUMP = `
  local entities = {}
  local stored = redis.call('HGETALL', KEYS[3])
  for index = 1, #stored, 2 do
    local revision, offset, lifetime, deleted, topics = cmsgpack.unpack(stored[index + 1])
    table.insert(entities, { stored[index], revision, offset, lifetime, deleted and 1 or 0, topics })
  end
  local kept = {}
  stored = redis.call('HGETALL', KEYS[4])
  for index = 1, #stored, 2 do
    local chain, recordedAt, revision, body = cmsgpack.unpack(stored[index + 1])
    table.insert(kept, { stored[index], revision })
  end
  return { redis.call('HGETALL', KEYS[1]), redis.call('XRANGE', KEYS[2], '-', '+'), entities, kept,
    redis.call('ZRANGE', KEYS[5], 0, -1) }`;

type Dump = readonly [
  log: readonly string[],
  entries: readonly (readonly [id: string, fields: readonly string[]])[],
  entities: readonly (readonly [
    field: string,
    revision: number,
    offset: number,
    lifetime: string,
    deleted: number,
    topics: readonly string[],
  ])[],
  kept: readonly (readonly [field: string, revision: string])[],
  filed: readonly string[],
];

/** What holds for the keys of every log between any two scripts. Behaviour alone would not tell what is left lying about. */
export async function expectConsistent(client: Redis, prefix: string): Promise<void> {
  for (const log of await client.keys(`${prefix}:{*}:log`)) {
    const tag = log.slice(0, -':log'.length);
    const keys = ['log', 'entries', 'entities', 'kept', 'filed'].map((name) => `${tag}:${name}`);
    expectSound((await client.eval(DUMP, keys.length, ...keys)) as Dump);
  }
  for (const receipt of [
    ...(await client.keys(`${prefix}:*:receipt:*`)),
    ...(await client.keys(`${prefix}:*:resent:*`)),
  ]) {
    expect(await client.pttl(receipt), 'receipts go by themselves').toBeGreaterThan(0);
  }
}

function expectSound([fields, entries, entities, kept, filed]: Dump): void {
  const log = Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, index) => [fields[2 * index]!, fields[2 * index + 1]!]),
  );
  const [floor, offset] = [Number(log['floor']), Number(log['offset'])];
  expect(
    entries.map(([id]) => id),
    'a log holds every event between its floor and its head',
  ).toEqual(Array.from({ length: offset - floor }, (_, index) => `${floor + 1 + index}-0`));

  const revisions = new Map<string, [field: string, revision: number]>();
  let [chain, bytes] = [log['floorChain']!, 0];
  for (const [id, [, stored, , recordedAt, , revision, , field, , body]] of entries) {
    const text = `${chain}\n${new Date(Number(recordedAt)).toISOString()}\n${body!}`;
    chain = createHash('sha1').update(text).digest('hex').slice(0, 12);
    expect(stored, 'each chain is made of the one before and the event').toBe(chain);
    bytes += Buffer.byteLength(body!);
    revisions.set(id, [field!, Number(revision)]);
  }
  expect(chain, 'the last chain is the head’s').toBe(log['chain']);
  expect(bytes, 'a log knows the bytes of what it retains').toBe(Number(log['bytes']));
  if (entries.length > 0) expect(log['oldestAt'], 'a log knows how old it is').toBe(entries[0]![1][3]);

  const keptRevisions = new Map(kept.map(([field, revision]) => [field, Number(revision)]));
  const wanted: string[] = [];
  for (const [field, revision, at, lifetime, deleted, topics] of entities) {
    if (at > floor) expect(revisions.get(`${at}-0`), 'an entity has its state').toEqual([field, revision]);
    else expect([lifetime, keptRevisions.get(field)], 'or keeps it').toEqual(['kept', revision]);
    if (at <= floor) keptRevisions.delete(field);
    if (deleted === 1) expect(topics, 'a deleted entity is filed nowhere').toEqual([]);
    for (const topic of topics) wanted.push(`${Buffer.byteLength(topic)}:${topic}${field}`);
  }
  expect([...keptRevisions], 'nothing else is kept').toEqual([]);
  expect(filed.toSorted(), 'entities are filed under their topics').toEqual(wanted.toSorted());
}
