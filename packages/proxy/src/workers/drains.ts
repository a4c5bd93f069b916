// Which draining targets no worker has anything in flight on any more. A target is drained when every worker that routes requests has said
// so of this registration; a worker that is gone has nothing in flight.
import type { Target } from '../target.ts';

export interface DrainWord {
  readonly phase: 'draining' | 'drained';
  readonly cut: boolean;
}

export class Drains {
  readonly #words = new Map<Target, Map<number, DrainWord>>();

  /** @param worker its number */
  note(target: Target, worker: number, word: DrainWord): void {
    let words = this.#words.get(target);
    if (words === undefined) this.#words.set(target, (words = new Map<number, DrainWord>()));
    words.set(worker, word);
  }

  forgetWorker(worker: number): void {
    for (const words of this.#words.values()) words.delete(worker);
  }

  /** Targets that are gone, or no longer drain. */
  forgetAllBut(draining: ReadonlySet<Target>): void {
    for (const target of this.#words.keys()) if (!draining.has(target)) this.#words.delete(target);
  }

  /** @param workers the numbers of those that route requests. @returns undefined while one of them has not said that it is drained */
  drained(target: Target, workers: Iterable<number>): { readonly cut: boolean } | undefined {
    const words = this.#words.get(target);
    let cut = false;
    for (const worker of workers) {
      const word = words?.get(worker);
      if (word?.phase !== 'drained') return undefined;
      cut ||= word.cut;
    }
    return { cut };
  }
}
