// What the proxy counts. Labels are target groups and closed sets of words; a group's series go with the group, after the table
// without it is in place.
import { Counter, Gauge, type Registry } from 'prom-client';

import { type LatencyCounts, LatencyHistogram } from './latency-histogram.ts';

/** How a request to a target group ended. `proxy`: answered by the proxy itself; `cut`: broken off in the middle. */
export type Outcome =
  | 'target_1xx'
  | 'target_2xx'
  | 'target_3xx'
  | 'target_4xx'
  | 'target_5xx'
  | 'proxy_4xx'
  | 'proxy_5xx'
  | 'cut'
  | 'client_gone';

const OUTCOMES: readonly Outcome[] = [
  'target_1xx',
  'target_2xx',
  'target_3xx',
  'target_4xx',
  'target_5xx',
  'proxy_4xx',
  'proxy_5xx',
  'cut',
  'client_gone',
];

/** Requests that no target group had a part in. */
export type AnswerKind = 'fixed_response' | 'redirect' | 'refused' | 'unrouted';

export interface Gauges {
  readonly tableRevision: () => number;
  readonly clientConnections: () => number;
  readonly failedListeners: () => number;
  /**
   * Of every group: what is in flight and what waits for room, whether it serves with all its targets for want of healthy ones, and their
   * states and connections.
   */
  readonly groups: () => Iterable<{
    readonly name: string;
    readonly active: number;
    readonly failOpen: boolean;
    readonly states: Readonly<Record<TargetState, number>>;
    readonly connections: number;
    readonly waiting: number;
  }>;
}

export type TargetState = 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'ejected';

export class ProxyMetrics {
  readonly #registry: Registry;
  readonly #names: string[] = [];
  readonly #requests: Counter<'group' | 'outcome'>;
  readonly #duration: LatencyHistogram;
  readonly #meters = new Set<GroupMeter>();
  readonly #retries: Counter<'group'>;
  readonly #ejections: Counter<'group'>;
  readonly #answers: Counter<'kind'>;
  readonly #active: Gauge<'group'>;
  readonly #failOpen: Gauge<'group'>;
  readonly #connections: Gauge<'group'>;
  readonly #waiting: Gauge<'group'>;
  readonly #targets: Gauge<'group' | 'state'>;

  constructor(registry: Registry, gauges: Gauges) {
    this.#registry = registry;
    const named = (
      name: string,
      help: string,
    ): { name: string; help: string; registers: Registry[] } => {
      this.#names.push(`berth_proxy_${name}`);
      return { name: `berth_proxy_${name}`, help, registers: [registry] };
    };
    this.#requests = new Counter({
      ...named(
        'requests_total',
        "Requests to target groups, by how they ended (requests; ALB's RequestCount, HTTPCode_Target_*).",
      ),
      labelNames: ['group', 'outcome'],
      collect: () => {
        for (const meter of this.#meters) meter.flush();
      },
    });
    this.#duration = new LatencyHistogram({
      ...named(
        'request_duration_seconds',
        'From the head of a request to the end of its answer (seconds).',
      ),
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    });
    this.#retries = new Counter({
      ...named(
        'retries_total',
        'Tries of requests on another connection or target after the first (tries).',
      ),
      labelNames: ['group'],
    });
    this.#ejections = new Counter({
      ...named(
        'ejections_total',
        "Targets passed over for a while because connections or requests failed (times; ALB's MitigatedHostCount).",
      ),
      labelNames: ['group'],
    });
    this.#answers = new Counter({
      ...named(
        'answers_total',
        "Requests answered by the proxy that no target group had a part in (requests; ALB's HTTP_Fixed_Response_Count, HTTP_Redirect_Count).",
      ),
      labelNames: ['kind'],
    });
    for (const kind of ['fixed_response', 'redirect', 'refused', 'unrouted'] as const) {
      this.#answers.inc({ kind }, 0);
    }
    const active = (this.#active = new Gauge({
      ...named('active_requests', 'Requests and tunnels in flight (requests).'),
      labelNames: ['group'],
      collect: () => {
        for (const group of gauges.groups()) active.set({ group: group.name }, group.active);
      },
    }));
    const failOpen = (this.#failOpen = new Gauge({
      ...named(
        'fail_open',
        "1 while too few targets are healthy, so that all take part, else 0 (ALB's UnhealthyStateRouting).",
      ),
      aggregator: 'max',
      labelNames: ['group'],
      collect: () => {
        for (const group of gauges.groups()) {
          failOpen.set({ group: group.name }, Number(group.failOpen));
        }
      },
    }));
    const targets = (this.#targets = new Gauge({
      ...named(
        'targets',
        "Targets by state (targets; ALB's HealthyHostCount, UnHealthyHostCount).",
      ),
      // Each worker sees the same targets.
      aggregator: 'max',
      labelNames: ['group', 'state'],
      collect: () => {
        for (const group of gauges.groups()) {
          for (const [state, count] of Object.entries(group.states)) {
            targets.set({ group: group.name, state }, count);
          }
        }
      },
    }));
    const connections = (this.#connections = new Gauge({
      ...named('target_connections', 'Open connections to targets (connections).'),
      labelNames: ['group'],
      collect: () => {
        for (const group of gauges.groups()) {
          connections.set({ group: group.name }, group.connections);
        }
      },
    }));
    const waiting = (this.#waiting = new Gauge({
      ...named('waiting_requests', 'Requests that wait until a target has room (requests).'),
      labelNames: ['group'],
      collect: () => {
        for (const group of gauges.groups()) waiting.set({ group: group.name }, group.waiting);
      },
    }));
    this.#gauge(
      named('table_revision', 'Revision of the routing table in use (etcd revision).'),
      gauges.tableRevision,
      'min',
    );
    this.#gauge(
      named(
        'client_connections',
        "Open connections of clients (connections; ALB's ActiveConnectionCount).",
      ),
      gauges.clientConnections,
      'sum',
    );
    this.#gauge(
      named('failed_listeners', 'Listeners whose port can not be had (listeners).'),
      gauges.failedListeners,
      'max',
    );
  }

  #gauge(
    options: { name: string; help: string; registers: Registry[] },
    value: () => number,
    aggregator: 'min' | 'max' | 'sum',
  ): void {
    const gauge: Gauge = new Gauge({
      ...options,
      aggregator,
      collect: () => gauge.set(value()),
    });
  }

  answered(kind: AnswerKind): void {
    this.#answers.inc({ kind });
  }

  meter(group: string): GroupMeter {
    const meter: GroupMeter = new GroupMeter({
      requests: Object.fromEntries(
        OUTCOMES.map((outcome) => [outcome, this.#requests.labels({ group, outcome })]),
      ) as Record<Outcome, Counter.Internal>,
      duration: this.#duration.of(group),
      retries: this.#retries.labels({ group }),
      ejections: this.#ejections.labels({ group }),
      remove: () => {
        this.#meters.delete(meter);
        for (const outcome of OUTCOMES) this.#requests.remove({ group, outcome });
        for (const state of ['initial', 'healthy', 'unhealthy', 'draining', 'ejected']) {
          this.#targets.remove({ group, state });
        }
        this.#duration.remove(group);
        for (const counter of [this.#retries, this.#ejections]) counter.remove({ group });
        for (const gauge of [this.#active, this.#failOpen, this.#connections, this.#waiting]) {
          gauge.remove({ group });
        }
      },
    });
    this.#meters.add(meter);
    return meter;
  }

  /** Takes the proxy's metrics out of the process's registry. */
  remove(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name);
  }
}

interface GroupSeries {
  readonly requests: Readonly<Record<Outcome, Counter.Internal>>;
  readonly duration: LatencyCounts;
  readonly retries: Counter.Internal;
  readonly ejections: Counter.Internal;
  readonly remove: () => void;
}

/** Counts one target group. Its totals go to the control plane, its series to Prometheus. */
export class GroupMeter {
  requests = 0;
  failed = 0;
  targetErrors = 0;
  active = 0;
  readonly #series: GroupSeries;
  /** Not in the series yet, where counting is dear. */
  readonly #ended = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    Outcome,
    number
  >;
  #removed = false;

  constructor(series: GroupSeries) {
    this.#series = series;
    for (const outcome of ['target_2xx', 'proxy_5xx'] as const) series.requests[outcome].inc(0);
    series.retries.inc(0);
  }

  begin(): void {
    this.requests += 1;
    this.active += 1;
  }

  end(outcome: Outcome, milliseconds: number): void {
    this.active -= 1;
    if (outcome === 'proxy_5xx' || outcome === 'cut') this.failed += 1;
    if (outcome === 'target_5xx') this.targetErrors += 1;
    if (this.#removed) return;
    this.#ended[outcome] += 1;
    this.#series.duration.observe(milliseconds / 1000);
  }

  /** Brings the series up to date. */
  flush(): void {
    for (const outcome of OUTCOMES) {
      if (this.#ended[outcome] > 0) this.#series.requests[outcome].inc(this.#ended[outcome]);
      this.#ended[outcome] = 0;
    }
  }

  retried(): void {
    if (!this.#removed) this.#series.retries.inc();
  }

  ejected(): void {
    if (!this.#removed) this.#series.ejections.inc();
  }

  /** Its group is gone; requests that still end are not counted, or the series would come back. */
  remove(): void {
    this.#removed = true;
    this.#series.remove();
  }
}
