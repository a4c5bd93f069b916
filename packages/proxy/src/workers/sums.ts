// What all workers have counted, those that are gone included: totals never go back when a worker ends.
import type { GroupTraffic } from '@berth/model/generated/messages.ts';
import { AggregatorRegistry, type Metric, type MetricObject, type Registry } from 'prom-client';

/** Of target groups, by name. */
export class TrafficSums {
  readonly #gone = new Map<string, GroupTraffic>();

  /** A worker has ended: what it counted stays, what it had in flight is over. */
  add(traffic: readonly GroupTraffic[]): void {
    for (const counted of traffic) {
      this.#gone.set(counted.group, sum(this.#gone.get(counted.group), { ...counted, active: 0 }));
    }
  }

  /** Groups that are not in the table any more; if they come back they are new ones. */
  forgetAllBut(groups: ReadonlyMap<string, unknown>): void {
    for (const name of this.#gone.keys()) if (!groups.has(name)) this.#gone.delete(name);
  }

  /** @param groups whose sums are wanted. @param live what each live worker has counted */
  totals(groups: Iterable<string>, live: Iterable<readonly GroupTraffic[]>): GroupTraffic[] {
    const totals = new Map<string, GroupTraffic>();
    for (const group of groups) totals.set(group, sum(this.#gone.get(group), zero(group)));
    for (const traffic of live) {
      for (const counted of traffic) {
        const total = totals.get(counted.group);
        if (total !== undefined) totals.set(counted.group, sum(total, counted));
      }
    }
    return [...totals.values()];
  }
}

const zero = (group: string): GroupTraffic => ({
  group,
  requests: 0,
  failed: 0,
  targetErrors: 0,
  active: 0,
});

function sum(a: GroupTraffic | undefined, b: GroupTraffic): GroupTraffic {
  if (a === undefined) return b;
  return {
    group: b.group,
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    targetErrors: a.targetErrors + b.targetErrors,
    active: a.active + b.active,
  };
}

/** The metrics of all workers as those of one process, in that process's registry. */
export class MetricSums {
  readonly #registry: Registry;
  readonly #live: () => Iterable<readonly MetricObject[]>;
  #gone: MetricObject[] = [];
  readonly #shown = new Set<string>();
  /** Within one turn of the event loop all metrics are of one sum. */
  #summed: Promise<Map<string, MetricObject>> | undefined;

  constructor(registry: Registry, live: () => Iterable<readonly MetricObject[]>) {
    this.#registry = registry;
    this.#live = live;
  }

  /** A worker has told its metrics: each of them is shown from now on. */
  show(metrics: readonly MetricObject[]): void {
    for (const { name } of metrics) {
      if (this.#shown.has(name) || this.#registry.getSingleMetric(name) !== undefined) continue;
      this.#shown.add(name);
      const shown = { name, get: () => this.#get(name), reset: () => undefined };
      this.#registry.registerMetric(shown as unknown as Metric);
    }
  }

  /** A worker has ended: what it counted stays. */
  async add(metrics: readonly MetricObject[]): Promise<void> {
    const counted = metrics.filter(
      ({ type }) => String(type) === 'counter' || String(type) === 'histogram',
    );
    if (counted.length === 0) return;
    this.#gone = await summed([this.#gone, counted]);
  }

  /** Series of target groups that are not in the table any more. */
  forgetAllBut(groups: ReadonlyMap<string, unknown>): void {
    this.#gone = this.#gone.map((metric) => {
      const { values } = metric as unknown as { readonly values: readonly Series[] };
      const kept = values.filter(
        ({ labels }) => labels['group'] === undefined || groups.has(String(labels['group'])),
      );
      return { ...metric, values: kept };
    });
  }

  async #get(name: string): Promise<MetricObject | undefined> {
    if (this.#summed === undefined) {
      this.#summed = summed([this.#gone, ...this.#live()]).then(
        (metrics) => new Map(metrics.map((metric) => [metric.name, metric])),
      );
      setImmediate(() => (this.#summed = undefined));
    }
    return (await this.#summed).get(name) ?? empty(name);
  }

  /** Takes all of them out of the registry. */
  remove(): void {
    for (const name of this.#shown) this.#registry.removeSingleMetric(name);
    this.#shown.clear();
  }
}

interface Series {
  readonly labels: Readonly<Record<string, string | number>>;
}

function empty(name: string): MetricObject {
  return {
    name,
    help: 'Not told by any worker now.',
    type: 'gauge',
    values: [],
    aggregator: 'sum',
  } as never;
}

async function summed(parts: readonly (readonly MetricObject[])[]): Promise<MetricObject[]> {
  const whole = AggregatorRegistry.aggregate(parts.filter((part) => part.length > 0));
  return await whole.getMetricsAsJSON();
}
