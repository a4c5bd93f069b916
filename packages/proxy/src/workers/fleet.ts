// The primary process's side of several workers. It holds the table, checks health, and speaks for all of them: a revision is in use when every
// worker that routes requests uses it, a target is drained when none of them has anything in flight on it. A worker that
// dies, or does not answer, is replaced; nothing waits for it.
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { abortable } from '@berth/control/scope.ts';
import type { GroupTraffic, RequestOrder, RoutingUpdate } from '@berth/model/generated/messages.ts';
import { snapshotOf } from '@berth/model/routing/records.ts';
import { type RouteTable, updateTable } from '@berth/model/routing/table.ts';
import { Registry } from 'prom-client';

import type { AccessLogSettings } from '../access-log/access-log.ts';
import type { Core, CoreEvents, RequestTeller } from '../core.ts';
import { HealthChecks } from '../health.ts';
import { ProxyMetrics } from '../metrics.ts';
import { Routing } from '../routing.ts';
import { DEFAULT_SETTINGS, type ProxySettings } from '../settings.ts';
import type { Target } from '../target.ts';
import { Drains } from './drains.ts';
import { type News, type WorkerOptions, findTarget, nameOfTarget } from './messages.ts';
import { fleetMetrics } from './fleet-metrics.ts';
import { type KeptSocket, Slots } from './slots.ts';
import { MetricSums, TrafficSums } from './sums.ts';
import { TallySums } from './tally-sums.ts';
import { WorkerHandle } from './worker-process-handle.ts';

export interface FleetOptions {
  readonly workers: number;
  readonly proxyId: string;
  readonly bindAddress: string;
  readonly certificateDirectory?: string | undefined;
  readonly logLevel: WorkerOptions['logLevel'];
  readonly accessLog: AccessLogSettings;
  readonly settings?: Partial<ProxySettings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Registry;
}

const FIRST_CHECKS_MS = 1_000;
const STEP_MS = 10;
const PING_MS = 1_000;
const COUNT_MS = 1_000;
/** A worker that leaves so many pings unanswered hangs. */
const MOST_UNANSWERED = 8;
/** A worker that lives shorter than this is replaced ever more slowly. */
const SHORT_LIFE_MS = 10_000;
const BACKOFF = { initialMs: 100, maxMs: 5_000 };
/** How long the requests of a worker that is replaced may take. */
const REPLACED_GRACE_MS = 60_000;
/** For a replacement to begin to serve, and for a worker that was told to end beyond its grace. */
const START_MS = 15_000;
const END_MS = 2_000;

export class Fleet implements Core {
  readonly #options: FleetOptions;
  readonly #events: CoreEvents;
  readonly #settings: ProxySettings;
  readonly #routing: Routing;
  readonly #health: HealthChecks;
  /** All that are not gone. */
  readonly #workers = new Set<WorkerHandle>();
  readonly #slots = new Slots();
  readonly #drains = new Drains();
  readonly #traffic = new TrafficSums();
  readonly counts = new TallySums();
  countsLostAt: number | undefined;
  #countOrders = 0;
  readonly #metrics: MetricSums;
  readonly #restarts: (how: 'died' | 'hung' | 'reload') => void;
  readonly #removeMetrics: () => void;
  readonly #stopping = new AbortController();
  /** The updates that brought each target in, and that let it drain. */
  readonly #since = new WeakMap<Target, number>();
  readonly #draining = new WeakMap<Target, number>();
  readonly #told = new Set<Target>();
  readonly #ejected = new Map<Target, WorkerHandle>();
  /** Targets whose errors stand out, and their weights in the workers that say so. */
  readonly #anomalous = new Map<Target, Map<WorkerHandle, number>>();
  /** Who has not finished answering, by order. */
  readonly #asked = new Map<string, Set<WorkerHandle>>();
  /** Orders that go on until they are cancelled. */
  readonly #following = new Map<string, RequestOrder>();
  readonly #shortLives = new Map<number, number>();
  onAnswer: RequestTeller['onAnswer'] = () => false;
  #table: RouteTable;
  /** Of the newest update. */
  #sequence = 0;
  /** The newest that all workers route by, and its revision. */
  #appliedSequence = 0;
  #applied = 0;
  /** Revisions of later updates. */
  readonly #revisions = new Map<number, number>();
  #serving = false;
  #reloading: Promise<void> | undefined;

  constructor(options: FleetOptions, events: CoreEvents) {
    this.#options = options;
    this.#events = events;
    const { clock, random, logger, metrics } = options;
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#health = new HealthChecks({
      clock,
      random,
      logger,
      concurrency: this.#settings.concurrentChecks,
      onChange: (target) => this.#onHealth(target),
    });
    // What is counted here is nothing: requests pass in the workers.
    const own = new ProxyMetrics(new Registry(), {
      tableRevision: () => this.#table.records.revision,
      clientConnections: () => 0,
      failedListeners: () => 0,
      groups: () => [],
    });
    this.#routing = new Routing({
      metrics: own,
      settings: this.#settings,
      clock,
      random,
      hooks: { onIdle: () => undefined, onAnomaly: () => undefined },
    });
    this.#table = this.#routing.table;
    this.#metrics = new MetricSums(metrics, () =>
      Array.from(this.#workers, (worker) => worker.metrics),
    );
    const made = fleetMetrics(metrics, () => this.#counting().length);
    this.#restarts = made.restarted;
    this.#removeMetrics = made.remove;
    for (let slot = 0; slot < options.workers; slot += 1) this.#start(slot);
    this.#watch().catch(() => undefined);
  }

  get table(): RouteTable {
    return this.#table;
  }

  get serving(): boolean {
    return this.#serving;
  }

  get settled(): boolean {
    const counting = this.#counting();
    return counting.length > 0 && counting.every(({ settled }) => settled);
  }

  /** The processes that serve now, for tests and for people. */
  get processes(): readonly number[] {
    return this.#counting()
      .map(({ pid }) => pid)
      .filter((pid) => pid !== undefined);
  }

  get appliedRevision(): number {
    return this.#applied;
  }

  #counting(): WorkerHandle[] {
    return [...this.#workers].filter(({ counts }) => counts);
  }

  update(update: RoutingUpdate): void {
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#table = updateTable(this.#table, update);
    this.#revisions.set(sequence, this.#table.records.revision);
    const gone = this.#routing.swap(this.#table);
    for (const { target } of gone) {
      this.#told.delete(target);
      this.#ejected.delete(target);
      this.#anomalous.delete(target);
    }
    for (const worker of this.#workers) {
      // One that starts gets the table as it is then.
      if (worker.applied >= 0) worker.tell({ kind: 'update', update, sequence });
    }
    this.#health.apply(this.#routing.groups.values());
    this.#slots.keepOnly(this.#table.listeners);
    this.#traffic.forgetAllBut(this.#table.groups);
    this.#metrics.forgetAllBut(this.#table.groups);
    const draining = new Set<Target>();
    for (const target of this.targets()) {
      if (!this.#since.has(target)) this.#since.set(target, sequence);
      if (target.draining) draining.add(target);
    }
    this.#drains.forgetAllBut(draining);
    for (const target of draining) this.#beginDrain(target);
    this.#look();
  }

  #beginDrain(target: Target): void {
    if (target.drain.phase !== 'registered') return;
    const { clock } = this.#options;
    const group = this.#routing.groups.get(target.record.group);
    const delay = group?.settings.deregistrationDelayMs ?? 0;
    this.#draining.set(target, this.#sequence);
    target.drain = { phase: 'draining', deadline: clock.monotonic() + delay };
    target.since = clock.now();
    this.#events.onTargetChange(target);
  }

  /** Whatever may have been waiting for a worker is looked at again. */
  #look(): void {
    const counting = this.#counting();
    const sequence = Math.min(this.#sequence, ...counting.map(({ applied }) => applied));
    if (sequence > this.#appliedSequence) {
      this.#appliedSequence = sequence;
      this.#applied = this.#revisions.get(sequence) ?? this.#applied;
      for (const number of this.#revisions.keys()) {
        if (number <= sequence) this.#revisions.delete(number);
      }
      this.#events.onApplied();
    }
    const numbers = counting.map(({ number }) => number);
    for (const target of this.targets()) {
      if (target.drain.phase !== 'draining') continue;
      const drained = this.#drains.drained(target, numbers);
      if (drained === undefined || (this.#draining.get(target) ?? 0) > sequence) continue;
      target.drain = { phase: 'drained', cut: drained.cut };
      target.since = this.#options.clock.now();
      this.#events.onTargetChange(target);
    }
  }

  *targets(): Generator<Target> {
    for (const group of this.#routing.groups.values()) yield* group.targets.values();
  }

  isRouted(target: Target): boolean {
    return (this.#since.get(target) ?? Infinity) <= this.#appliedSequence;
  }

  traffic(): GroupTraffic[] {
    const live = Array.from(this.#workers, (worker) => worker.traffic);
    return this.#traffic.totals(this.#table.groups.keys(), live);
  }

  async settleCounts(): Promise<void> {
    const { clock } = this.#options;
    this.#countOrders += 1;
    const number = this.#countOrders;
    const asked = [...this.#workers].filter((worker) => worker.counts);
    for (const worker of asked) worker.tell({ kind: 'count', number });
    const until = clock.monotonic() + COUNT_MS;
    const missing = (): boolean =>
      asked.some(({ phase, counted, countedLast }) => {
        return phase !== 'gone' && counted < number && !countedLast;
      });
    while (missing()) {
      if (clock.monotonic() >= until)
        throw new Error(`a worker did not count within ${COUNT_MS} ms`);
      await clock.sleep(STEP_MS, this.#stopping.signal);
    }
  }

  #onHealth(target: Target): void {
    if (this.#told.size === 0) queueMicrotask(() => this.#tellHealth());
    this.#told.add(target);
    this.#events.onTargetChange(target);
  }

  #tellHealth(): void {
    const targets = Array.from(this.#told, (target) => ({
      ...nameOfTarget(target),
      health: target.health,
    }));
    this.#told.clear();
    for (const worker of this.#workers) worker.tell({ kind: 'health', targets });
  }

  async serve(): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + FIRST_CHECKS_MS;
    while (!this.#health.settled && clock.monotonic() < until) {
      await clock.sleep(STEP_MS, this.#stopping.signal);
    }
    this.#serving = true;
    for (const worker of this.#workers) this.#bringIn(worker);
  }

  /** Lets a worker serve. What it has been sent it obeys first: it will route by the newest table. */
  #bringIn(worker: WorkerHandle): void {
    if (worker.phase !== 'starting' || !this.#serving || !worker.ready) return;
    worker.phase = 'serving';
    worker.applied = this.#sequence;
    worker.tell({ kind: 'serve' });
    for (const order of this.#following.values()) {
      worker.tell({ kind: 'requests', order: { ...order, limit: 0 } });
    }
    this.#look();
  }

  #start(slot: number): WorkerHandle {
    const { clock } = this.#options;
    const worker = new WorkerHandle(slot, clock.monotonic(), {
      onNews: (from, news, socket) => this.#hear(from, news, socket),
      onExit: (from, how) => this.#onExit(from, how),
    });
    this.#workers.add(worker);
    return worker;
  }

  #begin(worker: WorkerHandle): void {
    const { settings = {}, certificateDirectory } = this.#options;
    const { proxyId, bindAddress, logLevel, accessLog, workers } = this.#options;
    const { slot } = worker;
    const common = { proxyId, bindAddress, logLevel, accessLog, workers };
    worker.tell({ kind: 'begin', options: { ...common, slot, settings, certificateDirectory } });
    // From now on it gets each update too.
    worker.applied = 0;
    const update = snapshotOf(this.#table.records);
    worker.tell({ kind: 'update', update, sequence: this.#sequence });
    const targets = [...this.targets()];
    worker.tell({
      kind: 'health',
      targets: targets.map((target) => ({ ...nameOfTarget(target), health: target.health })),
    });
    for (const target of this.#ejected.keys()) {
      worker.tell({ kind: 'ejection', ejected: true, ...nameOfTarget(target) });
    }
  }

  #hear(worker: WorkerHandle, news: News, socket: object | undefined): void {
    switch (news.kind) {
      case 'up':
        this.#begin(worker);
        return;
      case 'applied':
        worker.ready = true;
        worker.applied = Math.max(worker.applied, news.sequence);
        this.#bringIn(worker);
        this.#look();
        return;
      case 'drain': {
        const target = findTarget(this.#routing.groups, news);
        if (target === undefined || news.sequence < (this.#draining.get(target) ?? Infinity))
          return;
        this.#drains.note(target, worker.number, news);
        this.#look();
        return;
      }
      case 'ejection':
        this.#onEjection(worker, news);
        return;
      case 'anomaly': {
        const target = findTarget(this.#routing.groups, news);
        if (target !== undefined) this.#onAnomaly(worker, target, news.anomalous, news.weight);
        return;
      }
      case 'take':
        this.#slots.ask(news.port, {
          slot: worker.slot,
          number: worker.number,
          answer: ({ port, bind, socket: kept }) => worker.tell({ kind: 'port', port, bind }, kept),
        });
        return;
      case 'listening':
        this.#slots.opened(news.port, worker.slot, news.actual, socket as KeptSocket | undefined);
        return;
      case 'refused':
        this.#slots.gaveUp(worker.number, news.port);
        return;
      case 'ports':
        worker.settled = news.settled;
        worker.problems = news.problems;
        return;
      case 'traffic':
        worker.traffic = news.groups;
        this.counts.take(worker.number, news.targets, news.failures);
        return;
      case 'counted':
        worker.counted = news.number;
        return;
      case 'countedLast':
        worker.countedLast = true;
        return;
      case 'metrics':
        worker.metrics = news.metrics;
        this.#metrics.show(news.metrics);
        return;
      case 'requests':
        this.#onAnswer(worker, news.answer);
        return;
      case 'pong':
        return;
    }
  }

  #onEjection(worker: WorkerHandle, news: Extract<News, { kind: 'ejection' }>): void {
    const target = findTarget(this.#routing.groups, news);
    if (target === undefined) return;
    if (news.ejected) this.#ejected.set(target, worker);
    else this.#ejected.delete(target);
    for (const other of this.#workers) {
      if (other !== worker) other.tell({ ...news, kind: 'ejection' });
    }
  }

  /** It stands out as soon as one worker says so. */
  #onAnomaly(worker: WorkerHandle, target: Target, anomalous: boolean, weight: number): void {
    const sayers = this.#anomalous.get(target) ?? new Map<WorkerHandle, number>();
    if (anomalous || weight < 1) sayers.set(worker, weight);
    else sayers.delete(worker);
    if (sayers.size > 0) this.#anomalous.set(target, sayers);
    else this.#anomalous.delete(target);
    target.anomalous = sayers.size > 0;
    target.weight = Math.min(1, ...sayers.values());
    this.#events.onTargetChange(target);
  }

  #onAnswer(worker: WorkerHandle, answer: Parameters<RequestTeller['onAnswer']>[0]): void {
    const waiting = this.#asked.get(answer.orderId);
    if (waiting === undefined) return;
    if (answer.requests.length > 0 || answer.skipped > 0) this.onAnswer({ ...answer, done: false });
    if (!answer.done) return;
    waiting.delete(worker);
    this.#endOrder(answer.orderId, waiting);
  }

  #endOrder(orderId: string, waiting: ReadonlySet<WorkerHandle>): void {
    if (waiting.size > 0 || this.#following.has(orderId)) return;
    this.#asked.delete(orderId);
    this.onAnswer({ orderId, requests: [], skipped: 0, done: true });
  }

  take(order: RequestOrder): void {
    const { orderId, cancel } = order;
    const workers = this.#counting();
    for (const worker of workers) worker.tell({ kind: 'requests', order });
    this.#following.delete(orderId);
    this.#asked.delete(orderId);
    if (cancel) return;
    const waiting = new Set(workers);
    this.#asked.set(orderId, waiting);
    if (order.follow) this.#following.set(orderId, order);
    this.#endOrder(orderId, waiting);
  }

  stopTelling(): void {
    this.#asked.clear();
    this.#following.clear();
    for (const worker of this.#workers) worker.tell({ kind: 'stopTelling' });
  }

  #onExit(worker: WorkerHandle, how: string): void {
    const { logger, clock } = this.#options;
    this.#workers.delete(worker);
    this.#slots.gaveUp(worker.number);
    this.#drains.forgetWorker(worker.number);
    this.#traffic.add(worker.traffic);
    this.counts.end(worker.number);
    if (worker.hasCounted && !worker.countedLast) this.countsLostAt = clock.now();
    this.#metrics.add(worker.metrics).catch(() => undefined);
    for (const [target, by] of this.#ejected) if (by === worker) this.#ejected.delete(target);
    for (const [target, sayers] of this.#anomalous) {
      if (sayers.has(worker)) this.#onAnomaly(worker, target, false, 1);
    }
    for (const [orderId, waiting] of this.#asked) {
      if (waiting.delete(worker)) this.#endOrder(orderId, waiting);
    }
    this.#look();
    const wanted = ![...this.#workers].some(
      ({ slot, phase }) => slot === worker.slot && phase !== 'ending',
    );
    if (this.#stopping.signal.aborted || !wanted) return;
    const lived = clock.monotonic() - worker.startedAt;
    logger.error({ worker: worker.slot, how, livedMs: Math.round(lived) }, 'a worker ended');
    this.#restarts(worker.unanswered >= MOST_UNANSWERED ? 'hung' : 'died');
    const failures = lived < SHORT_LIFE_MS ? (this.#shortLives.get(worker.slot) ?? 0) + 1 : 0;
    this.#shortLives.set(worker.slot, failures);
    this.#replace(worker.slot, failures).catch(() => undefined);
  }

  /** The first at once. */
  async #replace(slot: number, failures: number): Promise<void> {
    const { clock, random } = this.#options;
    if (failures > 1) {
      await clock.sleep(backoffDelay(BACKOFF, failures - 1, random), this.#stopping.signal);
    }
    if (!this.#stopping.signal.aborted) this.#start(slot);
  }

  async #watch(): Promise<void> {
    const { clock, logger } = this.#options;
    for (;;) {
      await clock.sleep(PING_MS, this.#stopping.signal);
      for (const worker of this.#workers) {
        if (worker.unanswered >= MOST_UNANSWERED) {
          logger.error(
            { worker: worker.slot, pid: worker.pid },
            'a worker does not answer: killed',
          );
          worker.kill();
        } else {
          worker.unanswered += 1;
          worker.tell({ kind: 'ping' });
        }
      }
    }
  }

  /**
   * Replaces the workers one after the other, each by a new process of the program as it is on disk now, which serves before the old one stops.
   * @throws Error when a replacement does not begin to serve; the workers that there are go on then
   */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => (this.#reloading = undefined));
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const { workers, clock, logger } = this.#options;
    for (let slot = 0; slot < workers; slot += 1) {
      const old = [...this.#workers].filter((worker) => worker.slot === slot);
      const next = this.#start(slot);
      const until = clock.monotonic() + START_MS;
      while (!(next.phase === 'serving' && next.settled)) {
        if (next.phase === 'gone' || clock.monotonic() > until) {
          next.phase = next.phase === 'gone' ? 'gone' : 'ending';
          next.kill();
          throw new Error(`the new worker ${slot} did not begin to serve within ${START_MS} ms`);
        }
        await clock.sleep(STEP_MS, this.#stopping.signal);
      }
      this.#restarts('reload');
      for (const worker of old) {
        worker.phase = worker.phase === 'gone' ? 'gone' : 'ending';
        worker.tell({ kind: 'stop', graceMs: REPLACED_GRACE_MS });
        this.#killLate(worker, REPLACED_GRACE_MS + END_MS).catch(() => undefined);
      }
      logger.info({ worker: slot, pid: next.pid }, 'a worker was replaced');
    }
  }

  async #killLate(worker: WorkerHandle, ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stopping.signal);
    if (this.#workers.has(worker)) worker.kill();
  }

  problems(): string[] {
    const counting = this.#counting();
    if (this.#serving && counting.length === 0) return ['no worker serves; see the log for why'];
    return [...new Set(counting.flatMap((worker) => worker.problems))];
  }

  actualPort(port: number): number | undefined {
    return this.#slots.actualPort(port);
  }

  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#stopping.abort(new Error('the proxy stops'));
    this.#health.stop();
    for (const worker of this.#workers) {
      worker.tell({ kind: 'stop', graceMs });
    }
    this.#slots.close();
    const never = new AbortController().signal;
    const until = clock.monotonic() + graceMs + END_MS;
    while (this.#workers.size > 0 && clock.monotonic() < until) {
      await abortable(clock.sleep(STEP_MS, never), never);
    }
    for (const worker of this.#workers) worker.kill();
    this.#metrics.remove();
    this.#removeMetrics();
  }
}
