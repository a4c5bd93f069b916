// Work that several wait for, done once. Giving up leaves it to those who still wait; the last ends it.
import { abortable, childScope } from '@berth/control/scope.ts';

interface Flight<T> {
  readonly done: Promise<T>;
  readonly abort: () => void;
  waiters: number;
}

export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /** Join the work of this name, or begin it. @throws what the work throws, or the signal's reason */
  async join(
    name: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const flight = this.#flights.get(name) ?? this.#begin(name, work);
    flight.waiters += 1;
    try {
      return await abortable(flight.done, signal);
    } finally {
      flight.waiters -= 1;
      if (flight.waiters === 0) {
        this.#end(name, flight);
        flight.abort();
      }
    }
  }

  #begin(name: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const scope = childScope();
    const flight = { done: work(scope.signal), abort: () => scope.abort(), waiters: 0 };
    this.#flights.set(name, flight);
    const end = (): void => this.#end(name, flight);
    flight.done.then(end, end); // its waiters are told how it went
    return flight;
  }

  #end(name: string, flight: Flight<T>): void {
    if (this.#flights.get(name) === flight) this.#flights.delete(name);
  }
}
