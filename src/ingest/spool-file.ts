/**
 * An item of the spool as a file:
 *
 *     tidings-spool-1 <crc32 of all that follows, 8 hexadecimal digits> <bytes of all that follows>⏎
 *     <what it is about, as JSON>⏎
 *     <body, byte by byte as it came>
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { TidingsError } from '../errors.ts';

export interface SpooledItem {
  /** What the body alone doesn't tell. */
  readonly about: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const FIRST_LINE = /^tidings-spool-1 ([0-9a-f]{8}) (\d{1,15})\n/;
const LONGEST_FIRST_LINE = 48;

/** The parts of its file, one behind the other. */
export function encodeItem({ about, body }: SpooledItem): Buffer[] {
  const text = `${JSON.stringify(about)}\n`;
  const sum = crc32(body, crc32(text));
  const bytes = Buffer.byteLength(text) + body.length;
  return [Buffer.from(`tidings-spool-1 ${hex(sum)} ${bytes}\n${text}`), body];
}

/** @throws TidingsError INVALID_INPUT the file is not complete, or was altered */
export function decodeItem(file: Buffer): SpooledItem {
  const first = FIRST_LINE.exec(file.toString('latin1', 0, LONGEST_FIRST_LINE));
  const rest = file.subarray(first?.[0].length ?? 0);
  if (first === null || rest.length !== Number(first[2]) || hex(crc32(rest)) !== first[1]) {
    throw new TidingsError('INVALID_INPUT', 'The file is damaged.');
  }
  const end = rest.indexOf('\n');
  const about = JSON.parse(rest.toString('utf8', 0, end)) as SpooledItem['about'];
  return { about, body: rest.subarray(end + 1) };
}

/** Its name is not durable by that, which takes its directory's sync. */
export async function writeDurably(path: string, parts: readonly Buffer[]): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    for (const part of parts) await file.writeFile(part);
    await file.datasync();
  } finally {
    await file.close();
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
