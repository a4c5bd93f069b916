// What the primary process counts of its workers.
import { Counter, Gauge, type Registry } from 'prom-client';

const REASONS = ['died', 'hung', 'reload'] as const;
const WORKERS = 'berth_proxy_workers';
const RESTARTS = 'berth_proxy_worker_restarts_total';

export function fleetMetrics(
  registry: Registry,
  serving: () => number,
): {
  readonly restarted: (reason: (typeof REASONS)[number]) => void;
  readonly remove: () => void;
} {
  const workers: Gauge = new Gauge({
    name: WORKERS,
    help: 'Worker processes that route requests (processes).',
    registers: [registry],
    collect: () => workers.set(serving()),
  });
  const restarts = new Counter({
    name: RESTARTS,
    help: 'Worker processes that were replaced, by the reason (processes).',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of REASONS) restarts.inc({ reason }, 0);
  return {
    restarted: (reason) => restarts.inc({ reason }),
    remove: () => {
      for (const name of [WORKERS, RESTARTS]) registry.removeSingleMetric(name);
    },
  };
}
