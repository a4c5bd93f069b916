// A histogram of seconds, by target group, that costs next to nothing to count in: it stands beside prom-client's own kinds in a registry and says the same when it
// is asked.
import type { Metric, MetricObjectWithValues, MetricValue, Registry } from 'prom-client';

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
}

/** Counts one group. */
export class LatencyCounts {
  readonly #bounds: readonly number[];
  /** Those at most as long as each bound, but longer than the one before; beyond the last bound they are only counted. */
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(seconds: number): void {
    this.#sum += seconds;
    this.#count += 1;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i += 1) {
      if (seconds > (bounds[i] as number)) continue;
      this.#counts[i] = (this.#counts[i] as number) + 1;
      return;
    }
  }

  values(name: string, group: string): MetricValue<string>[] {
    let below = 0;
    const buckets = this.#bounds.map((le, i) => {
      below += this.#counts[i] as number;
      return { metricName: `${name}_bucket`, labels: { le, group }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', group }, value: this.#count },
      { metricName: `${name}_sum`, labels: { group }, value: this.#sum },
      { metricName: `${name}_count`, labels: { group }, value: this.#count },
    ] as MetricValue<string>[];
  }
}

export class LatencyHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: readonly number[];
  readonly #groups = new Map<string, LatencyCounts>();

  constructor({ name, help, buckets, registers }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.#bounds = buckets;
    for (const registry of registers) registry.registerMetric(this as unknown as Metric);
  }

  of(group: string): LatencyCounts {
    let counts = this.#groups.get(group);
    if (counts === undefined) this.#groups.set(group, (counts = new LatencyCounts(this.#bounds)));
    return counts;
  }

  remove(group: string): void {
    this.#groups.delete(group);
  }

  /** As prom-client asks its metrics. */
  get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    const values = [...this.#groups].flatMap(([group, counts]) => counts.values(this.name, group));
    const { name, help, type, aggregator } = this;
    return Promise.resolve({
      name,
      help,
      type,
      aggregator,
      values,
    } as unknown as MetricObjectWithValues<MetricValue<string>>);
  }

  reset(): void {
    this.#groups.clear();
  }
}
