import { gaugeOf, LATENCY_BUCKETS } from '@berth/process/metrics.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export const REAPED_KINDS = [
  'task',
  'service',
  'event',
  'target',
  'rule',
  'deployment',
  'decision',
  'definition',
  'host',
  'cluster',
] as const;
export type ReapedKind = (typeof REAPED_KINDS)[number];
export type DeploymentResult = 'completed' | 'failed' | 'rolled_back';

export interface ControllerMetrics {
  leads(yes: boolean): void;
  reconciled(outcome: 'success' | 'error', seconds: number, waitedSeconds: number): void;
  /** A transaction was refused because something had changed since the plan. */
  conflict(): void;
  deploymentEnded(result: DeploymentResult): void;
  reaped(kind: ReapedKind, count: number): void;
  hostLost(): void;
  /** An event was dropped because too many waited. */
  eventDropped(): void;
  /** An event was sent to a sink, or could not be this time, or will not be tried again. */
  eventSent(outcome: EventOutcome): void;
}
export type EventOutcome = 'delivered' | 'failed' | 'dead';

/** @param depth keys that wait for a worker now */
export function controllerMetrics(registry: Registry, depth: () => number): ControllerMetrics {
  const registers = [registry];
  const leader = new Gauge({
    name: 'berth_controller_leader',
    help: '1 while this process is the controller that acts, else 0.',
    registers,
  });
  gaugeOf(registry, 'berth_controller_queue_depth', 'Services and tasks that wait.', depth);
  const duration = new Histogram({
    name: 'berth_controller_reconcile_duration_seconds',
    help: 'Time to read, plan and carry out for one service or task, by outcome.',
    labelNames: ['outcome'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const waited = new Histogram({
    name: 'berth_controller_queue_wait_seconds',
    help: 'Time that a service or task waited for a worker.',
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const counter = <L extends string>(
    name: string,
    help: string,
    label?: L,
    values: readonly string[] = [],
  ): Counter<L> => {
    const made = new Counter({ name, help, labelNames: label ? [label] : [], registers });
    for (const value of values) made.inc({ [label as L]: value } as Record<L, string>, 0);
    return made;
  };
  const conflicts = counter(
    'berth_controller_commit_conflicts_total',
    'Transactions that were refused because something had changed since the plan.',
  );
  const ended = counter(
    'berth_controller_deployments_total',
    'Deployments that ended, by result.',
    'result',
    ['completed', 'failed', 'rolled_back'] satisfies DeploymentResult[],
  );
  const reaped = counter(
    'berth_controller_reaped_records_total',
    'Records that were deleted because their time was over, by kind.',
    'kind',
    REAPED_KINDS,
  );
  const lost = counter('berth_controller_hosts_lost_total', 'Hosts that were given up.');
  const dropped = counter(
    'berth_controller_events_dropped_total',
    'Task events that were not kept because too many waited.',
  );
  const sent = counter(
    'berth_controller_event_deliveries_total',
    'Tries to send events to sinks, by outcome; dead: it was the last of an event.',
    'outcome',
    ['delivered', 'failed', 'dead'] satisfies EventOutcome[],
  );
  leader.set(0);
  return {
    leads: (yes) => {
      leader.set(yes ? 1 : 0);
    },
    reconciled: (outcome, seconds, waitedSeconds) => {
      duration.observe({ outcome }, seconds);
      waited.observe(waitedSeconds);
    },
    conflict: () => {
      conflicts.inc();
    },
    deploymentEnded: (result) => {
      ended.inc({ result });
    },
    reaped: (kind, count) => {
      reaped.inc({ kind }, count);
    },
    hostLost: () => {
      lost.inc();
    },
    eventDropped: () => {
      dropped.inc();
    },
    eventSent: (outcome) => {
      sent.inc({ outcome });
    },
  };
}
