import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import Database from 'libsql';
import { expect } from 'vitest';

/** Rows that must not be, each with a sentence that is true of all others. */
const violations = {
  'the database is sound': `SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
  'a log holds every event between its floor and its head': `
    SELECT l.id, l.floor_offset, l.offset, COUNT(n.offset), MIN(n.offset), MAX(n.offset) FROM log l
      LEFT JOIN entry n ON n.log = l.id AND n.offset > l.floor_offset GROUP BY l.id
      HAVING COUNT(n.offset) <> l.offset - l.floor_offset OR COALESCE(MAX(n.offset), l.offset) <> l.offset`,
  'a log knows the bytes of what it retains': `
    SELECT l.id, l.bytes, SUM(octet_length(n.body)) FROM log l
      LEFT JOIN entry n ON n.log = l.id AND n.offset > l.floor_offset GROUP BY l.id
      HAVING COALESCE(SUM(octet_length(n.body)), 0) <> l.bytes`,
  'an event behind the floor is the state of an entity that is kept': `
    SELECT n.log, n.offset FROM entry n JOIN log l ON l.id = n.log
      LEFT JOIN entity e ON e.log = n.log AND e.offset = n.offset
      WHERE n.offset <= l.floor_offset AND (e.ref IS NULL OR e.lifetime <> 'kept')`,
  'an entity has its state': `
    SELECT e.log, e.type, e.id FROM entity e LEFT JOIN entry n ON n.log = e.log AND n.offset = e.offset
      WHERE n.revision IS NOT e.revision OR n.entity IS NOT e.ref`,
  'an entity is filed under each of its topics': `
    SELECT e.log, e.type, e.id, j.value FROM entity e, json_each(e.topics) j
      LEFT JOIN entity_topic t ON t.log = e.log AND t.topic = j.value AND t.type = e.type AND t.id = e.id
      WHERE t.entity IS NOT e.ref`,
  'an entity is filed under no other topic': `
    SELECT t.log, t.topic, t.type, t.id FROM entity_topic t LEFT JOIN entity e ON e.ref = t.entity
      WHERE e.ref IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(e.topics) j WHERE j.value = t.topic)`,
  'a deleted entity is filed nowhere': `SELECT log, type, id FROM entity WHERE deleted AND topics <> '[]'`,
};

/** What holds for the tables between any two transactions. Behaviour alone would not tell what is left lying about. */
export function expectConsistent(path: string): void {
  if (!existsSync(path)) return;
  const database = new Database(path);
  const rows = (sql: string): unknown[] => database.prepare(sql).raw().all();
  for (const [sentence, sql] of Object.entries(violations)) expect(rows(sql), sentence).toEqual([]);

  for (const [log, floorOffset, floorChain] of rows('SELECT id, floor_offset, floor_chain FROM log') as [
    number,
    number,
    string,
  ][]) {
    const entries = database
      .prepare('SELECT recorded_at, body, chain FROM entry WHERE log = ? AND offset > ? ORDER BY offset')
      .raw()
      .all(log, floorOffset) as [number, string, string][];
    let chain = floorChain;
    for (const [recordedAt, body, stored] of entries) {
      const text = `${chain}\n${new Date(recordedAt).toISOString()}\n${body}`;
      chain = createHash('sha1').update(text).digest('hex').slice(0, 12);
      expect(stored, 'each chain is made of the one before and the event').toBe(chain);
    }
  }
  database.close();
}
