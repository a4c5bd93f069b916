// Whole bodies of requests, of bounded size, one by one and together: whoever sends slowly or much takes memory only, and no more of
// it than there is for all.
import type { IncomingMessage } from 'node:http';

const MOST_BODY = 1024 * 1024;
/** Of a body above the limit; a longer one is cut off. */
const MOST_FORGOTTEN = 16 * 1024 * 1024;
/** Of all bodies that are being read or acted upon. */
const MOST_HELD = 256 * 1024 * 1024;

export class Bodies {
  readonly #most: number;
  #held = 0;

  constructor(most = MOST_HELD) {
    this.#most = most;
  }

  get held(): number {
    return this.#held;
  }

  /**
   * Hands a body to `act`; it counts as held until that is done. Of one that is too large the rest is read and forgotten, or its
   * sender would not read the answer.
   */
  async read<T>(
    request: IncomingMessage,
    act: (body: Buffer | 'too large' | 'no room') => T | Promise<T>,
  ): Promise<T> {
    // Copied together as it comes: a million chunks of a byte would each be an object, and keep what they came in.
    let body = Buffer.alloc(0);
    let size = 0;
    let own = 0;
    const take = (bytes: number): void => {
      own += bytes;
      this.#held += bytes;
    };
    try {
      for await (const chunk of request.iterator({
        destroyOnReturn: false,
      }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > MOST_FORGOTTEN) return await act('too large');
        if (size > MOST_BODY) {
          body = Buffer.alloc(0);
          take(-own);
        } else if (this.#held + chunk.length > this.#most) {
          return await act('no room');
        } else {
          take(chunk.length);
          body = grown(body, size);
          chunk.copy(body, size - chunk.length);
        }
      }
      return await act(size > MOST_BODY ? 'too large' : body.subarray(0, size));
    } finally {
      take(-own);
    }
  }
}

/** The same bytes, with room for so many: twice as much as before, that it seldom has to grow. */
function grown(body: Buffer<ArrayBuffer>, size: number): Buffer<ArrayBuffer> {
  if (size <= body.length) return body;
  const larger = Buffer.alloc(Math.min(Math.max(size, 2 * body.length), MOST_BODY));
  body.copy(larger);
  return larger;
}

export const LARGEST_BODY = MOST_BODY;
