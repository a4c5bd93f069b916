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
