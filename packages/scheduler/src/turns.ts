// One at a time, in the order of arrival, with a bound on how many wait.
import { abortable } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

export class Turns {
  readonly #limit: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param limit how many may wait besides the one whose turn it is */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Run `work` when all before it have ended. Whoever gives up while waiting is passed over; work that has begun
   * is not interrupted, the caller only stops waiting for it.
   * @throws BerthError Unavailable when too many wait; the signal's reason; whatever `work` throws
   */
  async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#waiting > this.#limit) {
      throw new BerthError(
        'Unavailable',
        `The scheduler has ${this.#limit} calls waiting and takes no more; try again later.`,
      );
    }
    this.#waiting += 1;
    const before = this.#last;
    const turn = (async () => {
      await before;
      this.#waiting -= 1;
      signal.throwIfAborted();
      return work();
    })();
    this.#last = turn.catch(() => undefined);
    return abortable(turn, signal);
  }

  /** Resolves when nobody works or waits any more. */
  async idle(): Promise<void> {
    let last: Promise<unknown>;
    do {
      last = this.#last;
      await last;
    } while (last !== this.#last);
  }
}
