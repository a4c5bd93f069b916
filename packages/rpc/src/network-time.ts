// Time on the network: deadlines and graces of real sockets, which no virtual clock can stand in for. Kept
// in one file so that nothing else here reads the clock.
/* eslint-disable no-restricted-globals, no-restricted-properties */

/** gRPC takes deadlines as wall-clock dates, so they are computed as late as possible. */
export function deadlineIn(ms: number): Date {
  return new Date(Date.now() + ms);
}

/** Run once after `ms` unless cancelled. @returns cancels it */
export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** Run after everything that is already due. */
export function soon(run: () => void): void {
  setImmediate(run);
}

/**
 * Run every `ms`, each time after what sockets have received by then was taken in; told how long ago the last time was. Keeps no
 * process alive. @returns ends it
 */
export function onEveryTurn(ms: number, run: (elapsedMs: number) => void): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    // Timers come first in a turn of the loop, then sockets, then this.
    setImmediate(() => {
      const now = performance.now();
      run(now - last);
      last = now;
    });
  }, ms);
  timer.unref();
  return () => clearInterval(timer);
}
