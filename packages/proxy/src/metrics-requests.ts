// What is counted of requests when they have ended: of listeners, as ALB counts them for a load balancer, and how long targets take. Labels are ports, target
// groups and closed sets of words. On the path of requests it only adds numbers. Source: ALB reference, section 4.6.
import { Counter, type Registry } from 'prom-client';

import { type LatencyCounts, LatencyHistogram } from './latency-histogram.ts';
import type { RequestObserver, RequestSummary } from './request-summary.ts';
import { kindOf } from './requests/facts.ts';

const PREFIX = 'berth_proxy_';
const SECOND = 1_000;
/** Statuses of HTTP have five classes. */
const CLASSES = 6;
const CLASSIFICATIONS = ['Acceptable', 'Ambiguous', 'Severe'] as const;

/** Of one listener, since the series were last brought up to date. */
interface ListenerCounts {
  /** By ALB's word for the kind of request. */
  readonly kinds: Map<string, number>;
  /** By class. */
  readonly byTarget: number[];
  readonly byProxy: number[];
  received: number;
  sent: number;
}

interface GroupCounts {
  readonly response: LatencyCounts;
  failedTries: number;
}

export class RequestMetrics implements RequestObserver {
  readonly #registry: Registry;
  readonly #names: string[] = [];
  readonly #kinds: Counter<'port' | 'type'>;
  readonly #answers: Counter<'port' | 'origin' | 'class'>;
  readonly #bytes: Counter<'port' | 'direction'>;
  readonly #desync: Counter<'classification'>;
  readonly #response: LatencyHistogram;
  readonly #failedTries: Counter<'group'>;
  readonly #listeners = new Map<number, ListenerCounts>();
  readonly #groups = new Map<string, GroupCounts>();

  constructor(registry: Registry) {
    this.#registry = registry;
    const named = (
      name: string,
      help: string,
    ): { name: string; help: string; registers: Registry[]; collect: () => void } => {
      this.#names.push(PREFIX + name);
      return {
        name: PREFIX + name,
        help,
        registers: [registry],
        collect: () => this.#flush(),
      };
    };
    this.#kinds = new Counter({
      ...named(
        'listener_requests_total',
        "Requests by listener and kind: http, https, h2, grpcs, ws, wss (requests; ALB's RequestCount, GrpcRequestCount).",
      ),
      labelNames: ['port', 'type'],
    });
    this.#answers = new Counter({
      ...named(
        'listener_responses_total',
        "Answers by listener, by who made them and by their class (answers; ALB's HTTPCode_Target_* and HTTPCode_ELB_*).",
      ),
      labelNames: ['port', 'origin', 'class'],
    });
    this.#bytes = new Counter({
      ...named(
        'processed_bytes_total',
        "Bytes received from and sent to clients, heads included (bytes; ALB's ProcessedBytes).",
      ),
      labelNames: ['port', 'direction'],
    });
    this.#desync = new Counter({
      ...named(
        'non_compliant_requests_total',
        "Requests that are not by the letter of HTTP, by how far they are from it (requests; ALB's DesyncMitigationMode_NonCompliant_Request_Count).",
      ),
      labelNames: ['classification'],
    });
    for (const classification of CLASSIFICATIONS) this.#desync.inc({ classification }, 0);
    const response = `${PREFIX}target_response_seconds`;
    this.#names.push(response);
    this.#response = new LatencyHistogram({
      name: response,
      help: "From the last byte sent to a target to the head of its answer (seconds; ALB's TargetResponseTime).",
      registers: [registry],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    });
    this.#failedTries = new Counter({
      ...named(
        'failed_tries_total',
        "Tries of requests that a target did not answer (tries; ALB's TargetConnectionErrorCount and more).",
      ),
      labelNames: ['group'],
    });
  }

  onRequestEnd(summary: RequestSummary): void {
    const { status, targetStatus, desync, group } = summary;
    const counts = this.#listener(summary.port);
    const kind = kindOf(summary);
    counts.kinds.set(kind, (counts.kinds.get(kind) ?? 0) + 1);
    if (status > 0) {
      const by = targetStatus > 0 && targetStatus === status ? counts.byTarget : counts.byProxy;
      const index = Math.min(CLASSES - 1, Math.trunc(status / 100));
      by[index] = (by[index] ?? 0) + 1;
    }
    counts.received += summary.receivedBytes;
    counts.sent += summary.sentBytes;
    if (desync !== undefined) this.#desync.inc({ classification: desync.classification });
    if (group === undefined) return;
    const own = this.#group(group);
    if (summary.sentAt > 0 && summary.answeredAt > 0) {
      own.response.observe(Math.max(0, summary.answeredAt - summary.sentAt) / SECOND);
    }
    for (const { outcome } of summary.attempts) if (outcome !== 'answered') own.failedTries += 1;
  }

  #listener(port: number): ListenerCounts {
    let counts = this.#listeners.get(port);
    if (counts === undefined) {
      counts = {
        kinds: new Map(),
        byTarget: new Array<number>(CLASSES).fill(0),
        byProxy: new Array<number>(CLASSES).fill(0),
        received: 0,
        sent: 0,
      };
      this.#listeners.set(port, counts);
    }
    return counts;
  }

  #group(group: string): GroupCounts {
    let counts = this.#groups.get(group);
    if (counts === undefined) {
      counts = { response: this.#response.of(group), failedTries: 0 };
      this.#groups.set(group, counts);
    }
    return counts;
  }

  /** Brings the series up to date. */
  #flush(): void {
    for (const [number, counts] of this.#listeners) {
      const port = String(number);
      for (const [type, count] of counts.kinds) {
        if (count > 0) this.#kinds.inc({ port, type }, count);
        counts.kinds.set(type, 0);
      }
      for (const [origin, by] of [
        ['target', counts.byTarget],
        ['proxy', counts.byProxy],
      ] as const) {
        for (const [index, count] of by.entries()) {
          if (count > 0) this.#answers.inc({ port, origin, class: `${index}xx` }, count);
        }
        by.fill(0);
      }
      this.#bytes.inc({ port, direction: 'received' }, counts.received);
      this.#bytes.inc({ port, direction: 'sent' }, counts.sent);
      counts.received = 0;
      counts.sent = 0;
    }
    for (const [group, counts] of this.#groups) {
      this.#failedTries.inc({ group }, counts.failedTries);
      counts.failedTries = 0;
    }
  }

  /** Forgets the series of ports and groups that are not in the table any more. */
  keepOnly(ports: { has(port: number): boolean }, groups: { has(name: string): boolean }): void {
    for (const group of this.#groups.keys()) {
      if (groups.has(group)) continue;
      this.#groups.delete(group);
      this.#response.remove(group);
      this.#failedTries.remove({ group });
    }
    for (const [number, { kinds }] of this.#listeners) {
      if (ports.has(number)) continue;
      this.#listeners.delete(number);
      const port = String(number);
      for (const direction of ['received', 'sent']) this.#bytes.remove({ port, direction });
      for (const type of kinds.keys()) this.#kinds.remove({ port, type });
      for (const origin of ['target', 'proxy']) {
        for (let index = 0; index < CLASSES; index += 1) {
          this.#answers.remove({ port, origin, class: `${index}xx` });
        }
      }
    }
  }

  /** Takes the metrics out of the registry. */
  remove(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name);
  }
}
