// Everything in this process: the data path, its recent requests and its access log.
import type { GroupTraffic, RequestOrder, RoutingUpdate } from '@berth/model/generated/messages.ts';
import { type RouteTable, updateTable } from '@berth/model/routing/table.ts';

import { AccessLog, type AccessLogSettings } from './access-log/access-log.ts';
import type { Core, CoreEvents, RequestTeller } from './core.ts';
import { DataPath, type DataPathOptions } from './data-path.ts';
import { accessLogMetrics } from './metrics-access-log.ts';
import { RequestMetrics } from './metrics-requests.ts';
import type { RequestObserver } from './request-summary.ts';
import { Answering } from './requests/answering.ts';
import { RequestBook } from './requests/book.ts';
import type { Target } from './target.ts';
import { TargetTally } from './target-tally.ts';
import { nextTrace } from './trace.ts';

export interface LocalCoreOptions extends Omit<DataPathOptions, 'observer'> {
  readonly proxyId: string;
  readonly accessLog: AccessLogSettings;
}

export class LocalCore implements Core {
  readonly path: DataPath;
  readonly counts = new TargetTally();
  readonly countsLostAt = undefined;
  onAnswer: RequestTeller['onAnswer'] = () => false;
  readonly #events: Pick<CoreEvents, 'onApplied'>;
  readonly #log: AccessLog;
  readonly #answering: Answering;
  readonly #requests: RequestMetrics;
  readonly #removeMetrics: () => void;

  constructor(options: LocalCoreOptions, events: CoreEvents) {
    const { clock, logger, metrics, proxyId } = options;
    this.#events = events;
    const book = new RequestBook({ proxyId });
    const log = new AccessLog({ ...options.accessLog, clock, logger });
    this.#log = log;
    this.#requests = new RequestMetrics(metrics);
    this.#removeMetrics = accessLogMetrics(metrics, log);
    this.#answering = new Answering({ book, send: (answer) => this.onAnswer(answer) });
    this.path = new DataPath({
      ...options,
      observer: inTurn(this.#requests, book, log, this.counts),
      onTargetChange: (target) => {
        events.onTargetChange(target);
        options.onTargetChange?.(target);
      },
    });
  }

  get table(): RouteTable {
    return this.path.routing.table;
  }

  get serving(): boolean {
    return this.path.serving;
  }

  get settled(): boolean {
    return this.path.listeners.settled;
  }

  get appliedRevision(): number {
    return this.table.records.revision;
  }

  update(update: RoutingUpdate): void {
    this.path.swap(updateTable(this.table, update));
    this.#keepSeries();
    this.#events.onApplied();
  }

  #keepSeries(): void {
    const { listeners, groups } = this.table;
    const ports = new Set<number>();
    // Where it really is: another than in the table only for port 0.
    for (const port of listeners.keys()) ports.add(this.path.listeners.actualPort(port) ?? port);
    this.#requests.keepOnly(ports, groups);
  }

  serve(): Promise<void> {
    return this.path.serve();
  }

  problems(): string[] {
    return this.path.listeners.problems();
  }

  actualPort(port: number): number | undefined {
    return this.path.listeners.actualPort(port);
  }

  *targets(): Generator<Target> {
    for (const group of this.path.routing.groups.values()) yield* group.targets.values();
  }

  isRouted(): boolean {
    return true;
  }

  traffic(): GroupTraffic[] {
    return this.path.traffic();
  }

  settleCounts(): Promise<void> {
    return Promise.resolve();
  }

  take(order: RequestOrder): void {
    this.#answering.take(order);
  }

  stopTelling(): void {
    this.#answering.stop();
  }

  async stop(graceMs: number): Promise<void> {
    await this.path.stop(graceMs);
    this.#answering.stop();
    await this.#log.close();
    this.#requests.remove();
    this.#removeMetrics();
  }
}

/** Every request has an id, also one that no target has seen. */
function inTurn(...observers: readonly RequestObserver[]): RequestObserver {
  return {
    onRequestEnd: (summary) => {
      if (summary.trace === '') summary.trace = nextTrace(summary.head?.trace, summary.at);
      for (const observer of observers) observer.onRequestEnd(summary);
    },
  };
}
