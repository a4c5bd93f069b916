// Targets whose errors stand out from those of their peers. AWS tells only that it compares error rates, that it needs three healthy targets, and that
// the weight of the odd ones falls; thresholds, window and steps are ours. Source: ALB reference, section 3.2.

/** What a target did in the window that is looked at. */
export interface Sample {
  readonly requests: number;
  /** Answers with 5XX, and requests without an answer. */
  readonly failures: number;
}

export const ANOMALY_WINDOW_MS = 30_000;
export const ANOMALY_SLICES = 6;
export const LEAST_TARGETS = 3;
const LEAST_REQUESTS = 20;
const LEAST_FAILURES = 5;
const BEGIN = { rate: 0.1, times: 3 };
const END = { rate: 0.05, times: 1.5 };
const LEAST_WEIGHT = 0.1;

/** @param before what was found last time; it takes less to stay anomalous than to become so. Pure. */
export function findAnomalies(
  samples: readonly Sample[],
  before: readonly boolean[],
): readonly boolean[] {
  if (samples.length < LEAST_TARGETS) return samples.map(() => false);
  const requests = samples.reduce((sum, sample) => sum + sample.requests, 0);
  const failures = samples.reduce((sum, sample) => sum + sample.failures, 0);
  return samples.map((sample, index) => {
    const was = before[index] === true;
    if (sample.requests === 0) return false;
    if (!was && (sample.requests < LEAST_REQUESTS || sample.failures < LEAST_FAILURES)) {
      return false;
    }
    const { rate, times } = was ? END : BEGIN;
    const peers = requests - sample.requests;
    const peerRate = peers === 0 ? 1 : (failures - sample.failures) / peers;
    return sample.failures / sample.requests > Math.max(rate, times * peerRate);
  });
}

/** The weight after one more look: it halves down to a tenth, and doubles back to the whole. Pure. */
export function nextWeight(weight: number, anomalous: boolean): number {
  return anomalous ? Math.max(LEAST_WEIGHT, weight / 2) : Math.min(1, weight * 2);
}

/** Counts of the last `ANOMALY_WINDOW_MS`, in slices. */
export class ErrorWindow {
  readonly #requests = new Array<number>(ANOMALY_SLICES).fill(0);
  readonly #failures = new Array<number>(ANOMALY_SLICES).fill(0);
  #slice = 0;

  add(failed: boolean): void {
    this.#requests[this.#slice] = (this.#requests[this.#slice] ?? 0) + 1;
    if (failed) this.#failures[this.#slice] = (this.#failures[this.#slice] ?? 0) + 1;
  }

  /** To be called each time that a slice's time is over. */
  turn(): void {
    this.#slice = (this.#slice + 1) % ANOMALY_SLICES;
    this.#requests[this.#slice] = 0;
    this.#failures[this.#slice] = 0;
  }

  get sample(): Sample {
    const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
    return { requests: sum(this.#requests), failures: sum(this.#failures) };
  }
}
