import type { IncomingMessage } from 'node:http';
import { TidingsError } from '../errors.ts';

/** What is asked before more than so many bytes of a body are read: it may take its time, and throws where the body is not worth it. */
export interface LargeBodies {
  readonly above: number;
  readonly check: () => Promise<void>;
}

/** A body that is being read. */
interface Unfinished {
  bytes: number;
  readonly refuse: (error: TidingsError) => void;
}

/** So many pieces of a body become one: as many as there can be of a byte each would take a hundred times as much. */
const MOST_PIECES = 1_024;

/**
 * Reads the bodies of requests. What has come of all that are not whole yet is bounded together: where there is too much, the one that has taken
 * longest is refused. Whoever sends as others do is through long before; who holds memory by sending slowly, or never to the end, makes room.
 */
export class Bodies {
  readonly #mostBytes: number;
  /** The oldest first. */
  readonly #unfinished = new Set<Unfinished>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * Reads a request's body, and not a byte beyond the limit.
   *
   * @throws TidingsError PAYLOAD_TOO_LARGE; UNSUPPORTED_MEDIA_TYPE it is compressed; BAD_REQUEST when the client goes away in the middle;
   *   OVERLOADED others need the room; what `large` throws
   */
  async read(
    request: IncomingMessage,
    maxBytes: number,
    large: LargeBodies = { above: maxBytes, check: async () => undefined },
  ): Promise<Buffer> {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > maxBytes) throw tooLarge(maxBytes);
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    // A limit would mean nothing for what becomes a thousand times as much.
    if (!/^(?:identity)?$/i.test(encoding.trim()))
      throw new TidingsError('UNSUPPORTED_MEDIA_TYPE', 'The body must not be compressed.');
    let isChecked = announced > large.above;
    if (isChecked) await large.check();
    // Nothing more would be told of it.
    if (request.destroyed) throw broken();
    // An iterator costs several times what a small body does otherwise.
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let pieces = 0;
      let isRefused = false;
      const body: Unfinished = {
        bytes: 0,
        refuse: (error) => {
          isRefused = true;
          chunks.length = 0;
          this.#leave(body);
          reject(error);
        },
      };
      request.on('data', (chunk: Buffer) => {
        // It still has to be taken from the connection: see `linger`.
        if (isRefused) return;
        chunks.push(chunk);
        if (++pieces % MOST_PIECES === 0) chunks.push(Buffer.concat(chunks.splice(-MOST_PIECES)));
        if (body.bytes + chunk.length > maxBytes) return body.refuse(tooLarge(maxBytes));
        if (!this.#grow(body, chunk.length)) return;
        if (body.bytes <= large.above || isChecked) return;
        isChecked = true;
        request.pause();
        void large
          .check()
          .catch(body.refuse)
          .finally(() => request.resume());
      });
      request.once('end', () => {
        this.#leave(body);
        resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      });
      request.once('error', (error) => body.refuse(broken(error)));
      request.once('close', () => {
        if (!request.readableEnded) body.refuse(broken());
      });
    });
  }

  /** Whether there is room for it still. */
  #grow(body: Unfinished, bytes: number): boolean {
    this.#unfinished.add(body);
    body.bytes += bytes;
    this.#bytes += bytes;
    for (const oldest of this.#unfinished) {
      if (this.#bytes <= this.#mostBytes) break;
      oldest.refuse(new TidingsError('OVERLOADED', 'The body took too long; the room is needed.'));
    }
    return this.#unfinished.has(body);
  }

  /** More than once does no harm. */
  #leave(body: Unfinished): void {
    if (this.#unfinished.delete(body)) this.#bytes -= body.bytes;
  }
}

function broken(cause?: unknown): TidingsError {
  return new TidingsError('BAD_REQUEST', 'The body did not arrive whole.', {}, { cause });
}

function tooLarge(maxBytes: number): TidingsError {
  return new TidingsError('PAYLOAD_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`);
}
