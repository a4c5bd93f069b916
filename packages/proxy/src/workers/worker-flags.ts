/**
 * What Node.js is told in a worker. There is one of them for each core: threads that help to collect garbage would take the core from
 * the worker that waits for them, and the slowest requests take half as long again. And there is room, so that what is kept for a
 * while, as recent requests are, does not bring a collection of everything, the longest of its pauses, every few seconds.
 */
export const WORKER_FLAGS: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--single-threaded-gc',
  '--initial-old-space-size=128',
];
