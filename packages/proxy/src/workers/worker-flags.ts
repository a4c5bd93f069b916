/**
 * What Node.js is told in a worker. There is one of them for each core: threads that help to collect garbage would take the core from
 * the worker that waits for them, and the slowest requests take half as long again.
 */
export const WORKER_FLAGS: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--single-threaded-gc',
];
