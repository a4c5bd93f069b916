// Invariants 1 and 2 of the design: a plan that breaks them is a bug and is not carried out. Pure.
import { invariant } from '../assert.ts';
import type { Buckets } from './buckets.ts';
import type { Limits } from './limits.ts';
import type { Step } from './step.ts';

/** @throws Error when a step starts or stops more than its limits allow */
export function checkLimits({ starts, stops }: Step, buckets: Buckets, limits: Limits): void {
  const starting = starts.reduce((sum, { count }) => sum + count, 0);
  invariant(
    starting === 0 || buckets.total + starting <= limits.maxTotal,
    `a plan would start ${starting} tasks beside ${buckets.total}, of ${limits.maxTotal} allowed`,
  );
  if (stops.length === 0) return;
  const stopping = new Set(stops.map(({ of }) => of.task.id));
  invariant(stopping.size === stops.length, 'a plan stops a task twice');
  const healthyStops = [...buckets.byDeployment.values()]
    .flatMap(({ healthy, leaving }) => [...healthy, ...leaving])
    .filter(({ of, health }) => health.state === 'healthy' && stopping.has(of.task.id)).length;
  invariant(
    healthyStops === 0 || buckets.healthyTotal - healthyStops >= limits.minHealthy,
    `a plan would stop ${healthyStops} of ${buckets.healthyTotal} healthy tasks, of which ${limits.minHealthy} must stay`,
  );
}
