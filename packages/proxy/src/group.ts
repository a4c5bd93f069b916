// A target group at run time: which targets are eligible now, whose turn it is, and what has been counted. Choosing a target
// and counting the request on it is one synchronous step, so that a target which was seen as drained can't be
// chosen by a request that is under way.
import type { Clock } from '@berth/control/clock.ts';
import type { TargetRecord } from '@berth/model/generated/messages.ts';
import type { GroupSettings } from '@berth/model/routing/group-settings.ts';
import { eligibleTargets, leastOutstanding, roundRobin } from '@berth/model/routing/select.ts';
import type { GroupRoutes } from '@berth/model/routing/table.ts';

import type { GroupMeter } from './metrics.ts';
import type { ProxySettings } from './settings.ts';
import { Target } from './target.ts';

export interface GroupHooks {
  /** The last request on a draining target has ended. */
  onIdle(target: Target): void;
}

export class Group {
  readonly name: string;
  readonly meter: GroupMeter;
  settings: GroupSettings;
  inUse: boolean;
  /** By target id. */
  targets: ReadonlyMap<string, Target> = new Map();
  failOpen = false;
  readonly #proxySettings: ProxySettings;
  readonly #clock: Clock;
  readonly #hooks: GroupHooks;
  #eligible: readonly Target[] = [];
  #cursor = 0;

  constructor(
    routes: GroupRoutes,
    meter: GroupMeter,
    hooks: GroupHooks,
    proxySettings: ProxySettings,
    clock: Clock,
  ) {
    this.name = routes.record.name;
    this.meter = meter;
    this.settings = routes.settings;
    this.inUse = routes.inUse;
    this.#proxySettings = proxySettings;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** Takes in the group's part of a new table. @returns targets that are no longer in it */
  apply(routes: GroupRoutes): readonly Target[] {
    const before = this.targets;
    this.settings = routes.settings;
    this.inUse = routes.inUse;
    this.targets = new Map(
      routes.targets.map((record) => [record.id, this.#targetFor(record, before.get(record.id))]),
    );
    this.refresh();
    return [...before.values()].filter((target) => this.targets.get(target.record.id) !== target);
  }

  #targetFor(record: TargetRecord, known: Target | undefined): Target {
    if (known?.isOf(record) !== true) {
      return new Target(record, this.settings, this.#proxySettings, this.#clock);
    }
    known.record = record;
    return known;
  }

  /** To be called whenever a target's record, health or ejection has changed. */
  refresh(): void {
    const found = eligibleTargets([...this.targets.values()], this.settings);
    this.#eligible = found.targets;
    this.failOpen = found.failOpen;
  }

  /** @returns the target that may take one more request, already counted as in flight on it */
  select(tried?: readonly Target[]): Target | undefined {
    const eligible = this.#eligible;
    const limit = this.#proxySettings.targetConnections;
    let index: number;
    if (this.settings.algorithm === 'least_outstanding_requests') {
      index = leastOutstanding(
        eligible,
        this.#cursor,
        (target) => tried?.includes(target) === true,
      );
    } else index = this.#inTurn(eligible, tried);
    let target = eligible[index];
    if (target !== undefined && target.inFlight >= limit) {
      const full = (other: Target): boolean =>
        other.inFlight >= limit || tried?.includes(other) === true;
      index = roundRobin(eligible, this.#cursor, full);
      target = eligible[index];
    }
    if (target === undefined) return undefined;
    this.#cursor = index + 1;
    target.inFlight += 1;
    return target;
  }

  /** The next in turn; after a failure rather one of another host, since hosts fail as a whole. */
  #inTurn(eligible: readonly Target[], tried: readonly Target[] | undefined): number {
    if (tried === undefined) return roundRobin(eligible, this.#cursor);
    const elsewhere = roundRobin(eligible, this.#cursor, (target) =>
      tried.some((other) => other.record.address === target.record.address),
    );
    if (elsewhere >= 0) return elsewhere;
    return roundRobin(eligible, this.#cursor, (target) => tried.includes(target));
  }

  /** @returns false when this target may take no new request now, not even a repeated one */
  retake(target: Target): boolean {
    if (!this.#eligible.includes(target)) return false;
    target.inFlight += 1;
    return true;
  }

  /** The counterpart of `select` and `retake`. */
  release(target: Target): void {
    target.inFlight -= 1;
    if (target.inFlight === 0 && target.draining) this.#hooks.onIdle(target);
  }
}
