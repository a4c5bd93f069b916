// A target group at run time: which targets are eligible now, whose turn it is, who waits for one, and what has been counted. Choosing a target
// and counting the request on it is one synchronous step, so that a target which was seen as drained can't be
// chosen by a request that is under way.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { TargetRecord } from '@berth/model/generated/messages.ts';
import { LEAST_TARGETS, findAnomalies, nextWeight } from '@berth/model/routing/anomaly.ts';
import type { GroupSettings } from '@berth/model/routing/group-settings.ts';
import { mayRetry } from '@berth/model/routing/retry-budget.ts';
import {
  byClient,
  eligibleTargets,
  leastOutstanding,
  pacedTurn,
  roundRobin,
  weightedRandom,
} from '@berth/model/routing/select.ts';
import { slowStartShare, startsSlowly } from '@berth/model/routing/slow-start.ts';
import type { GroupRoutes } from '@berth/model/routing/table.ts';

import { TargetQueue, type TargetWaiter } from './balancing/target-queue.ts';
import type { GroupMeter } from './metrics.ts';
import type { ProxySettings } from './settings.ts';
import { Target } from './target.ts';

export interface GroupHooks {
  /** The last request on a draining target has ended. */
  onIdle(target: Target): void;
  /** A target's errors have begun or ceased to stand out, or what follows from that has. */
  onAnomaly(target: Target): void;
}

export interface GroupSurroundings {
  readonly hooks: GroupHooks;
  readonly settings: ProxySettings;
  readonly clock: Clock;
  readonly random: Random;
}

type Avoid = (target: Target) => boolean;

export class Group {
  readonly name: string;
  readonly meter: GroupMeter;
  settings: GroupSettings;
  inUse: boolean;
  #crossZone: boolean;
  /** By target id. */
  targets: ReadonlyMap<string, Target> = new Map();
  failOpen = false;
  readonly #with: GroupSurroundings;
  readonly #queue: TargetQueue;
  readonly #starting = new Set<Target>();
  #eligible: readonly Target[] = [];
  #cursor = 0;
  /** Requests that are on a further try. */
  #repeating = 0;

  constructor(routes: GroupRoutes, meter: GroupMeter, surroundings: GroupSurroundings) {
    this.name = routes.record.name;
    this.meter = meter;
    this.settings = routes.settings;
    this.inUse = routes.inUse;
    this.#crossZone = routes.crossZone;
    this.#with = surroundings;
    this.#queue = new TargetQueue(surroundings.clock);
  }

  /** Takes in the group's part of a new table. @returns targets that are no longer in it */
  apply(routes: GroupRoutes): readonly Target[] {
    const before = this.targets;
    this.settings = routes.settings;
    this.inUse = routes.inUse;
    this.#crossZone = routes.crossZone;
    this.targets = new Map(
      routes.targets.map((record) => [record.id, this.#targetFor(record, before.get(record.id))]),
    );
    const gone = [...before.values()].filter(
      (target) => this.targets.get(target.record.id) !== target,
    );
    for (const target of gone) {
      target.eligible = false;
      this.#starting.delete(target);
    }
    this.refresh();
    return gone;
  }

  #targetFor(record: TargetRecord, known: Target | undefined): Target {
    if (known?.isOf(record) !== true) {
      return new Target(record, this.settings, this.#with.settings, this.#with.clock);
    }
    known.record = record;
    return known;
  }

  /** To be called whenever a target's record, health or ejection has changed. */
  refresh(): void {
    const all = [...this.targets.values()];
    this.#settle(all);
    for (const target of this.#eligible) target.eligible = false;
    const found = eligibleTargets(this.#near(all), this.settings);
    for (const target of found.targets) target.eligible = true;
    this.#eligible = found.targets;
    this.failOpen = found.failOpen;
    this.#serveQueue();
  }

  /** Those in the proxy's zone where the group wants it so; all of them while none is registered there. */
  #near(all: readonly Target[]): readonly Target[] {
    const { zone } = this.#with.settings;
    if (this.#crossZone || zone === undefined) return all;
    const near = all.filter(({ record }) => record.availabilityZone === zone);
    return near.some((target) => !target.draining) ? near : all;
  }

  /** Begins and ends slow starts. */
  #settle(all: readonly Target[]): void {
    const healthy = all.filter((target) => target.healthy && !target.draining);
    const newcomers = healthy.filter((target) => !target.settled);
    const slow =
      this.settings.slowStartMs > 0
        ? newcomers.filter((target) => startsSlowly(target, healthy))
        : [];
    const now = this.#with.clock.monotonic();
    for (const target of slow) {
      target.slowSince = now;
      target.credit = 0;
      this.#starting.add(target);
    }
    for (const target of newcomers) {
      target.settled = true;
      target.recovering = true;
    }
    for (const target of all) {
      if (!target.settled || (target.healthy && !target.draining)) continue;
      target.settled = false;
      this.#endSlowStart(target);
    }
  }

  #endSlowStart(target: Target): void {
    target.slowSince = undefined;
    target.share = 1;
    target.credit = 0;
    this.#starting.delete(target);
  }

  /**
   * @param tried targets that this request has tried already
   * @param preferred the one that the client is on; taken if it may take requests and has room
   * @returns the target that may take one more request, already counted as in flight on it
   */
  select(tried?: readonly Target[], preferred?: Target): Target | undefined {
    const eligible = this.#eligible;
    const most = this.#mostInFlight;
    if (preferred?.eligible === true && preferred.inFlight < most) {
      if (tried?.includes(preferred) !== true) return this.#take(preferred);
    }
    let index = this.#choose(eligible, tried);
    let target = eligible[index];
    if (target !== undefined && target.inFlight >= most) {
      const full: Avoid = (other) => other.inFlight >= most || tried?.includes(other) === true;
      index = roundRobin(eligible, this.#cursor, full);
      target = eligible[index];
    }
    if (target === undefined) return undefined;
    this.#cursor = index + 1;
    return this.#take(target);
  }

  #take(target: Target): Target {
    target.inFlight += 1;
    return target;
  }

  get #mostInFlight(): number {
    const { perTarget } = this.settings.concurrency;
    const { targetConnections } = this.#with.settings;
    return perTarget === 0 ? targetConnections : Math.min(perTarget, targetConnections);
  }

  /** After a failure rather one of another host, since hosts fail as a whole. */
  #choose(eligible: readonly Target[], tried: readonly Target[] | undefined): number {
    if (tried === undefined) return this.#byAlgorithm(eligible, undefined);
    const elsewhere = this.#byAlgorithm(eligible, (target) =>
      tried.some((other) => other.record.address === target.record.address),
    );
    if (elsewhere >= 0) return elsewhere;
    return this.#byAlgorithm(eligible, (target) => tried.includes(target));
  }

  #byAlgorithm(eligible: readonly Target[], avoid: Avoid | undefined): number {
    switch (this.settings.algorithm) {
      case 'round_robin':
        if (this.#starting.size === 0) return roundRobin(eligible, this.#cursor, avoid);
        this.#updateShares();
        return pacedTurn(eligible, this.#cursor, avoid);
      case 'least_outstanding_requests':
        return leastOutstanding(eligible, this.#cursor, avoid);
      case 'weighted_random':
        return weightedRandom(eligible, this.#with.random(), avoid);
    }
  }

  #updateShares(): void {
    const now = this.#with.clock.monotonic();
    const { slowStartMs } = this.settings;
    for (const target of this.#starting) {
      target.share = slowStartShare(now - (target.slowSince ?? 0), slowStartMs);
      if (target.share === 1) this.#endSlowStart(target);
    }
  }

  /** Where clients are kept on their target by address: the target of this one. */
  targetOfAddress(address: string): Target | undefined {
    if (this.settings.stickiness.type !== 'source_ip') return undefined;
    return this.#eligible[byClient(this.#eligible, address)];
  }

  /** Requests that wait until a target has room. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** @returns false when this target may take no new request now, not even a repeated one */
  retake(target: Target): boolean {
    if (!target.eligible) return false;
    target.inFlight += 1;
    return true;
  }

  /** The counterpart of `select` and `retake`, and of `TargetWaiter.onTarget`. */
  release(target: Target): void {
    target.inFlight -= 1;
    if (target.inFlight === 0 && target.draining) this.#with.hooks.onIdle(target);
    if (this.#queue.length > 0) this.#serveQueue();
  }

  /** All targets have as many requests as their group allows: a request may wait, or is refused with Retry-After. */
  get saturated(): boolean {
    return this.settings.concurrency.perTarget > 0 && this.#eligible.length > 0;
  }

  /** Seconds after which it may be worth another try. */
  get retryAfter(): number {
    return Math.ceil(this.settings.concurrency.queueTimeoutMs / 1000);
  }

  /**
   * To be called after `select` has found nobody. A waiter that gives up calls `leave`.
   * @returns false when the queue is full or waiting is of no use
   */
  wait(waiter: TargetWaiter): boolean {
    const { queueLength, queueTimeoutMs } = this.settings.concurrency;
    if (!this.saturated || this.#queue.length >= queueLength) return false;
    this.#queue.add(waiter, queueTimeoutMs);
    return true;
  }

  leave(waiter: TargetWaiter): void {
    this.#queue.remove(waiter);
  }

  #serveQueue(): void {
    while (this.#queue.length > 0) {
      const target = this.select();
      if (target === undefined) return;
      this.#queue.take()?.onTarget(target);
    }
  }

  /** @returns false when too many requests are on a further try already; else `endRepeat` must follow */
  beginRepeat(): boolean {
    if (!mayRetry(this.settings.retries, this.meter.active, this.#repeating)) return false;
    this.#repeating += 1;
    return true;
  }

  endRepeat(): void {
    this.#repeating -= 1;
  }

  /** Registered targets, and those of them that are passed over for their failures. */
  get crowd(): { readonly targets: number; readonly ejected: number } {
    let targets = 0;
    let ejected = 0;
    for (const target of this.targets.values()) {
      if (target.draining) continue;
      targets += 1;
      if (target.outlier.ejectedUntil !== undefined) ejected += 1;
    }
    return { targets, ejected };
  }

  /** What is odd about a target counts only while requests are spread by it. */
  get mitigates(): boolean {
    return this.settings.algorithm === 'weighted_random' && this.settings.anomalyMitigation;
  }

  /** Compares the targets' errors; to be called each time that a slice of `ANOMALY_WINDOW_MS` is over. */
  compareErrors(): void {
    const healthy = [...this.targets.values()].filter(
      (target) => target.healthy && !target.draining,
    );
    if (healthy.length >= LEAST_TARGETS || healthy.some((target) => target.anomalous)) {
      const samples = healthy.map((target) => target.answers.sample);
      const before = healthy.map((target) => target.anomalous);
      const found = findAnomalies(samples, before);
      for (const [index, target] of healthy.entries()) {
        this.#judge(target, found[index] === true);
      }
    }
    for (const target of this.targets.values()) target.answers.turn();
  }

  #judge(target: Target, anomalous: boolean): void {
    const { weight } = target;
    const before = target.anomalous;
    target.anomalous = anomalous;
    target.weight = this.mitigates ? nextWeight(weight, anomalous) : 1;
    if (before !== anomalous || weight < 1 !== target.weight < 1) {
      this.#with.hooks.onAnomaly(target);
    }
  }
}
