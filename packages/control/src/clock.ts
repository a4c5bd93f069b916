// Time as an argument: the real clock is made in `process`, a virtual one in `simulation` and in tests.

export interface Clock {
  /** Wall time in milliseconds since the Unix epoch; for records only. */
  now(): number;
  /** Monotonic milliseconds; for durations and deadlines. */
  monotonic(): number;
  /** Resolves after `ms`. @throws the signal's reason as soon as it is aborted */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1). */
export type Random = () => number;
