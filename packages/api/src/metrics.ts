// The api's metrics. Names and labels are listed in the documentation of operations.
import { gaugeOf } from '@berth/process/metrics.ts';
import { Counter, type Registry } from 'prom-client';

import type { AgentSessions } from './sessions/agent-sessions.ts';
import type { LeasedRecords } from './sessions/leased-records.ts';
import type { ProxySessions } from './sessions/proxy-sessions.ts';
import type { ReplicaLease } from './sessions/replica-lease.ts';
import type { ReportOutcome, StatusWriter } from './sessions/status-writer.ts';
import type { StreamBroker } from './sessions/streams.ts';

export interface SessionCounters {
  taskReport(outcome: ReportOutcome): void;
  routingUpdate(kind: 'snapshot' | 'difference'): void;
}

export function sessionCounters(registry: Registry): SessionCounters {
  const reports = new Counter({
    name: 'berth_api_task_reports_total',
    help: "Agents' reports of tasks, by what became of them.",
    labelNames: ['outcome'],
    registers: [registry],
  });
  const updates = new Counter({
    name: 'berth_api_routing_updates_total',
    help: 'Routing tables and their changes sent to proxies.',
    labelNames: ['kind'],
    registers: [registry],
  });
  for (const outcome of ['written', 'unchanged', 'stale', 'refused']) reports.inc({ outcome }, 0);
  for (const kind of ['snapshot', 'difference']) updates.inc({ kind }, 0);
  return {
    taskReport: (outcome) => reports.inc({ outcome }),
    routingUpdate: (kind) => updates.inc({ kind }),
  };
}

export interface Watched {
  readonly agents: AgentSessions;
  readonly proxies: ProxySessions;
  readonly statuses: StatusWriter;
  readonly records: LeasedRecords;
  readonly streams: StreamBroker;
  readonly lease: ReplicaLease;
}

/** Gauges that are looked up when they are scraped. */
export function sessionGauges(registry: Registry, watched: Watched): void {
  const { agents, proxies, statuses, records, streams, lease } = watched;
  const gauge = (name: string, help: string, value: () => number): void =>
    gaugeOf(registry, `berth_api_${name}`, help, value);
  gauge('agent_sessions', 'Agents connected to this replica.', () => agents.size);
  gauge('proxy_sessions', 'Proxies connected to this replica.', () => proxies.size);
  gauge(
    'proxies_behind',
    'Proxies that do not yet route by the newest update sent.',
    () => proxies.behind,
  );
  gauge(
    'task_reports_waiting',
    'Reports of tasks that are not yet stored.',
    () => statuses.waiting,
  );
  gauge('leased_records', "Records under this replica's lease.", () => records.size);
  gauge('log_streams', 'Streams of logs relayed by this replica.', () => streams.open('logs'));
  gauge('exec_streams', 'Commands relayed by this replica.', () => streams.open('exec'));
  gauge('lease_losses', 'Leases that this replica has lost since it started.', () => lease.losses);
}
