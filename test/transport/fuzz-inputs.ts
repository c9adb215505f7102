/** What nobody should send: valid requests and messages with something wrong in them, and what never was any. */
import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';

/** Stands in JSON for arrays in arrays, so many: no JSON.stringify gets through them. */
const deep = (levels: number): string => `nested ${levels}`;

/** As JSON, with what is nested without end in its place. */
export function textOf(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.replaceAll(/"nested (\d+)"/g, (_text, levels: string) => {
    const count = Number(levels);
    return `${'['.repeat(count)}${']'.repeat(count)}`;
  });
}

const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer({ min: 1, max: 30_000 }).map(deep),
  fc.constantFrom(
    '',
    'x'.repeat(5_000),
    '\u0000',
    '\ud800',
    1e308,
    -1,
    2 ** 53,
    1.5,
    null,
    [],
    {},
    [''],
    { length: 1 },
    { toString: 1 },
    { __typename: 'X' },
  ),
);
const strangeKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'id',
  'type',
  'payload',
  '',
);

/** Every place in a JSON value, as a path; the value itself is none. */
function* placesIn(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesIn(inner, [...path, key]);
}

interface Change {
  readonly where: number;
  readonly how: 'replace' | 'remove' | 'add';
  readonly key: string;
  readonly value: unknown;
}

function changed(value: unknown, { where, how, key, value: other }: Change): unknown {
  const places = [...placesIn(value)];
  const path = places[where % (places.length + 1)];
  if (path === undefined) return other;
  const copy = structuredClone(value) as Record<string, unknown>;
  let parent = copy;
  for (const name of path.slice(0, -1)) parent = parent[name] as Record<string, unknown>;
  const last = path.at(-1)!;
  if (how === 'remove') delete parent[last];
  else if (how === 'replace') parent[last] = other;
  else Object.defineProperty(parent, key, { value: other, enumerable: true, configurable: true });
  return copy;
}

/** One of some values, with up to three things changed in it. */
export function mutated(...values: readonly unknown[]): fc.Arbitrary<unknown> {
  const change = fc.record({
    where: fc.nat({ max: 1_000 }),
    how: fc.constantFrom('replace' as const, 'replace' as const, 'remove' as const, 'add' as const),
    key: strangeKey,
    value: strange,
  });
  return fc
    .tuple(fc.constantFrom(...values), fc.array(change, { maxLength: 3 }))
    .map(([value, changes]) => changes.reduce(changed, value));
}

/** A text with a piece cut out, repeated, or put in. */
export function damaged(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(
      texts,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat({ max: 30 }),
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 8 }),
        fc.constantFrom('\r\n', '\0', '"', '{', '%00', '%', '..'),
      ),
      fc.constantFrom('cut', 'repeat', 'put', 'end'),
    )
    .map(([text, share, length, piece, how]) => {
      const at = Math.floor(text.length * share);
      if (how === 'end') return text.slice(0, at);
      const middle = how === 'cut' ? '' : how === 'put' ? piece : text.slice(at, at + length).repeat(3);
      return text.slice(0, at) + middle + text.slice(how === 'put' ? at : at + length);
    });
}

/** What a client writes on a WebSocket. After what is no frame nothing behind it can be understood. */
export interface Piece {
  readonly bytes: Buffer;
  readonly isFrame: boolean;
}

/** A frame as clients have to send it, but for what is asked to be different. */
export function frame(
  payload: Buffer,
  { opcode = 1, isLast = true, reserved = 0, isMasked = true, length = payload.length } = {},
): Buffer {
  const size =
    length < 126
      ? Buffer.from([length])
      : length < 65_536
        ? Buffer.from([126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([127]), bigEndian(length)]);
  size[0]! |= isMasked ? 0x80 : 0;
  const first = Buffer.from([(isLast ? 0x80 : 0) | (reserved << 4) | opcode]);
  // A mask of zeros changes nothing.
  return Buffer.concat([first, size, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

function bigEndian(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

const asFrame = (text: string): Piece => ({ bytes: frame(Buffer.from(text)), isFrame: true });

/** Pieces of a conversation whose messages are like these. */
export function pieces(...messages: readonly unknown[]): fc.Arbitrary<Piece> {
  const message = mutated(...messages).map(textOf);
  const payload = fc.oneof(
    message.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  const oddFrame = fc
    .record({
      payload,
      opcode: fc.nat({ max: 15 }),
      isLast: fc.boolean(),
      reserved: fc.constantFrom(0, 0, 0, 1, 4, 7),
      isMasked: fc.constantFrom(true, true, true, false),
      lie: fc.constantFrom(0, 0, 0, 1, 1_000, 100_000, 2 ** 40),
    })
    .map(({ payload: bytes, lie, ...how }) => frame(bytes, { ...how, length: bytes.length + lie }));
  const fragments = fc.tuple(message, fc.integer({ min: 1, max: 100 })).map(([text, count]) => {
    const bytes = Buffer.from(text);
    const step = Math.ceil(bytes.length / count) || 1;
    const parts: Buffer[] = [];
    for (let from = 0; from < bytes.length; from += step)
      parts.push(
        frame(bytes.subarray(from, from + step), {
          opcode: from === 0 ? 1 : 0,
          isLast: from + step >= bytes.length,
        }),
      );
    return Buffer.concat(parts);
  });
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...messages).map((each) => asFrame(textOf(each))) },
    { weight: 8, arbitrary: message.map(asFrame) },
    { weight: 2, arbitrary: damaged(message).map(asFrame) },
    {
      weight: 1,
      arbitrary: fc
        .uint8Array({ maxLength: 300 })
        .map((bytes) => ({ bytes: frame(Buffer.from(bytes)), isFrame: true })),
    },
    { weight: 1, arbitrary: fragments.map((bytes) => ({ bytes, isFrame: true })) },
    { weight: 2, arbitrary: oddFrame.map((bytes) => ({ bytes, isFrame: false })) },
    {
      weight: 1,
      arbitrary: fc
        .uint8Array({ maxLength: 300 })
        .map((bytes) => ({ bytes: Buffer.from(bytes), isFrame: false })),
    },
  );
}

/** The upgrade to a WebSocket of this subprotocol; null offers none. */
export function upgradeRequest(protocol: string | null): string {
  const offer = protocol === null ? '' : `sec-websocket-protocol: ${protocol}\r\n`;
  const key = randomBytes(16).toString('base64');
  return `GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${offer}\r\n`;
}
