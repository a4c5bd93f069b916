// The registry of a process. Metrics are named `berth_ROLE_THING_UNIT`; labels come from closed sets only.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds; from a fast call within a machine to a call that waits. */
export const LATENCY_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];

/** A registry of its own, so that tests do not collide. Only the process' own should have the default metrics. */
export function createRegistry(options: { readonly defaults: boolean }): Registry {
  const registry = new Registry();
  if (options.defaults) collectDefaultMetrics({ register: registry });
  return registry;
}

export interface RpcMetrics {
  readonly onCall: (method: string, code: string, seconds: number) => void;
}

/** What `serve` of packages/rpc reports of its calls. @param role part of the metrics' names: `api`, `scheduler` */
export function rpcMetrics(registry: Registry, role: string): RpcMetrics {
  const calls = new Counter({
    name: `berth_${role}_rpc_calls_total`,
    help: 'gRPC calls answered, by method and code.',
    labelNames: ['rpc', 'code'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: `berth_${role}_rpc_duration_seconds`,
    help: 'Time from the arrival of a gRPC call to its answer; streams until their end.',
    labelNames: ['rpc'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  return {
    onCall: (rpc, code, seconds) => {
      calls.inc({ rpc, code });
      duration.observe({ rpc }, seconds);
    },
  };
}

/** A gauge whose value is looked up when it is scraped. */
export function gaugeOf(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
