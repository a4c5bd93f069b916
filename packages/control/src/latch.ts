// "Something has changed": any number of announcements become one turn of the loop that waits for them.

/** Set any number of times, taken once. For one waiting loop. */
export class Latch {
  #set = false;
  #wake: (() => void) | undefined;

  set(): void {
    this.#set = true;
    this.#wake?.();
  }

  /** Resolves at once if the latch was set since it was last taken, else when it is. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#set) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          this.#wake = undefined;
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener('abort', wake, { once: true });
      });
      signal.throwIfAborted();
    }
    this.#set = false;
  }
}
