import type { Writable } from 'node:stream';

export interface Pacing {
  /** Bytes waiting for the peer from which it counts as congested. */
  readonly highWaterMark: number;
  /** Milliseconds in which a peer has to take a chunk (see CHUNK), where its connection could not take it at once. */
  readonly writeDeadlineMs: number;
}

/** Who is at the other end. */
export interface OutletPeer {
  /** Whether what waits may still be written: false once the protocol has said its last word. */
  readonly isOpen: boolean;
  /** It has missed the deadline. */
  cutOff(): void;
}

/**
 * About so many bytes are given to the connection at a time: what a slow peer costs beside a list of what waits, and how one sees it take
 * something. Node writes texts of up to 16 KiB without a copy on the heap.
 */
const CHUNK = 14 * 1_024;

/** Puts an item into the form that goes over the wire: bytes, each as one character. Empty where nobody wants it any more. */
export interface Encoder<Item> {
  encode(item: Item): string;
}

/**
 * The writing end of one connection, whatever is written to it. All that comes in one turn of the event loop leaves in one write, as does what
 * comes while a slow peer still takes what was there before. It tells when the peer is too slow.
 *
 * Frames are put together as strings of bytes: for a burst of 20 events that costs a third of handing each to `ws`, which makes two buffers of
 * every message (1.7 against 5.9 µs a delivery, the kernel's write included).
 */
export class Outlet {
  readonly #stream: Writable;
  readonly #pacing: Pacing;
  readonly #peer: OutletPeer;
  /** What leaves at the end of this turn. Mostly that is all there is. */
  #text = '';
  /** What comes behind it, or behind what is in flight. */
  #backlog: Backlog | undefined;
  /** Bytes that the connection was given and has not taken yet. */
  #inFlight = 0;
  #deadline: NodeJS.Timeout | undefined;
  #listeners: (() => void)[] | undefined;

  constructor(stream: Writable, pacing: Pacing, peer: OutletPeer) {
    this.#stream = stream;
    this.#pacing = pacing;
    this.#peer = peer;
    stream.once('close', () => this.#drop());
  }

  /** `bytes` is what the item will take, about. */
  write<Item>(encoder: Encoder<Item>, item: Item, bytes: number): void {
    if (this.#inFlight > 0 || this.#text.length >= CHUNK) {
      this.#backlog ??= new Backlog();
      this.#backlog.add(encoder, item, bytes);
      return;
    }
    if (this.#text === '') setImmediate(this.#flush);
    this.#text += encoder.encode(item);
  }

  get isCongested(): boolean {
    return this.#waiting > this.#pacing.highWaterMark;
  }

  /** Calls back once, when most of what waited has been taken. */
  whenDrained(listener: () => void): void {
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  /** Gives everything to the connection at once, however slow it is: what is to be its last word comes behind. */
  finish(): void {
    const text = this.#text + (this.#backlog?.take(Infinity) ?? '');
    this.#forget();
    if (text !== '') this.#stream.write(text, 'latin1');
  }

  readonly #flush = (): void => {
    const text = this.#text;
    if (text === '') return;
    if (!this.#peer.isOpen) return this.#drop();
    this.#text = '';
    this.#inFlight = text.length;
    this.#stream.write(text, 'latin1', this.#taken);
    // Mostly the kernel has all of it by now. A peer that takes nothing for a whole deadline holds memory for as long as it is waited for.
    if (this.#stream.writableLength === 0) return;
    const chunks = Math.max(1, text.length / CHUNK);
    this.#deadline = setTimeout(() => this.#peer.cutOff(), this.#pacing.writeDeadlineMs * chunks);
  };

  readonly #taken = (error?: Error | null): void => {
    if (this.#deadline !== undefined) clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#inFlight = 0;
    if (error !== undefined && error !== null) return this.#drop();
    const backlog = this.#backlog;
    if (backlog !== undefined) {
      this.#text += backlog.take(CHUNK);
      if (backlog.isEmpty) this.#backlog = undefined;
      this.#flush();
    }
    const listeners = this.#listeners;
    if (listeners === undefined || this.#waiting > this.#pacing.highWaterMark / 4) return;
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  };

  /** Bytes that the peer has not taken. */
  get #waiting(): number {
    return this.#text.length + (this.#backlog?.bytes ?? 0) + this.#inFlight;
  }

  #drop(): void {
    clearTimeout(this.#deadline);
    this.#listeners = undefined;
    this.#forget();
  }

  #forget(): void {
    this.#text = '';
    this.#backlog = undefined;
  }
}

/** What waits, and how each is encoded: only when it is written, so that what waits is shared by all who wait for it. */
class Backlog {
  #items: unknown[] = [];
  #encoders: Encoder<never>[] = [];
  #sizes: number[] = [];
  /** The next item to be written. */
  #next = 0;
  #bytes = 0;

  add<Item>(encoder: Encoder<Item>, item: Item, bytes: number): void {
    this.#items.push(item);
    this.#encoders.push(encoder);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#next === this.#items.length;
  }

  /** The next items, up to about `most` bytes. Frames stay whole: `ws` answers pings and closes in between. */
  take(most: number): string {
    let text = '';
    while (text.length < most && this.#next < this.#items.length) {
      text += this.#encoders[this.#next]!.encode(this.#items[this.#next] as never);
      // What was added for it, which may be another number than it takes.
      this.#bytes -= this.#sizes[this.#next]!;
      this.#next++;
    }
    if (this.#next > 256 && this.#next * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#next);
      this.#encoders = this.#encoders.slice(this.#next);
      this.#sizes = this.#sizes.slice(this.#next);
      this.#next = 0;
    }
    return text;
  }
}
