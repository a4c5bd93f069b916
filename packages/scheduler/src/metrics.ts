import type { UnplacedTask } from '@berth/model/generated/messages.ts';
import { FILTERS } from '@berth/model/placement/filters.ts';
import { LATENCY_BUCKETS } from '@berth/process/metrics.ts';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

export interface SchedulerMetrics {
  leads(yes: boolean): void;
  /** A transaction was refused because a host's record had changed meanwhile. */
  conflict(): void;
  /** A request was decided and committed. */
  placed(tasks: number, unplaced: UnplacedTask | undefined, seconds: number): void;
}

/** The reason given where the cluster has no host at all. */
const NO_HOSTS = 'NO_HOSTS';

export function schedulerMetrics(registry: Registry): SchedulerMetrics {
  const registers = [registry];
  const leader = new Gauge({
    name: 'berth_scheduler_leader',
    help: '1 while this process is the scheduler that places tasks, else 0.',
    registers,
  });
  const conflicts = new Counter({
    name: 'berth_scheduler_commit_conflicts_total',
    help: 'Placement transactions that were refused because a host had changed meanwhile.',
    registers,
  });
  const duration = new Histogram({
    name: 'berth_scheduler_placement_duration_seconds',
    help: 'Time to choose hosts for one request and to commit its tasks.',
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const tasks = new Counter({
    name: 'berth_scheduler_placed_tasks_total',
    help: 'Tasks that were given a host.',
    registers,
  });
  const unplacedTasks = new Counter({
    name: 'berth_scheduler_unplaced_tasks_total',
    help: 'Tasks for which no host was found, by the rule that excluded the most hosts.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of [...FILTERS.map((filter) => filter.reason), NO_HOSTS]) {
    unplacedTasks.inc({ reason }, 0);
  }
  return {
    leads: (yes) => {
      leader.set(yes ? 1 : 0);
    },
    conflict: () => {
      conflicts.inc();
    },
    placed: (count, unplaced, seconds) => {
      duration.observe(seconds);
      tasks.inc(count);
      if (unplaced) unplacedTasks.inc({ reason: mainReason(unplaced) }, unplaced.count);
    },
  };
}

function mainReason({ refusals }: UnplacedTask): string {
  const [first, ...others] = refusals;
  if (!first) return NO_HOSTS;
  return others.reduce((most, refusal) => (refusal.hosts > most.hosts ? refusal : most), first)
    .reason;
}
